// SPDX-License-Identifier: Apache-2.0
// qalam doctor: what this machine and this database allow, each in a sentence, and what to do about it. Things are
// tried, not looked up: a step is run under the shim, files are synced, a namespace is made.
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "cli/launch.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/socket.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/loop.h"
#include "pipelines/engines/local_engine.h"
#include "store/check.h"
#include "store/lock.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct DoctorOptions {
  std::string db = kDefaultDatabase, output = "table";
};

enum class Verdict { kGood, kLimited, kBad };
struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string what, found, advice;
};

std::string Word(Verdict verdict) {
  return verdict == Verdict::kGood ? "ok" : verdict == Verdict::kLimited ? "limited" : "bad";
}

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// A folder beside the database, gone at the end: what is tried there is what the trials will find.
class TryFolder {
 public:
  explicit TryFolder(const std::string& db) {
    std::error_code error;
    const fs::path parent = fs::absolute(db, error).parent_path();
    std::string name = (parent / ".qalam-doctor-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TryFolder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  TryFolder(const TryFolder&) = delete;
  TryFolder& operator=(const TryFolder&) = delete;
  const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  std::string path_;
};

// One step that ends at once, as a trial's would be run.
struct Tried {
  Status status;
  std::string started, exit;  // what the shim recorded
  Duration took{};
};

Tried TryStep(const std::string& root) {
  struct Heard final : RunObserver {
    explicit Heard(EventLoop& l) : loop(l) {}
    void OnStep(const StepRecord&) override {}
    void OnOutput(const RunId&, int, std::string_view, std::int64_t, std::string_view) override {}
    void OnRunEnd(const RunId&, const RunEnd& e) override {
      end = e;
      loop.Stop();
    }
    EventLoop& loop;
    std::optional<RunEnd> end;
  };
  Tried tried;
  const Result<std::string> shim = FindShim();
  if (!shim.ok()) {
    tried.status = shim.status();
    return tried;
  }
  const SystemClock clock;
  EventLoop loop(clock);
  Heard heard(loop);
  LocalEngineOptions options;
  options.root = root;
  options.shim = *shim;
  const std::unique_ptr<Engine> engine = MakeLocalEngine(loop, options);
  engine->SetObserver(&heard);
  Step step;
  step.name = "try";
  step.command = {"true"};
  step.limits.memory = 64 << 20;
  Run run;
  run.steps.push_back(std::move(step));
  const Duration start = clock.Monotonic();
  tried.status = engine->Start("try", run, {});
  if (!tried.status.ok()) return tried;
  loop.After(std::chrono::seconds(20), [&loop] { loop.Stop(); });
  loop.Run();
  tried.took = clock.Monotonic() - start;
  tried.started = ReadText(root + "/try/try/1/started");
  tried.exit = ReadText(root + "/try/try/1/exit.json");
  if (!heard.end) tried.status = Error(Code::kDeadlineExceeded, "a step that ends at once had not ended in 20 s");
  if (heard.end && heard.end->state != StepState::kSucceeded)
    tried.status = Error(Code::kInternal, "{}: {}", heard.end->reason, heard.end->message);
  return tried;
}

std::string LineOf(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  }
  return "";
}

void LookAtSteps(const std::string& folder, std::vector<Finding>* out) {
  if (folder.empty()) {
    out->push_back({Verdict::kBad, "folder", "nothing can be written where the database is to be",
                    "work in a folder of your own, or name the database with --db FILE"});
    return;
  }
  const Tried tried = TryStep(folder + "/runs");
  if (!tried.status.ok()) {
    out->push_back({Verdict::kBad, "qalam-shim", tried.status.message(),
                    "put qalam-shim beside qalam (./dev build makes both), or name it with QALAM_SHIM"});
    return;
  }
  out->push_back(
      {Verdict::kGood, "qalam-shim", fmt::format("a step that does nothing took {}", ShortDuration(tried.took)), ""});
  if (LineOf(tried.started, "cgroup").empty()) {
    out->push_back({Verdict::kLimited, "cgroups", "none can be made here: what a trial starts is found by its parents",
                    "nothing is needed; a process that hides from its parents would be missed. In a container: run it "
                    "with a writable /sys/fs/cgroup"});
  } else {
    out->push_back({Verdict::kGood, "cgroups", "each step has its own: nothing that it starts is missed", ""});
  }
  if (tried.exit.find("no memory cgroup") == std::string::npos) {
    out->push_back({Verdict::kGood, "memory limit", "resources.limits.memory holds for all processes of a step", ""});
  } else {
    out->push_back({Verdict::kLimited, "memory limit", "no memory cgroup: a limit is put on each process by itself",
                    "set limits with room for the number of processes"});
  }
}

void LookAtNamespaces(std::vector<Finding>* out) {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 || unshare(CLONE_NEWNS) == 0 ? 0 : 1);
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    out->push_back(
        {Verdict::kGood, "namespaces", "a trial can have paths of its own (mounts, fixed metric files)", ""});
  } else {
    out->push_back({Verdict::kLimited, "namespaces",
                    "none can be made: fixed paths are rewritten in arguments and environment instead",
                    "if a program has a fixed path inside, allow user namespaces: sysctl "
                    "kernel.unprivileged_userns_clone=1"});
  }
}

