// SPDX-License-Identifier: Apache-2.0
// Decides from what is in the folders, never from memory of what it did: so it does not matter which controller's
// engine looks. The folder's lock says whether a shim lives; the started record, whether the command ran; the exit
// record, how it ended. The engine's own state is only what it is waiting for.
#include "pipelines/engines/local_engine.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "core/log.h"
#include "pipelines/engines/admission.h"
#include "pipelines/engines/attempt_folder.h"
#include "pipelines/engines/gpus.h"
#include "pipelines/engines/metrics_feed.h"
#include "pipelines/engines/metrics_place.h"
#include "pipelines/engines/metrics_port.h"
#include "pipelines/engines/process.h"
#include "pipelines/engines/report_place.h"
#include "pipelines/engines/run_plan.h"
#include "pipelines/engines/tailer.h"
#include "pipelines/engines/volumes.h"
#include "pipelines/shim/protocol.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kLaunchesPerTurn = 16;  // of the loop: each is a spawn, and others want to act too
constexpr Duration kFirstPause = milliseconds(2), kLongestPause = seconds(10);
constexpr Duration kPatienceWithRemains = seconds(30);

Duration PauseAfter(int tries) { return std::min<Duration>(kLongestPause, kFirstPause * (1LL << std::min(tries, 20))); }

// Kubernetes' for containers that end: at once, then ten seconds, twice as long each time, at most five minutes.
Duration PauseOfRestart(int attempt) {
  if (attempt <= 2) return Duration(0);
  return std::min<Duration>(seconds(300), seconds(10) * (1LL << std::min(attempt - 3, 10)));
}

enum class Phase {
  kQueued,    // waits for admission
  kStarting,  // admitted; something went wrong before the start, and is tried again
  kRunning,   // its shim is watched
  kUnclear,   // a shim holds the folder's lock and has not said yet who it is
  kClearing,  // its shim is dead: what is left of its processes is being killed
  kReading,   // it has ended; its output is read to the end
};

// The newest attempt at a step, until its end has been told.
struct Active {
  int step = 0;
  Admission::Ticket ticket = 0;
  std::string path;
  Phase phase = Phase::kQueued;
  StepRecord record;
  bool told = false;  // that it runs
  bool over = false;
  bool stop_sent = false;
  int tries = 0;
  std::string trouble;  // why it has not started yet
  Fd process;           // its shim
  int port = 0;         // it serves its metrics there
  std::unique_ptr<MetricsFeed> feed;
  StartedRecord started;
  Duration clearing_since{};
};
using ActivePtr = std::shared_ptr<Active>;

struct Watched {
  Watched(RunId run_id, Run run, const StartOptions& start_options)
      : id(std::move(run_id)), plan(std::move(run), start_options.after_attempt), options(start_options) {
    active.resize(plan.run().steps.size());
  }
  RunId id;
  RunPlan plan;
  StartOptions options;
  std::vector<ActivePtr> active;  // by step; null: none
  bool adopting = true;           // its folder has not been looked through yet
  bool forgotten = false;
};
using WatchedPtr = std::shared_ptr<Watched>;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

class LocalEngine final : public Engine {
 public:
  LocalEngine(EventLoop& loop, LocalEngineOptions options)
      : loop_(loop),
        options_(WithFullPath(std::move(options))),
        capacity_(WithDefaults(options_)),
        gpus_(GpusOf(options_)),
        admission_(capacity_, gpus_),
        tailer_(loop, options_.root),
        spawner_(options_.shim, options_.root),
        open_files_(RaiseOpenFileLimit()) {}
  ~LocalEngine() override {
    *alive_ = false;
    Forget();
  }

  void SetObserver(RunObserver* observer) override {
    Forget();
    observer_ = observer;
  }

  Status Start(const RunId& id, const Run& run, const StartOptions& options) override {
    QALAM_RETURN_IF_ERROR(CheckRun(id, run));
    if (runs_.contains(id)) return OkStatus();
    QALAM_RETURN_IF_ERROR(CheckHere(id, run));
    auto watched = std::make_shared<Watched>(id, run, options);
    runs_.emplace(id, watched);
    loop_.Post([this, watched] {
      if (!watched->forgotten) Adopt(watched);
    });
    return OkStatus();
  }

