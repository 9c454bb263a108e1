// SPDX-License-Identifier: Apache-2.0
// qalam top: one experiment on the whole screen, whoever runs it, until q. Looking does not touch it.
#include <signal.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/remote.h"
#include "cli/signals.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/tracker.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kRedrawEvery{250};

struct TopOptions : ViewOptions {
  std::vector<std::string> target;
};

// The terminal's other screen, and keys as they are typed; as it was before when this goes.
class FullScreen {
 public:
  FullScreen() {
    if (tcgetattr(STDIN_FILENO, &before_) == 0) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    Write("\x1b[?1049h\x1b[?25l");
  }
  ~FullScreen() {
    Write("\x1b[?25h\x1b[?1049l");
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  // From the top, each line to its end, and nothing below the last.
  void Draw(const std::vector<std::string>& lines) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
    Write(text + "\x1b[J");
  }

 private:
  static void Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
      if (n < 0 && errno != EINTR) return;
      if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  termios before_{};
  bool changed_ = false;
};

class Top {
 public:
  Top(StoreReader& reader, const TopOptions& options, const Experiment& experiment)
      : options_(options), tracker_(reader, clock_), id_(experiment.id) {}

  Status Begin(const ExperimentSpec& spec) {
    const bool usual = options_.db == kDefaultDatabase;
    return tracker_.Follow(spec, id_, usual ? "" : " --db " + ShellWord(options_.db));
  }

  std::vector<std::string> Lines(const View& view) {
    tracker_.ReadReports();
    ProgressModel& model = tracker_.models().at(id_);
    model.waiting = Waiting(model);
    View above = view;
    --above.height;
    std::vector<std::string> lines = RenderDisplay(model, above, clock_.Wall());
    if (IsFinal(model.state) && lines.size() + 4 < static_cast<std::size_t>(above.height)) {
      lines.emplace_back();
      View plain = view;
      plain.color = false;  // the lines are cut to fit
      for (std::string& line : RenderEnd(model, plain, clock_.Wall())) lines.push_back(Fit(line, view.width));
    }
    return lines;
  }

  // Until somebody types q, or a signal comes.
  Status Watch() {
    EventLoop loop(clock_);
    Status status;
    FullScreen screen;
    const Signals signals(loop, [&](int signal) {
      if (signal == SIGWINCH) {
        Draw(&screen);
      } else {
        loop.Stop();
      }
    });
    loop.Watch(STDIN_FILENO, EPOLLIN, [&](std::uint32_t) {
      std::array<char, 64> keys{};
      const ssize_t n = read(STDIN_FILENO, keys.data(), keys.size());
      const std::string_view typed(keys.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
      if (n <= 0 || typed.find('q') != std::string_view::npos) loop.Stop();
    });
    std::function<void()> tick = [&] {
      status = tracker_.Update(nullptr);
      if (!status.ok()) return loop.Stop();
      Draw(&screen);
      loop.After(kRedrawEvery, tick);
    };
    loop.Post(tick);
    loop.Run();
    return status;
  }

 private:
  void Draw(FullScreen* screen) {
    const View view = TerminalView(STDOUT_FILENO);
    std::vector<std::string> lines = Lines(view);
    lines.resize(static_cast<std::size_t>(std::max(1, view.height - 1)));
    lines.push_back(Fit("  q leaves; the experiment goes on without you", view.width));
    screen->Draw(lines);
  }

  // Asked of whoever runs it, seldom: it is a question to another process.
  std::string Waiting(const ProgressModel& model) {
    if (IsFinal(model.state)) return "";
    const Duration now = clock_.Monotonic();
    if (asked_ != Duration{} && now - asked_ < std::chrono::seconds(1)) return model.waiting;
    asked_ = now;
    if (host_ == nullptr || host_->gone()) {
      auto connected = RemoteHost::Connect(options_.db);
      host_ = connected.ok() ? *std::move(connected) : nullptr;
    }
    if (host_ != nullptr) return host_->WhyWaiting(id_);
    return model.paused ? "" : "no qalam runs on this database now: qalam run resumes it";
  }

  const TopOptions& options_;
  const SystemClock clock_;
  Tracker tracker_;
  std::int64_t id_;
  std::unique_ptr<RemoteHost> host_;
  Duration asked_{};
};

Status Show(StoreReader& reader, const TopOptions& options) {
  QALAM_TRY(const Target target, FindTarget(reader, options.namespace_name, options.target, Kinds::kExperiments));
  const Experiment& experiment = target.experiment;
  QALAM_TRY(const ExperimentSpec spec, ReadStored(experiment));
  Top top(reader, options, experiment);
  QALAM_RETURN_IF_ERROR(top.Begin(spec));
  if (CanRedraw(STDOUT_FILENO) && isatty(STDIN_FILENO) != 0) return top.Watch();
  for (const std::string& line : top.Lines(TerminalView(STDOUT_FILENO))) Print(line + "\n");
  return OkStatus();
}

int TopVerb(const TopOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Status shown = Show(**reader, options);
  return shown.ok() ? kDone : Complain(shown);
}

}  // namespace

Verb MakeTopVerb() {
  const auto o = std::make_shared<TopOptions>();
  Verb verb{"top", "one experiment on the whole screen, live; q leaves"};
  verb.Option("TARGET", &o->target, "exp NAME, or NAME (default: the only one there is)");
  AddNamespace(&verb, &o->namespace_name);
  AddDatabase(&verb, &o->db);
  verb.run = [o](const Invocation&) { return TopVerb(*o); };
  return verb;
}

}  // namespace qalam