void LookAtGpus(std::vector<Finding>* out) {
  int devices = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const std::string name = entry.path().filename().string();
    const std::string number = name.starts_with("nvidia") ? name.substr(6) : "";
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos) ++devices;
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  std::string found =
      devices == 0 ? "none (/dev/nvidia*): trials run on the processors" : fmt::format("{} of NVIDIA", devices);
  if (visible != nullptr) found += fmt::format("; CUDA_VISIBLE_DEVICES is '{}'", Printable(visible));
  out->push_back({Verdict::kGood, "gpus", found, ""});
}

void LookAtMachine(std::vector<Finding>* out) {
  const std::string memory = ReadText("/proc/meminfo");
  const std::size_t at = memory.find("MemAvailable:");
  const double free = at == std::string::npos ? 0 : std::strtod(memory.c_str() + at + 13, nullptr) / (1 << 20);
  out->push_back({Verdict::kGood, "machine",
                  fmt::format("{} processors, {:.1f} GiB of memory free", std::thread::hardware_concurrency(), free),
                  ""});
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  constexpr rlim_t kEnough = 1024;
  out->push_back({files.rlim_cur >= kEnough ? Verdict::kGood : Verdict::kLimited, "open files",
                  fmt::format("at most {} at once",
                              files.rlim_cur == RLIM_INFINITY ? "any number" : std::to_string(files.rlim_cur)),
                  files.rlim_cur >= kEnough ? "" : "raise it: ulimit -n 4096"});
  rlimit processes{};
  getrlimit(RLIMIT_NPROC, &processes);
  constexpr rlim_t kFewProcesses = 512;
  if (processes.rlim_cur < kFewProcesses) {
    out->push_back({Verdict::kLimited, "processes", fmt::format("at most {} at once", processes.rlim_cur),
                    "raise it: ulimit -u 4096"});
  }
}

// What each commit costs: a small write and its fsync, the middle of 21.
void LookAtDisk(const std::string& folder, std::vector<Finding>* out) {
  if (folder.empty()) return;
  const int fd = open((folder + "/sync").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  std::vector<double> times;
  const SystemClock clock;
  for (int i = 0; fd >= 0 && i < 21; ++i) {
    const Duration start = clock.Monotonic();
    const std::string text(4096, static_cast<char>('a' + i));
    if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fdatasync(fd) != 0) break;
    times.push_back(std::chrono::duration<double, std::milli>(clock.Monotonic() - start).count());
  }
  if (fd >= 0) close(fd);
  if (times.size() < 21) {
    out->push_back({Verdict::kBad, "disk", "a file cannot be written and synced where the database is",
                    "free some room, or name another place with --db FILE"});
    return;
  }
  std::ranges::sort(times);
  const double middle = times[times.size() / 2];
  constexpr double kSlow = 50;
  out->push_back(
      {middle < kSlow ? Verdict::kGood : Verdict::kLimited, "disk",
       fmt::format("a write is on the disk after {:.2f} ms", middle),
       middle < kSlow ? "" : "trials that end quickly wait for it: put the database on a faster disk (--db)"});
}