  void Stop(const RunId& id) override {
    const auto found = runs_.find(id);
    if (found == runs_.end()) return;
    const WatchedPtr run = found->second;
    run->plan.RequestStop();
    loop_.Post([this, run] { Advance(run); });
  }

  std::string WhyWaiting(const RunId& id) const override {
    const auto found = runs_.find(id);
    if (found == runs_.end()) return "";
    std::string why;
    for (const ActivePtr& active : found->second->active) {
      if (!active) continue;
      switch (active->phase) {
        case Phase::kRunning:
        case Phase::kReading: return "";
        case Phase::kQueued: why = admission_.WhyWaiting(active->ticket); break;
        case Phase::kStarting: why = "could not be started yet: " + active->trouble; break;
        case Phase::kUnclear: why = "waits for the process that holds " + active->path; break;
        case Phase::kClearing: why = "waits for the processes of a lost attempt to go"; break;
      }
    }
    return why;
  }

 private:
  static LocalEngineOptions WithFullPath(LocalEngineOptions options) {
    options.root = std::filesystem::absolute(options.root).lexically_normal().string();
    if (options.root.ends_with('/')) options.root.pop_back();
    return options;
  }
  static Resources WithDefaults(const LocalEngineOptions& options) {
    Resources capacity = options.capacity;
    const Resources machine = Admission::ThisMachine();
    if (capacity.cpu <= 0) capacity.cpu = machine.cpu;
    if (capacity.memory <= 0) capacity.memory = machine.memory;
    if (options.gpus) capacity.gpu = static_cast<int>(options.gpus->size());
    return capacity;
  }
  static std::vector<std::string> GpusOf(const LocalEngineOptions& options) {
    if (options.gpus) return *options.gpus;
    return options.capacity.gpu > 0 ? std::vector<std::string>() : VisibleGpus();
  }

  // Whether it could ever run on this machine. What runs here already is not asked again.
  Status CheckHere(const RunId& id, const Run& run) {
    if (access(options_.shim.c_str(), X_OK) != 0) {
      return Error(Code::kFailedPrecondition, "cannot start {}: {}", options_.shim, std::strerror(errno));
    }
    if (HasMetricsFile(run)) QALAM_RETURN_IF_ERROR(CheckMetricsFile(*run.metrics, run));
    if (Exists(options_.root + '/' + id)) return OkStatus();
    for (const Step& step : run.steps) QALAM_RETURN_IF_ERROR(admission_.Check(step.name, step.requests));
    return CheckHostVolumes(run);
  }

  Status CheckMetricsFile(const MetricsSource& metrics, const Run& run) {
    if (!metrics.path.starts_with('/')) {
      return InvalidArgument("the metrics file '{}' is to be an absolute path", metrics.path);
    }
    const auto step =
        std::find_if(run.steps.begin(), run.steps.end(), [&](const Step& s) { return s.name == metrics.step; });
    Step copy = *step;
    const std::string file = MetricsFile(metrics);
    if (!ResolveMounts(PlaceMounts(run, *step, VolumePlaces()), file).empty()) return OkStatus();
    if (PlaceMetrics(file, options_.root, Exists, &copy).named) return OkStatus();
    const std::string folder = MetricsFolder(file);
    if (!folder.empty() && CanMount() && MakeMountPoint({options_.root, folder}).ok()) return OkStatus();
    return Error(Code::kFailedPrecondition,
                 "the metrics file {} is named neither in the command nor in its environment, and {} cannot be mounted "
                 "for each trial on this machine: give the path to the command as an argument",
                 metrics.path, folder.empty() ? "/" : folder);
  }

  static Status CheckHostVolumes(const Run& run) {
    for (const Volume& volume : run.volumes) {
      if (volume.kind != Volume::Kind::kHost || volume.make != Volume::Make::kNothing || Exists(volume.path)) continue;
      return Error(Code::kFailedPrecondition,
                   "volume {}: hostPath {} is not on this machine; make it, or give it the type DirectoryOrCreate",
                   volume.name, volume.path);
    }
    return OkStatus();
  }

