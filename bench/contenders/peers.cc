// SPDX-License-Identifier: Apache-2.0
#include "bench/contenders/peers.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/files.h"
#include "suggest/kept_process.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string EnvironmentsFolder() {
  if (const char* const chosen = std::getenv("QALAM_PEERS"); chosen != nullptr && *chosen != '\0') return chosen;
  if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
    return std::string(cache) + "/qalam/peers";
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/qalam/peers";
}

Json ToJson(const ParameterSpec& parameter) {
  Json json = {{"name", parameter.name}, {"type", ToString(parameter.type)}};
  const FeasibleSpace& feasible = parameter.feasible;
  if (!feasible.list.empty()) json["list"] = feasible.list;
  if (!feasible.min.empty()) json["min"] = feasible.min;
  if (!feasible.max.empty()) json["max"] = feasible.max;
  if (!feasible.step.empty()) json["step"] = feasible.step;
  if (feasible.distribution != Distribution::kUniform) json["distribution"] = ToString(feasible.distribution);
  if (parameter.condition) {
    json["condition"] = {{"parent", parameter.condition->parent},
                         {"relation", ToString(parameter.condition->relation)},
                         {"values", parameter.condition->values}};
  }
  return json;
}

}  // namespace

// One bridge. Of one thread at a time.
class Peers::Process {
 public:
  static Result<std::unique_ptr<Process>> Start(const PeerInfo& peer, const PeerOptions& options, int number) {
    auto process = std::unique_ptr<Process>(new Process(peer, options));
    const Status started = process->Start(number);
    if (!started.ok()) return started;
    return process;
  }
  ~Process() {
    if (stream_ >= 0) close(stream_);
    if (!folder_.empty()) {
      std::error_code error;
      fs::remove_all(folder_, error);
    }
  }

  const std::string& peer() const { return peer_.name; }
  bool broken() const { return broken_; }
  double seconds() const { return seconds_; }
  double bytes() const { return bytes_; }