void LookAtDatabase(const std::string& db, std::vector<Finding>* out) {
  std::error_code error;
  if (const Status network = CheckFilesystem(fs::absolute(db, error).string()); !network.ok()) {
    out->push_back({Verdict::kBad, "database", network.message(), "put it on a disk of this machine (--db FILE)"});
    return;
  }
  if (access(db.c_str(), F_OK) != 0) {
    out->push_back({Verdict::kGood, "database", fmt::format("{} is not there yet: qalam run makes it", db), ""});
    return;
  }
  const Result<FileReport> report = CheckFile(db);
  if (!report.ok()) {
    out->push_back({Verdict::kBad, "database", report.status().message(), ""});
    return;
  }
  if (!report->faults.empty()) {
    out->push_back({Verdict::kBad, "database", fmt::format("{} is damaged: {}", db, report->faults[0]),
                    "qalam db check tells all of it; qalam db restore puts a backup in its place"});
    return;
  }
  if (report->older) {
    out->push_back(
        {Verdict::kLimited, "database",
         fmt::format("{} was made by an older qalam (layout {}): it is brought up to date when a command that "
                     "writes opens it, such as 'qalam run'",
                     db, report->layout),
         ""});
    return;
  }
  std::string pid = FirstLine(ReadText(db + ".lock"));
  const bool held = SocketClient::Connect(SocketPath(db)).ok();
  if (pid.empty()) pid = "?";
  out->push_back({Verdict::kGood, "database",
                  fmt::format("{} is whole; {}", db,
                              held ? fmt::format("process {} holds it, other commands reach it "
                                                 "through {}",
                                                 pid, SocketPath(db))
                                   : "no qalam runs on it now"),
                  ""});
}

void LookAtPython(std::vector<Finding>* out) {
  std::array<int, 2> pipe_fds{};
  std::string version;
  if (pipe2(pipe_fds.data(), O_CLOEXEC) == 0) {
    const pid_t child = fork();
    if (child == 0) {
      dup2(pipe_fds[1], STDOUT_FILENO);
      dup2(pipe_fds[1], STDERR_FILENO);
      execlp("python3", "python3", "--version", nullptr);
      _exit(127);
    }
    close(pipe_fds[1]);
    std::array<char, 256> text{};
    const ssize_t n = read(pipe_fds[0], text.data(), text.size());
    close(pipe_fds[0]);
    int status = 0;
    if (child > 0) waitpid(child, &status, 0);
    if (n > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
      version = FirstLine(std::string_view(text.data(), static_cast<std::size_t>(n)));
  }
  if (version.empty()) {
    out->push_back({Verdict::kLimited, "python3", "is not in PATH", "trials in Python need it: apt install python3"});
  } else {
    out->push_back({Verdict::kGood, "python3", Printable(version), ""});
  }
}

int DoctorVerb(const DoctorOptions& options) {
  std::vector<Finding> findings;
  {
    const TryFolder folder(options.db);
    LookAtSteps(folder.path(), &findings);
    LookAtDisk(folder.path(), &findings);
  }
  LookAtNamespaces(&findings);
  LookAtGpus(&findings);
  LookAtMachine(&findings);
  LookAtPython(&findings);
  LookAtDatabase(options.db, &findings);
  const bool bad = std::ranges::any_of(findings, [](const Finding& f) { return f.verdict == Verdict::kBad; });
  if (WantsDocument(options.output)) {
    Node list = Node::Sequence();
    for (const Finding& f : findings) {
      Node& item = list.Add(Node::Map());
      item.Set("what", Node::String(f.what));
      item.Set("verdict", Node::String(Word(f.verdict)));
      item.Set("found", Node::String(f.found));
      if (!f.advice.empty()) item.Set("advice", Node::String(f.advice));
    }
    const Result<std::string> text = PrintDocument(list, options.output);
    if (!text.ok()) return Complain(text.status());
    Print(*text);
  } else {
    for (const Finding& f : findings) {
      Print(fmt::format("{}{}{}\n", Pad(Word(f.verdict), 9), Pad(f.what, 14), Printable(f.found)));
      if (!f.advice.empty()) Print(fmt::format("{}{}\n", Pad("", 23), f.advice));
    }
  }
  return bad ? kExperimentFailed : kDone;
}

}  // namespace

Verb MakeDoctorVerb() {
  const auto o = std::make_shared<DoctorOptions>();
  Verb verb{"doctor", "what this machine and this database allow, and what to do about it"};
  AddOutput(&verb, &o->output, {"table", "json", "yaml", "jsonpath="});
  AddDatabase(&verb, &o->db);
  verb.run = [o](const Invocation&) { return DoctorVerb(*o); };
  return verb;
}

}  // namespace qalam