  // The metrics file where it lies in a volume; "": it does not.
  std::string MetricsInVolume(const WatchedPtr& run, const Step& step) const {
    return ResolveMounts(PlaceMounts(run->plan.run(), step, PlacesOf(run)), MetricsFile(*run->plan.run().metrics));
  }

  static bool HasMetricsFile(const Run& run) {
    return run.metrics && run.metrics->kind != MetricsSource::Kind::kPage && !run.metrics->path.empty();
  }
  // Of a folder that is the source, some file in it.
  static std::string MetricsFile(const MetricsSource& metrics) {
    return metrics.kind == MetricsSource::Kind::kEvents ? metrics.path + "/tfevents" : metrics.path;
  }

  bool CanMount() {
    if (!can_mount_) {
      can_mount_ = false;
      if (const auto probe = SpawnDetached(options_.shim, shim::kProbeMounts); probe.ok()) {
        can_mount_ = WaitAndReap(*probe) == shim::kDone;
      }
    }
    return *can_mount_;
  }

  // Where this start of the run has its volumes: one that follows a pause begins with empty ones.
  VolumePlaces PlacesOf(const WatchedPtr& run) const {
    return {fmt::format("{}/{}/_volumes/{}", options_.root, run->id, run->options.after_attempt + 1),
            options_.root.substr(0, options_.root.rfind('/')) + "/volumes"};
  }

  void Forget() {
    for (auto& [id, run] : runs_) {
      run->forgotten = true;
      for (const ActivePtr& active : run->active) {
        if (!active) continue;
        active->over = true;
        if (active->process) loop_.Unwatch(active->process.get());
        active->feed.reset();
      }
    }
    runs_.clear();
    by_ticket_.clear();
    admission_ = Admission(capacity_, gpus_);
  }

  static bool Gone(const WatchedPtr& run, const ActivePtr& active) { return run->forgotten || active->over; }

  void Later(const WatchedPtr& run, const ActivePtr& active, void (LocalEngine::*what)(WatchedPtr, ActivePtr)) {
    loop_.After(PauseAfter(active->tries++), [this, run, active, what] {
      if (!Gone(run, active)) (this->*what)(run, active);
    });
  }

  // ---- what is there already

  // Looks through the run's folder: attempts that have ended are told again, the newest of each step is taken up.
  void Adopt(const WatchedPtr& run) {
    for (std::size_t i = 0; i < run->plan.run().steps.size(); ++i) {
      const std::string& name = run->plan.run().steps[i].name;
      std::vector<int> attempts = ListAttempts(options_.root, run->id, name);
      std::erase_if(attempts, [&run](int number) { return number <= run->options.after_attempt; });
      for (const int number : attempts) {
        const ActivePtr active = MakeActive(run, static_cast<int>(i), number);
        if (number != attempts.back()) {
          TellOld(run, active);
        } else {
          run->active[i] = active;
          by_ticket_[active->ticket] = {run, active};
          Examine(run, active);
        }
        if (run->forgotten) return;
      }
    }
    run->adopting = false;
    Advance(run);
  }

  // An attempt that others followed: it has ended, whatever its folder says.
  void TellOld(const WatchedPtr& run, const ActivePtr& active) {
    const auto ended = ReadExit(active->path);
    if (!ended && !ReadStarted(active->path)) return;  // never ran
    SetEnd(active, ended ? *ended : LostRecord(active));
    run->plan.Apply(active->record);
    observer_->OnStep(active->record);
  }

  ActivePtr MakeActive(const WatchedPtr& run, int step, int number) {
    auto active = std::make_shared<Active>();
    active->step = step;
    active->ticket = ++last_ticket_;
    active->record.run = run->id;
    active->record.step = StepOf(run, active).name;
    active->record.attempt = number;
    active->path = AttemptPath(options_.root, run->id, active->record.step, number);
    return active;
  }

  static const Step& StepOf(const WatchedPtr& run, const ActivePtr& active) {
    return run->plan.run().steps[static_cast<std::size_t>(active->step)];
  }