  // The answer to one request. UNAVAILABLE: it died, hangs or talks nonsense, and is of no more use; UNKNOWN: what it
  // said is wrong with this run.
  Result<Json> Call(const Json& request) {
    QALAM_TRY(const std::string line, Exchange(request.dump() + "\n"));
    Json answer = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!answer.is_object()) return Broken("it answered what is no JSON");
    if (const auto seconds = answer.find("seconds"); seconds != answer.end() && seconds->is_number())
      seconds_ += seconds->get<double>();
    if (const auto bytes = answer.find("bytes"); bytes != answer.end() && bytes->is_number())
      bytes_ = bytes->get<double>();
    if (const auto fault = answer.find("error"); fault != answer.end() && fault->is_string())
      return Status(Code::kUnknown, fault->get<std::string>());
    return answer;
  }

  // The points of an answer.
  Result<std::vector<Assignments>> PointsOf(const Json& answer, const Problem& problem) {
    std::vector<Assignments> points;
    try {
      for (const Json& json : answer.at("points")) points.push_back(PointOf(json, problem));
    } catch (const std::exception& fault) {
      return Broken(fmt::format("its points are none: {}", fault.what()));
    }
    return points;
  }

  // The job of an answer; none: it has nothing to do now.
  Result<std::optional<StepJob>> JobOf(const Json& answer, const Problem& problem) {
    try {
      const Json& job = answer.at("job");
      if (job.is_null()) return std::optional<StepJob>();
      return std::optional(
          StepJob{job.at("trial").get<std::uint64_t>(), PointOf(job.at("point"), problem), job.at("until").get<int>()});
    } catch (const std::exception& fault) {
      return Broken(fmt::format("its job is none: {}", fault.what()));
    }
  }

 private:
  Process(const PeerInfo& peer, const PeerOptions& options) : peer_(peer), options_(options) {}

  static Assignments PointOf(const Json& json, const Problem& problem) {
    Assignments point;
    for (const ParameterSpec& parameter : problem.parameters()) {
      if (parameter.condition && !json.contains(parameter.name)) continue;
      point.push_back({parameter.name, json.at(parameter.name).get<std::string>()});
    }
    problem.space().DropInactive(&point);  // of peers that know no conditions
    return point;
  }

  Status Start(int number) {
    std::error_code error;
    fs::create_directories(options_.logs, error);
    folder_ = (fs::temp_directory_path(error) / "qalam-peer-XXXXXX").string();
    if (mkdtemp(folder_.data()) == nullptr) {
      folder_.clear();
      return Error(Code::kUnavailable, "no temporary folder can be made: {}", std::strerror(errno));
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ + "/socket";
    if (path.size() >= sizeof address.sun_path) return Error(Code::kUnavailable, "{} is too long a path", path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool listening = listener >= 0 &&
                           bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                           listen(listener, 1) == 0;
    Status status =
        listening ? Launch(path, number) : Error(Code::kUnavailable, "no socket can be made: {}", std::strerror(errno));
    if (status.ok()) status = WaitFor(listener, POLLIN, "it did not start");
    if (status.ok()) stream_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (listener >= 0) close(listener);
    return status;
  }

  Status Launch(const std::string& path, int number) {
    log_ = fmt::format("{}/{}-{}.log", options_.logs, PathWord(peer_.name), number);
    std::error_code error;
    const std::string bridge = fs::absolute(options_.home, error).string() + "/peers/bridge.py";
    // One thread each: what is measured is a suggestion, and several runs share the machine.
    KeptCommand command{{EnvironmentsFolder() + "/" + peer_.environment + "/bin/python", bridge, path},
                        {{"OMP_NUM_THREADS", "1"},
                         {"OPENBLAS_NUM_THREADS", "1"},
                         {"MKL_NUM_THREADS", "1"},
                         {"PYTHONHASHSEED", "0"},
                         {"PYTHONUNBUFFERED", "1"}},
                        "",
                        log_};
    QALAM_TRY(process_, KeptProcess::Start(command));
    return OkStatus();
  }

  // Until `fd` is ready: UNAVAILABLE when the process ends before, or nothing comes for so long; CANCELLED.
  Status WaitFor(int fd, short events, const char* what) {
    const auto until = steady_clock::now() + options_.timeout;
    while (true) {
      pollfd watched[] = {{fd, events, 0}, {process_->fd(), POLLIN, 0}};
      const int ready = poll(watched, 2, 200);
      if (ready < 0 && errno != EINTR) return Broken(std::strerror(errno));
      if (ready > 0 && watched[0].revents != 0) return OkStatus();
      if (ready > 0 && watched[1].revents != 0) {
        const auto code = process_->Reap();
        return Broken(fmt::format("its process ended with exit code {}", code.value_or(-1)));
      }
      if (options_.interrupted()) {
        broken_ = true;  // an answer is still to come, and nobody waits for it
        return Error(Code::kCancelled, "interrupted");
      }
      if (steady_clock::now() > until) {
        return Broken(fmt::format("{} within {} s", what,
                                  std::chrono::duration_cast<std::chrono::seconds>(options_.timeout).count()));
      }
    }
  }

  Result<std::string> Exchange(const std::string& request) {
    if (broken_) return Error(Code::kUnavailable, "its process is gone");
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t n = send(stream_, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR) return Ended();
      sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    std::string line = std::exchange(unread_, "");
    while (line.find('\n') == line.npos) {
      QALAM_RETURN_IF_ERROR(WaitFor(stream_, POLLIN, "it did not answer"));
      char bytes[16'384];
      const ssize_t n = recv(stream_, bytes, sizeof bytes, 0);
      if (n == 0 || (n < 0 && errno != EINTR)) return Ended();
      if (n > 0) line.append(bytes, static_cast<std::size_t>(n));
    }
    unread_ = line.substr(line.find('\n') + 1);
    return line.substr(0, line.find('\n'));
  }

  // It closed its end: that it has died is known in a moment, and how.
  Status Ended() {
    pollfd watched{process_->fd(), POLLIN, 0};
    const bool gone = poll(&watched, 1, 5'000) > 0;
    const auto code = gone ? process_->Reap() : std::nullopt;
    return Broken(code ? fmt::format("its process ended with exit code {}", *code) : "it closed its end");
  }

  Status Broken(const std::string& why) {
    broken_ = true;
    return Error(Code::kUnavailable, "{} (its last words are in {})", why, log_);
  }

  const PeerInfo peer_;
  const PeerOptions& options_;
  std::string folder_, log_, unread_;
  std::unique_ptr<KeptProcess> process_;
  int stream_ = -1;
  bool broken_ = false;
  double seconds_ = 0, bytes_ = 0;
};

// A process for one run; it is given back for the next.
class Peers::Borrowed {
 public:
  Borrowed(std::unique_ptr<Process> process, Peers* owner)
      : process_(std::move(process)), owner_(*owner), before_(process_->seconds()) {}
  ~Borrowed() {
    if (process_->broken()) return;
    const std::scoped_lock lock(owner_.mutex_);
    owner_.idle_[process_->peer()].push_back(std::move(process_));
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  Process* operator->() const { return process_.get(); }
  double Seconds() const { return process_->seconds() - before_; }

 private:
  std::unique_ptr<Process> process_;
  Peers& owner_;
  const double before_;
};

namespace {

Json NumberJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

class PeerContender final : public Contender {
 public:
  PeerContender(std::unique_ptr<Peers::Borrowed> process, const Problem& problem)
      : process_(std::move(process)), problem_(problem) {}

  Result<std::vector<Assignments>> Ask(int count) override {
    QALAM_TRY(const Json answer, (*process_)->Call({{"ask", count}}));
    return (*process_)->PointsOf(answer, problem_);
  }

  Status Tell(std::uint64_t number, const Assignments& point, double value) override {
    Json values = Json::object();
    for (const Assignment& assignment : point) values[assignment.name] = assignment.value;
    return (*process_)->Call({{"tell", number}, {"point", values}, {"value", NumberJson(value)}}).status();
  }

  double SecondsElsewhere() const override { return process_->Seconds(); }
  double BytesElsewhere() const override { return (*process_)->bytes(); }

 private:
  const std::unique_ptr<Peers::Borrowed> process_;
  const Problem& problem_;
};

class PeerStepContender final : public StepContender {
 public:
  PeerStepContender(std::unique_ptr<Peers::Borrowed> process, const Problem& problem)
      : process_(std::move(process)), problem_(problem) {}

  Result<std::optional<StepJob>> Next() override {
    QALAM_TRY(const Json answer, (*process_)->Call({{"next", true}}));
    return (*process_)->JobOf(answer, problem_);
  }

  Result<bool> Report(std::uint64_t trial, int step, double value) override {
    QALAM_TRY(const Json answer, (*process_)->Call({{"report", trial}, {"step", step}, {"value", NumberJson(value)}}));
    return answer.value("goesOn", true);
  }

  Status End(std::uint64_t trial, int step, double value, bool stopped) override {
    return (*process_)
        ->Call({{"end", trial}, {"step", step}, {"value", NumberJson(value)}, {"stopped", stopped}})
        .status();
  }

  double SecondsElsewhere() const override { return process_->Seconds(); }

 private:
  const std::unique_ptr<Peers::Borrowed> process_;
  const Problem& problem_;
};

}  // namespace

Peers::Peers(PeerOptions options) : options_(std::move(options)) {}
Peers::~Peers() = default;

Result<std::vector<PeerInfo>> Peers::List(const std::string& home) {
  const std::string path = home + "/peers/peers.json";
  QALAM_TRY(const std::string text, ReadWhole(path));
  std::vector<PeerInfo> peers;
  try {
    const auto json = nlohmann::ordered_json::parse(text);
    for (const auto& [name, peer] : json.at("peers").items()) {
      peers.push_back({name, peer.at("environment").get<std::string>(), peer.at("summary").get<std::string>(),
                       peer.value("slow", false), peer.value("steps", false)});
    }
  } catch (const std::exception& fault) {
    return Error(Code::kDataLoss, "{}: {}", path, fault.what());
  }
  return peers;
}

std::string Peers::WhyNot(const PeerInfo& peer) {
  const std::string place = EnvironmentsFolder() + "/" + peer.environment;
  if (fs::exists(place + "/bin/python")) return "";
  if (const auto failed = ReadWhole(place + ".failed"); failed.ok())
    return fmt::format("cannot be installed: {}", failed->substr(0, failed->find('\n')));
  return fmt::format("is not installed: python3 bench/peers/install.py {}", peer.name);
}

Result<std::unique_ptr<Peers::Process>> Peers::Take(const PeerInfo& peer) {
  int number = 0;
  {
    const std::scoped_lock lock(mutex_);
    auto& idle = idle_[peer.name];
    if (!idle.empty()) {
      auto process = std::move(idle.back());
      idle.pop_back();
      return process;
    }
    number = ++started_;
  }
  return Process::Start(peer, options_, number);
}

Result<std::unique_ptr<Peers::Borrowed>> Peers::Begin(const ContenderSpec& spec, const Problem& problem,
                                                      std::uint64_t seed, std::optional<int> max_trials, int steps) {
  QALAM_TRY(const std::vector<PeerInfo> known, List(options_.home));
  for (const PeerInfo& peer : known) {
    if (peer.name != spec.algorithm) continue;
    if (const std::string why = WhyNot(peer); !why.empty()) return Error(Code::kNotFound, "{}", why);
    QALAM_TRY(auto process, Take(peer));
    Json begin = {{"new", peer.name}, {"seed", seed}, {"workers", options_.workers}};
    begin["budget"] = max_trials ? Json(*max_trials) : Json(nullptr);
    if (steps > 0) begin["steps"] = steps;
    begin["parameters"] = Json::array();
    for (const ParameterSpec& parameter : problem.parameters()) begin["parameters"].push_back(ToJson(parameter));
    auto borrowed = std::make_unique<Borrowed>(std::move(process), this);
    QALAM_RETURN_IF_ERROR((*borrowed)->Call(begin).status());
    return borrowed;
  }
  return Error(Code::kNotFound, "there is no peer '{}'", spec.algorithm);
}

Result<std::unique_ptr<Contender>> Peers::Make(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials) {
  QALAM_TRY(auto process, Begin(spec, problem, seed, max_trials, 0));
  return std::unique_ptr<Contender>(std::make_unique<PeerContender>(std::move(process), problem));
}

Result<std::unique_ptr<StepContender>> Peers::MakeSteps(const ContenderSpec& spec, const Problem& problem,
                                                        std::uint64_t seed, std::optional<int> max_trials) {
  QALAM_TRY(auto process, Begin(spec, problem, seed, max_trials, problem.steps()));
  return std::unique_ptr<StepContender>(std::make_unique<PeerStepContender>(std::move(process), problem));
}

}  // namespace qalam::bench