  // What has become of an attempt that has a folder and that we do not watch.
  void Examine(WatchedPtr run, ActivePtr active) {
    if (const auto ended = ReadExit(active->path)) return End(run, active, *ended);
    const Fd lock = LockAttempt(active->path);
    const auto started = ReadStarted(active->path);
    if (!lock && Exists(active->path)) return TakeUp(run, active, started);
    // No shim lives. One may have written its last word after our first look.
    if (const auto ended = ReadExit(active->path)) return End(run, active, *ended);
    if (!started) return DropUnstarted(run, active);
    active->started = *started;
    active->record.started = started->started;
    admission_.Hold(active->ticket, StepOf(run, active).requests, started->gpus);  // while its processes are killed
    active->phase = Phase::kClearing;
    active->clearing_since = loop_.clock().Monotonic();
    active->tries = 0;
    Log(LogLevel::kWarning, "lost",
        {{"trial", run->id}, {"step", active->record.step}, {"attempt", active->record.attempt}});
    Clear(run, active);
  }

  // A shim lives there: from before a restart, or started by nobody we know.
  void TakeUp(const WatchedPtr& run, const ActivePtr& active, const std::optional<StartedRecord>& started) {
    Fd process = started ? OpenProcess(started->boot, started->shim) : Fd();
    active->phase = Phase::kUnclear;
    if (!started) admission_.Hold(active->ticket, StepOf(run, active).requests, ReadCommandGpus(active->path));
    if (!process) return Later(run, active, &LocalEngine::Examine);
    active->started = *started;
    active->record.started = started->started;
    active->process = std::move(process);
    admission_.Hold(active->ticket, StepOf(run, active).requests, started->gpus);
    Log(LogLevel::kInfo, "adopted",
        {{"trial", run->id},
         {"step", active->record.step},
         {"attempt", active->record.attempt},
         {"pid", started->shim.pid}});
    Watch(run, active);
  }

  void DropUnstarted(const WatchedPtr& run, const ActivePtr& active) {
    if (active->told && !run->plan.Ending()) {  // our own shim could not start it
      active->phase = Phase::kStarting;
      return Later(run, active, &LocalEngine::Spawn);
    }
    Drop(run, active);
    Advance(run);
  }

  // ---- starting

  // Does everything that can be done now.
  void Advance(const WatchedPtr& run) {
    if (run->forgotten || run->adopting) return;
    for (const ActivePtr& active : std::vector<ActivePtr>(run->active)) {
      if (active && run->plan.ToStop(active->step)) StopActive(run, active);
      if (run->forgotten) return;
    }
    for (const RunPlan::Launch& launch : run->plan.Ready()) {
      ActivePtr& active = run->active[static_cast<std::size_t>(launch.step)];
      if (active) continue;
      active = MakeActive(run, launch.step, launch.attempt);
      by_ticket_[active->ticket] = {run, active};
      Enqueue(run, active);
    }
    PumpLater();
    if (std::any_of(run->active.begin(), run->active.end(), [](const ActivePtr& a) { return a != nullptr; })) return;
    if (const auto end = run->plan.End()) {
      run->forgotten = true;
      runs_.erase(run->id);
      RemoveSecrets(run->plan.run(), PlacesOf(run));
      observer_->OnRunEnd(run->id, *end);
    }
  }

  // A sidecar that ends again and again waits longer each time, as in a pod.
  void Enqueue(const WatchedPtr& run, const ActivePtr& active) {
    const Duration pause = StepOf(run, active).restarts
                               ? PauseOfRestart(active->record.attempt - run->options.after_attempt)
                               : Duration(0);
    if (pause <= Duration(0)) return admission_.Wait(active->ticket, StepOf(run, active).requests);
    loop_.After(pause, [this, run, active] {
      if (Gone(run, active)) return;
      admission_.Wait(active->ticket, StepOf(run, active).requests);
      PumpLater();
    });
  }

  void PumpLater() {
    if (std::exchange(pumping_, true)) return;
    loop_.Post([this, alive = alive_] {
      if (*alive) Pump();
    });
  }

  void Pump() {
    pumping_ = false;
    const auto alive = alive_;
    for (int launches = 0; launches < kLaunchesPerTurn; ++launches) {
      const auto ticket = admission_.Next();
      if (!ticket) return;
      const auto [run, active] = by_ticket_.at(*ticket);
      Spawn(run, active);
      if (!*alive) return;
    }
    PumpLater();
  }

  void Spawn(WatchedPtr run, ActivePtr active) {
    Status status = PrepareVolumes(run->plan.run(), StepOf(run, active), PlacesOf(run));
    if (status.ok()) status = PrepareAttempt(active->path, MakeCommand(run, active));
    const auto& reports = run->plan.run().reports;
    if (status.ok() && reports && CanMount()) status = PrepareReportPlace(*reports, ReportFolder(active));
    if (status.ok()) {
      auto process = spawner_.Spawn(active->path);
      status = process.status();
      if (process.ok()) active->process = *std::move(process);
    }
    if (!status.ok()) {
      active->phase = Phase::kStarting;
      active->trouble = status.message();
      WarnOfTrouble(*active);
      return Later(run, active, &LocalEngine::Spawn);
    }
    active->record.started = loop_.clock().Wall();
    Watch(run, active);
  }

  static void WarnOfTrouble(const Active& active) {
    Log(LogLevel::kWarning, "start-delayed",
        {{"trial", active.record.run},
         {"step", active.record.step},
         {"attempt", active.record.attempt},
         {"tries", active.tries + 1},
         {"reason", active.trouble}});
  }

  // Leads the command to its volumes: by mounts where they can be made, else by other words.
  void LeadToVolumes(const WatchedPtr& run, Step* step, CommandFile* command) {
    const VolumePlaces places = PlacesOf(run);
    const std::vector<PlacedMount> placed = PlaceMounts(run->plan.run(), *step, places);
    if (const std::string inside = ResolveMounts(placed, step->working_dir); !inside.empty()) {
      std::error_code said_when_it_starts;
      std::filesystem::create_directories(inside, said_when_it_starts);
    }
    for (auto& variable : VolumeVariables(run->plan.run(), *step, places)) step->env.push_back(std::move(variable));
    std::vector<PlacedMount> elsewhere;
    for (const PlacedMount& mount : placed) {
      const bool can_mount = CanMount() && MakeMountPoint(mount).ok();
      if (!can_mount) {
        step->hint += fmt::format("{}{} is {} here (no mount could be made), and was replaced in the command",
                                  step->hint.empty() ? "" : "; ", mount.to, mount.from);
      }
      (can_mount ? command->binds : elsewhere).push_back(mount);
    }
    if (!elsewhere.empty()) RewriteMounts(elsewhere, step);
  }

  static std::string ReportFolder(const ActivePtr& active) { return active->path + "/cluster"; }

  void LeadToReports(const ActivePtr& active, Step* step, CommandFile* command) {
    if (CanMount()) {
      for (PlacedMount& mount : ReportMounts(ReportFolder(active))) command->binds.push_back(std::move(mount));
    } else {
      step->hint += fmt::format(
          "{}no mount could be made on this machine, so Katib's own report_metrics does not find whom to tell: report "
          "to "
          "$QALAM_DB_MANAGER",
          step->hint.empty() ? "" : "; ");
    }
  }

  // A port of its own, where the command is told of one.
  int GivePort(const ActivePtr& active, int port, Step* step) {
    if (NamesPort(*step, port)) {
      const int own = FreePort([&](int candidate) {
        return std::ranges::any_of(by_ticket_,
                                   [&](const auto& entry) { return entry.second.second->port == candidate; });
      });
      if (own != 0) {
        MovePort(port, own, step);
        port = own;
      }
    }
    active->port = port;
    step->env.emplace_back(kPortVariable, std::to_string(port));
    return port;
  }

  CommandFile MakeCommand(const WatchedPtr& run, const ActivePtr& active) {
    Step step = StepOf(run, active);
    const std::string files = active->path + '/' + shim::kFilesFolder;
    CommandFile command;
    const auto& metrics = run->plan.run().metrics;
    if (run->plan.run().reports) LeadToReports(active, &step, &command);
    const bool has_file = HasMetricsFile(run->plan.run()) && metrics->step == step.name;
    const bool in_volume = has_file && !MetricsInVolume(run, step).empty();
    if (!step.mounts.empty()) LeadToVolumes(run, &step, &command);
    if (has_file && !in_volume) {
      const MetricsPlace place = PlaceMetrics(MetricsFile(*metrics), files, Exists, &step);
      command.metrics_folder = place.folder;
      if (!place.named) command.binds.push_back({place.folder, MetricsFolder(MetricsFile(*metrics))});
    }
    if (metrics && metrics->kind == MetricsSource::Kind::kPage && metrics->step == step.name) {
      command.metrics_port = GivePort(active, metrics->port, &step);
    }
    command.parameters = std::move(step.parameters);
    if (!command.parameters.empty()) {
      step.env.emplace_back("QALAM_PARAMS_JSON", active->path + '/' + kParametersFile);
    }
    command.gpus = admission_.GpusOf(active->ticket);
    if (!command.gpus.empty()) {
      for (const char* const name : {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"}) {
        step.env.emplace_back(name, JoinGpus(command.gpus));
      }
    }
    command.argv = std::move(step.command);
    command.env = std::move(step.env);
    command.secret_env = std::move(step.secret_env);
    command.shown_argv = std::move(step.shown_command);
    command.cwd = step.working_dir.starts_with('/') ? step.working_dir
                  : step.working_dir.empty()        ? files
                                                    : files + '/' + step.working_dir;
    command.hint = std::move(step.hint);
    command.timeout = run->plan.TimeLeft(active->step);
    command.grace = step.grace;
    command.memory = step.limits.memory;
    command.open_files = open_files_;
    return command;
  }

  // ---- watching

  void Watch(const WatchedPtr& run, const ActivePtr& active) {
    active->phase = Phase::kRunning;
    active->record.state = StepState::kRunning;
    run->plan.Apply(active->record);
    Follow(run, active);
    loop_.Watch(active->process.get(), EPOLLIN, [this, run, active](std::uint32_t) {
      if (!Gone(run, active)) OnShimGone(run, active);
    });
    if (!std::exchange(active->told, true)) observer_->OnStep(active->record);
    if (StepOf(run, active).sidecar) {  // others may have waited for its start
      loop_.Post([this, run] { Advance(run); });
    }
    if (!Gone(run, active) && run->plan.ToStop(active->step)) StopActive(run, active);
  }

  void Follow(const WatchedPtr& run, const ActivePtr& active) {
    const auto& metrics = run->plan.run().metrics;
    const int number = active->record.attempt;
    if (active->feed || !metrics || metrics->step != active->record.step) return;
    if (number < run->options.metrics_attempt) return;
    const std::int64_t offset = number == run->options.metrics_attempt ? run->options.metrics_offset : 0;
    const auto deliver = [this, run, number](std::string_view of, std::int64_t at, std::string_view bytes) {
      if (!run->forgotten) observer_->OnOutput(run->id, number, of, at, bytes);
    };
    if (metrics->kind == MetricsSource::Kind::kPage) {
      active->port = ReadCommandPort(active->path);
      active->feed = FollowPage(loop_, active->port, metrics->path, deliver);
      return;
    }
    std::string file = active->path + '/' + shim::kOutputFile;
    if (HasMetricsFile(run->plan.run())) {
      Step step = StepOf(run, active);
      file = MetricsInVolume(run, step);
      const std::string files = active->path + '/' + shim::kFilesFolder;
      if (file.empty()) file = PlaceMetrics(MetricsFile(*metrics), files, Exists, &step).file;
    }
    active->feed = metrics->kind == MetricsSource::Kind::kEvents
                       ? FollowEvents(loop_, tailer_, file.substr(0, file.rfind('/')), deliver)
                       : FollowFile(tailer_, std::move(file), offset, deliver);
  }

  void OnShimGone(const WatchedPtr& run, const ActivePtr& active) {
    loop_.Unwatch(active->process.get());
    const auto code = Reap(active->process);
    active->process.Reset();
    if (code && *code >= shim::kSetupFailed) {
      active->trouble = fmt::format("its supervisor could not begin: {}", std::strerror(*code - shim::kSetupFailed));
    }
    if (!Exists(active->path))
      return End(run, active, LostRecord(active));  // somebody removed it, and with it all proof
    Examine(run, active);
    if (!Gone(run, active) && active->phase == Phase::kStarting) WarnOfTrouble(*active);
  }

  void StopActive(const WatchedPtr& run, const ActivePtr& active) {
    switch (active->phase) {
      case Phase::kQueued:
      case Phase::kStarting: Drop(run, active); break;
      case Phase::kRunning:
        if (!std::exchange(active->stop_sent, true)) Terminate(active->process);
        break;
      case Phase::kUnclear:  // stopped as soon as we know whom to tell
      case Phase::kClearing:
      case Phase::kReading: break;
    }
  }

  // ---- ending

  void Release(const WatchedPtr& run, const ActivePtr& active) {
    PumpLater();
    active->over = true;
    admission_.Leave(active->ticket);
    by_ticket_.erase(active->ticket);
    active->feed.reset();
    const Step& step = StepOf(run, active);
    if (!step.secret_env.empty() || !step.shown_command.empty()) RemoveSecrets(active->path);
    run->active[static_cast<std::size_t>(active->step)].reset();
  }

  // An attempt that never ran its command.
  void Drop(const WatchedPtr& run, const ActivePtr& active) {
    Release(run, active);
    if (!active->told) return;
    active->record.state = StepState::kStopped;
    active->record.reason = "Stopped";
    active->record.message = "stopped before it could start: " + active->trouble;
    active->record.ended = loop_.clock().Wall();
    run->plan.Apply(active->record);
    observer_->OnStep(active->record);
  }

  // Kills what is left of a lost attempt, as often as it takes.
  void Clear(WatchedPtr run, ActivePtr active) {
    const bool patient = loop_.clock().Monotonic() - active->clearing_since < kPatienceWithRemains;
    if (!KillRemains(active->started) && patient) return Later(run, active, &LocalEngine::Clear);
    StepRecord lost = LostRecord(active);
    if (!patient) lost.message += "; some of its processes could not be killed";
    WriteLost(active->path, lost);
    End(run, active, lost);
  }

  StepRecord LostRecord(const ActivePtr& active) const {
    StepRecord record = active->record;
    record.state = StepState::kLost;
    record.reason = "Lost";
    record.message = Exists(active->path)
                         ? "its supervisor ended without an exit record (killed, or the machine went down)"
                         : "its folder was removed while it ran";
    record.ended = loop_.clock().Wall();
    return record;
  }

  static void SetEnd(const ActivePtr& active, const StepRecord& ended) {
    StepRecord record = ended;
    record.run = active->record.run;
    record.step = active->record.step;
    record.attempt = active->record.attempt;
    active->record = std::move(record);
  }

  void End(const WatchedPtr& run, const ActivePtr& active, const StepRecord& ended) {
    SetEnd(active, ended);
    active->phase = Phase::kReading;
    Follow(run, active);
    if (!active->feed) return TellEnd(run, active);
    active->feed->Finish([this, run, active] {
      if (!Gone(run, active)) TellEnd(run, active);
    });
  }

  void TellEnd(const WatchedPtr& run, const ActivePtr& active) {
    Release(run, active);
    run->plan.Apply(active->record);
    observer_->OnStep(active->record);
    Advance(run);
  }

  EventLoop& loop_;
  LocalEngineOptions options_;
  Resources capacity_;
  std::vector<std::string> gpus_;
  Admission admission_;
  Tailer tailer_;
  ShimSpawner spawner_;
  long open_files_;
  std::optional<bool> can_mount_;
  RunObserver* observer_ = nullptr;
  std::unordered_map<RunId, WatchedPtr> runs_;
  std::unordered_map<Admission::Ticket, std::pair<WatchedPtr, ActivePtr>> by_ticket_;
  Admission::Ticket last_ticket_ = 0;
  bool pumping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<Engine> MakeLocalEngine(EventLoop& loop, LocalEngineOptions options) {
  return std::make_unique<LocalEngine>(loop, std::move(options));
}

}  // namespace qalam
