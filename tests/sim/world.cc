// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <algorithm>

#include "algorithms/suggester.h"
#include "core/log.h"
#include "core/objective.h"
#include "core/rng.h"
#include "experiment/early_stopping.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "experiment/status.h"
#include "store/memory_store.h"

namespace qalam::sim {

class World::WatchedStore final : public Store {
 public:
  explicit WatchedStore(World& world) : world_(world) {}
  Status Commit(const WriteBatch& batch) override {
    world_.MayKill(Point::kBeforeCommit);
    if (world_.before_commit) {
      Status fault = world_.before_commit();
      if (!fault.ok()) world_.Tell("refused: " + fault.ToString());
      QALAM_RETURN_IF_ERROR(std::move(fault));
    }
    world_.TellBatch(batch);
    Status committed = world_.memory_->Commit(batch);
    if (!committed.ok()) world_.Breach("the store refused a batch: " + committed.ToString());
    ++world_.commits_;
    world_.CheckBatch(batch);
    world_.MayKill(Point::kAfterCommit);
    return committed;
  }
  Result<std::vector<Experiment>> Experiments() override { return world_.memory_->Experiments(); }
  Result<std::int64_t> LastExperimentId() override { return world_.memory_->LastExperimentId(); }
  Result<std::optional<Experiment>> FindExperiment(const std::string& ns, const std::string& name) override {
    return world_.memory_->FindExperiment(ns, name);
  }
  Result<std::vector<Trial>> Trials(std::int64_t id) override { return world_.memory_->Trials(id); }
  Result<std::vector<Trial>> FindTrials(std::int64_t id, const TrialQuery& query) override {
    return world_.memory_->FindTrials(id, query);
  }
  Result<std::optional<Trial>> FindTrial(const std::string& name) override { return world_.memory_->FindTrial(name); }
  Result<std::optional<Trial>> FindNumbered(std::int64_t id, std::uint64_t ordinal) override {
    return world_.memory_->FindNumbered(id, ordinal);
  }
  Result<std::vector<StepRecord>> Steps(const std::string& name) override { return world_.memory_->Steps(name); }
  Result<std::vector<ObservationRow>> Observations(const std::string& name) override {
    return world_.memory_->Observations(name);
  }
  Status VisitCurves(std::int64_t id, const std::string& metric,
                     const std::function<void(const CurveReport&)>& visit) override {
    ++world_.scans_;
    return world_.memory_->VisitCurves(id, metric, visit);
  }
  Result<std::optional<CollectorPosition>> Position(const std::string& name) override {
    return world_.memory_->Position(name);
  }
  Result<std::vector<Event>> Events(std::int64_t id) override { return world_.memory_->Events(id); }
  Result<Changes> ChangesSince(std::int64_t revision) override { return world_.memory_->ChangesSince(revision); }

 private:
  World& world_;
};

class World::WatchedEngine final : public Engine {
 public:
  explicit WatchedEngine(World& world) : world_(world) {}
  void SetObserver(RunObserver* observer) override { world_.engine_->SetObserver(observer); }
  Status Start(const RunId& id, const Run& run, const StartOptions& options) override {
    world_.MayKill(Point::kBeforeStart);
    if (world_.removed_.contains(id)) world_.Breach("trial " + id + " was started after its folder was removed");
    if (!world_.memory_->FindTrial(id)->has_value()) world_.Breach("trial " + id + " was started before its commit");
    Status started = world_.engine_->Start(id, run, options);
    world_.MayKill(Point::kAfterStart);
    return started;
  }
  void Stop(const RunId& id) override {
    world_.MayKill(Point::kBeforeStop);
    const auto stored = *world_.memory_->FindTrial(id);
    if (!stored || !stored->stopping) world_.Breach("trial " + id + " was stopped before the stop was committed");
    world_.engine_->Stop(id);
  }
  std::string WhyWaiting(const RunId& id) const override { return world_.engine_->WhyWaiting(id); }

 private:
  World& world_;
};

// Answers with the real random search, after the plan's delay and in the plan's way.
class World::Service final : public SuggestionClient {
 public:
  explicit Service(World& world) : world_(world) {}
  void Validate(const SuggestionRequest&, std::function<void(Status)> done) override {
    const Status status = world_.validate ? world_.validate() : OkStatus();
    world_.loop_.Post([done = std::move(done), status] { done(status); });
  }
  void GetSuggestions(const SuggestionRequest& request, std::function<void(Result<SuggestionReply>)> done) override {
    const ServicePlan plan = world_.service ? world_.service(request) : ServicePlan{};
    world_.Tell(fmt::format("asked for {} of {}: {}, {:+} after {} ms", request.current_request_number,
                            request.spec->name, plan.fault.ok() ? "answers" : plan.fault.ToString(), plan.more,
                            std::chrono::duration_cast<std::chrono::milliseconds>(plan.delay).count()));
    world_.loop_.After(plan.delay, [done = std::move(done), reply = Answer(request, plan)] { done(reply); });
  }
  void TrialStopped(const SuggestionRequest&, const std::string& trial) override {
    world_.told_stopped_.push_back(trial);
  }
  void Forget(const std::string&) override {}

 private:
  Result<SuggestionReply> Answer(const SuggestionRequest& request, const ServicePlan& plan) const {
    if (!plan.fault.ok()) return plan.fault;
    SuggestionReply reply;
    reply.exhausted = plan.exhausted;
    reply.early_stopping_rules = plan.rules;
    reply.algorithm_settings = plan.settings;
    auto ordinal = static_cast<std::uint64_t>(request.total_request_number - request.current_request_number);
    for (int k = 0; k < request.current_request_number + plan.more; ++k)
      reply.suggestions.push_back(
          {world_.Expected(*request.spec, *request.space, ++ordinal), plan.same_name, plan.labels});
    return reply;
  }
  World& world_;
};

World::World()
    : memory_(MakeMemoryStore()),
      store_(std::make_unique<WatchedStore>(*this)),
      watched_engine_(std::make_unique<WatchedEngine>(*this)),
      service_(std::make_unique<Service>(*this)) {
  SetLogLevel(LogLevel::kOff);
  engine_ = MakeSimulatedEngine(loop_, [this](const RunId& run, const qalam::Step&, int attempt) {
    SimulatedStep plan = behave ? behave(run, attempt) : Prints("loss=0.5\n");
    std::string& text = printed_[{run, attempt}];
    for (const auto& [at, bytes] : plan.output)
      if (at <= plan.duration) text += bytes;
    return plan;
  });
}

World::~World() { controller_.reset(); }

void World::Breach(std::string text) {
  Tell("BREACH: " + text);
  breaches_.push_back(std::move(text));
}

void World::Tell(const std::string& line) {
  constexpr std::size_t kLines = 60;
  if (!keeps_story_ || !breaches_.empty()) return;
  if (story_.size() == kLines) story_.erase(story_.begin());
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Monotonic());
  story_.push_back(fmt::format("{:>8.3f} s  {}", static_cast<double>(now.count()) / 1000, line));
}

void World::MayKill(Point point) {
  static const char* const kNames[] = {"before a commit", "after a commit", "before a start",
                                       "after a start",   "before a stop",  "before a removal"};
  if (!kill_at || !kill_at(point)) return;
  Tell(fmt::format("killed {}", kNames[static_cast<int>(point)]));
  throw Killed{};
}

void World::Make(bool passive) {
  QALAM_CHECK(controller_ == nullptr, "one controller at a time");
  controller_ = Controller::Make({.loop = loop_,
                                  .store = *store_,
                                  .engine = *watched_engine_,
                                  .suggestions = *service_,
                                  .compile = [](const ExperimentSpec&, const Trial&, const Node&) -> Result<Run> {
                                    Run run;
                                    run.steps.emplace_back();
                                    run.steps.back().name = "main";
                                    run.steps.back().command = {"train"};
                                    run.metrics = MetricsSource{"main", ""};
                                    return run;
                                  },
                                  .make_uid = [this] { return "uid-" + std::to_string(++uids_); },
                                  .live_stopping = [this](const SuggestionRequest& request,
                                                          const LateDecision& late) -> std::unique_ptr<LiveStopping> {
                                    const ExperimentSpec& spec = *request.spec;
                                    if (live_stopping) return live_stopping(request, late);
                                    if (!spec.early_stopping || !IsLive(*spec.early_stopping)) return nullptr;
                                    return *LiveStopping::Make(*spec.early_stopping, spec.objective);
                                  },
                                  .remove_runs =
                                      [this](const std::vector<std::string>& trials) {
                                        MayKill(Point::kBeforeRemove);
                                        removed_.insert(trials.begin(), trials.end());
                                        return OkStatus();
                                      },
                                  .remove_checkpoints =
                                      [this](const std::vector<std::string>& trials) {
                                        MayKill(Point::kBeforeRemove);
                                        CheckCheckpoints(trials);
                                        checkpoints_removed_.insert(trials.begin(), trials.end());
                                        return OkStatus();
                                      },
                                  .remove_kept = [this](const Experiment& e) { forgotten_.insert(e.id); },
                                  .passive = passive});
}

void World::Boot() {
  Make(/*passive=*/false);
  Tell("a controller starts");
  if (const Status recovered = controller_->Recover(); !recovered.ok())
    Breach("recovery failed: " + recovered.ToString());
  for (const auto& [id, spec] : specs_)
    if (!memory_->FindExperiment(spec.namespace_name, spec.name)->has_value() && !may_vanish_.contains(id))
      Breach("I7: experiment " + spec.name + " was acknowledged and is gone");
}

void World::Kill() {
  if (controller_ != nullptr) ++kills_;
  controller_.reset();
}

bool World::Step() {
  try {
    return loop_.RunOne();
  } catch (const Killed&) {
    Kill();
    return true;
  }
}

bool World::RunUntil(const std::function<bool()>& done, int steps) {
  for (int i = 0; i < steps; ++i) {
    if (controller_ == nullptr) Boot();
    if (done()) return true;
    if (!Step()) return done();
  }
  return false;
}

void World::RunFor(Duration time) {
  bool due = false;
  loop_.After(time, [&due] { due = true; });
  while (!due) {
    if (controller_ == nullptr) Boot();
    Step();
  }
}

bool World::Command(const std::function<void(Controller&)>& command) {
  if (controller_ == nullptr) Boot();
  try {
    command(*controller_);
    return true;
  } catch (const Killed&) {
    Kill();
    return false;
  }
}

void World::CommandOnNobody(const std::function<void(Controller&)>& command, int steps) {
  Kill();
  loop_.Clear();
  Make(/*passive=*/true);
  if (Command(command)) {
    for (int i = 0; i < steps && alive() && Step(); ++i) {
    }
  }
  Kill();
}

Result<Submitted> World::Submit(const ExperimentSpec& spec) {
  Result<Submitted> submitted = Error(Code::kAborted, "the controller died");
  Command([&](Controller& controller) { submitted = controller.Submit(spec, "source"); });
  if (submitted.ok()) specs_[submitted->experiment_id] = spec;
  return submitted;
}

std::optional<Experiment> World::Lookup(const std::string& name) {
  const auto found = memory_->FindExperiment("default", name);
  QALAM_CHECK(found.ok(), "the store in memory reads");
  return *found;
}

Experiment World::Stored(const std::string& name) {
  const std::optional<Experiment> found = Lookup(name);
  QALAM_CHECK(found.has_value(), "the experiment is stored");
  return *found;
}

const ExperimentSpec& World::SpecOf(const Experiment& experiment) {
  auto& [manifest, spec] = stored_specs_[experiment.id];
  if (manifest != experiment.manifest) {
    manifest = experiment.manifest;
    Diagnostics faults;
    const auto read = ReadExperiment(*ReadJson(manifest), {}, &faults);
    QALAM_CHECK(read.has_value(), "what is stored can be read");
    spec = *read;
  }
  return spec;
}

std::vector<Trial> World::StoredTrials(const std::string& name) { return *memory_->Trials(Stored(name).id); }

Assignments World::Expected(const ExperimentSpec& spec, const SearchSpace& space, std::uint64_t ordinal) const {
  const AlgorithmContext context{space, StableHash(spec.name), {}, spec.max_trial_count};
  const auto proposals = FindAlgorithm("random")->make(context)->Suggest(1, ordinal - 1);
  QALAM_CHECK(proposals.ok() && proposals->size() == 1, "random search always has a point here");
  return space.Decode(proposals->front().unit);
}

void World::TellBatch(const WriteBatch& batch) {
  for (const Event& event : batch.events)
    Tell(fmt::format("committed: {} {}: {}", event.object, event.reason, event.message));
  for (const Trial& trial : batch.trials)
    Tell(fmt::format("committed: trial {} is {}, attempt {}{}", trial.name, ToString(trial.state), trial.attempt,
                     trial.stopping ? ", to be stopped" : ""));
  for (const Experiment& experiment : batch.experiments)
    Tell(fmt::format("committed: experiment {} is {}", experiment.name, ToString(experiment.state)));
}

void World::CheckBatch(const WriteBatch& batch) {
  for (const Trial& trial : batch.trials) {
    const auto seen = final_states_.find(trial.name);
    // But for one that people wanted to be run again: it waits for its turn, or they have stopped it before it was
    // committed that it does.
    const bool retried = std::any_of(batch.events.begin(), batch.events.end(), [&](const Event& event) {
      return event.reason == "TrialRetried" && event.object == "trial/" + trial.name;
    });
    const bool waits = trial.state == TrialState::kCreated;
    const bool stopped = trial.state == TrialState::kKilled || trial.state == TrialState::kFailed;
    if (retried && (waits || stopped)) {
      if (seen != final_states_.end()) final_states_.erase(seen);
    } else if (seen != final_states_.end() && seen->second.second != trial.state) {
      Breach(fmt::format("I2: trial {} was {} and became {}", trial.name, ToString(seen->second.second),
                         ToString(trial.state)));
    }
    if (IsFinal(trial.state)) final_states_[trial.name] = {trial.experiment_id, trial.state};
  }
  for (const Deletion& deletion : batch.deleted) {
    if (!may_vanish_.contains(deletion.experiment_id)) Breach("an experiment is deleted that nobody wanted to go");
    if (!forgotten_.contains(deletion.experiment_id)) Breach("an experiment is deleted before what was kept for it");
    at_work_.erase(deletion.experiment_id);
    removed_.clear();  // names may come again
    std::erase_if(final_states_, [&](const auto& entry) { return entry.second.first == deletion.experiment_id; });
  }
  for (const Experiment& experiment : batch.experiments) {
    const auto stored = memory_->FindExperiment(experiment.namespace_name, experiment.name);
    if (!stored->has_value() || (*stored)->id != experiment.id) continue;
    const ExperimentSpec& spec = SpecOf(experiment);
    const TrialCounts& counts = experiment.counts;
    if (spec.max_trial_count && counts.total > *spec.max_trial_count)
      Breach(fmt::format("I4: {} trials, maxTrialCount is {}", counts.total, *spec.max_trial_count));
    TrialCounts rows;
    int at_work = 0;
    const auto trials = memory_->Trials(experiment.id);
    for (const Trial& trial : *trials) {
      ++rows.total, ++rows.Of(trial.state);
      if (!IsFinal(trial.state) && FindCondition(trial.conditions, kQueuedCondition) == nullptr) ++at_work;
    }
    if (!(rows == counts)) Breach("I6: the counts of " + experiment.name + " are not those of its trials");
    // A lowered parallelTrialCount lets those at work end, and what the same commit creates, but adds none.
    int& parallel = parallel_[experiment.id];
    const int allowed = std::max(parallel, spec.parallel_trial_count);
    parallel = spec.parallel_trial_count;
    if (at_work > allowed && at_work > at_work_[experiment.id])
      Breach(fmt::format("I3: {} trials of {} at work, parallelTrialCount is {}", at_work, spec.name,
                         spec.parallel_trial_count));
    at_work_[experiment.id] = at_work;
  }
  int allowed = 0;
  for (const auto& [id, at_work] : at_work_) allowed += at_work;
  if (!batch.experiments.empty() && engine_->running() > allowed)
    Breach(fmt::format("I3: {} processes run, {} may", engine_->running(), allowed));
}

// What is removed is read by nobody, as the store has it.
void World::CheckCheckpoints(const std::vector<std::string>& removed) {
  for (const std::string& name : removed) {
    const auto trial = memory_->FindTrial(name);
    if (!trial->has_value()) continue;
    const auto trials = memory_->Trials((*trial)->experiment_id);
    for (const Trial& other : *trials) {
      const auto from = other.labels.find(kResumeFromLabel);
      if (from != other.labels.end() && from->second == name && !IsFinal(other.state))
        Breach("the checkpoint of " + name + " was removed while " + other.name + " goes on from it");
    }
  }
}

void World::CheckTrial(const ExperimentSpec& spec, const Trial& trial) {
  int last = 0;
  const auto steps = memory_->Steps(trial.name);
  for (const StepRecord& step : *steps) {
    last = std::max(last, step.attempt);
    if (engine_->starts(trial.name, step.step, step.attempt) != 1)
      Breach(fmt::format("I1: attempt {} of {} was started {} times", step.attempt, trial.name,
                         engine_->starts(trial.name, step.step, step.attempt)));
  }
  if (trial.state == TrialState::kEarlyStopped) CheckStopped(spec, trial, last);
  if (trial.state != TrialState::kSucceeded) return;
  std::string stored;
  const auto rows = memory_->Observations(trial.name);
  for (const ObservationRow& row : *rows)
    if (row.attempt == last) stored += row.metric_name + "=" + row.value + "\n";
  const std::string& printed = printed_[{trial.name, last}];
  if (stored != printed)
    Breach(fmt::format("I5: attempt {} of {} printed\n{}and stored is\n{}", last, trial.name, printed, stored));
  if (!trial.observation || !ObjectiveValue(spec.objective, *trial.observation))
    Breach("trial " + trial.name + " succeeded without an objective");
}

// A trial that was stopped early has printed what its rules forbid, and nothing of that is lost.
void World::CheckStopped(const ExperimentSpec& spec, const Trial& trial, int last) {
  std::string stored;
  Observation seen = EmptyObservation(spec.objective);
  const auto rows = memory_->Observations(trial.name);
  const bool live = spec.early_stopping && IsLive(*spec.early_stopping);
  if (live) {  // the attempt that was judged may have been lost, and its successor stopped before it printed
    last = 0;
    for (const ObservationRow& row : *rows) last = std::max(last, row.attempt);
  }
  RuleJudge judge(trial.early_stopping_rules, spec.objective);
  for (const ObservationRow& row : *rows) {
    if (row.attempt != last) continue;
    stored += row.metric_name + "=" + row.value + "\n";
    Fold(row.metric_name, row.value, &seen);
    judge.Add(row.metric_name, row.value);
  }
  if (live && !trial.conditions.back().message.starts_with("Trial is early stopped: "))
    Breach("trial " + trial.name + " was stopped early and does not say why");
  const bool declared = declared_stopped.contains(trial.name);
  if (!live && !judge.met() && !declared)
    Breach("trial " + trial.name + " was stopped early and its rules are not met");
  if (!printed_[{trial.name, last}].starts_with(stored)) Breach("I5: " + trial.name + " stored what it did not print");
  if (!trial.observation || trial.observation->metrics.front().latest != seen.metrics.front().latest)
    Breach("trial " + trial.name + " was stopped early and its observation is not that of its reports");
}

void World::CheckAtTheEnd() {
  for (const auto& [name, promised] : acknowledged_trials_) {
    const auto& [id, assignments] = promised;
    if (may_vanish_.contains(id)) continue;
    const auto trial = memory_->FindTrial(name);
    if (!trial->has_value() || (*trial)->assignments != assignments)
      Breach("I7: trial " + name + " was acknowledged and is gone, or another one");
  }
  for (const auto& [id, spec] : specs_) {
    const std::optional<Experiment> found = Lookup(spec.name);
    if (may_vanish_.contains(id) && (!found || found->id != id)) continue;
    const Experiment experiment = Stored(spec.name);
    std::string best;
    std::optional<double> best_value;
    for (const Trial& trial : StoredTrials(spec.name)) {
      CheckTrial(spec, trial);
      if (trial.state != TrialState::kSucceeded && trial.state != TrialState::kEarlyStopped) continue;
      if (!trial.observation) continue;
      const auto value = ObjectiveValue(spec.objective, *trial.observation);
      if (value && (!best_value || IsBetter(spec.objective.type, *value, *best_value))) {
        best = trial.name;
        best_value = value;
      }
    }
    if (experiment.best_trial != best)
      Breach(fmt::format("I8: the best trial is '{}', recomputed it is '{}'", experiment.best_trial, best));
  }
}

ExperimentSpec MakeSpec(const std::string& name, int parallel, std::optional<int> max_trials) {
  ExperimentSpec spec;
  spec.name = name;
  const auto feasible = [](const char* min, const char* max) {
    FeasibleSpace space;
    space.min = min;
    space.max = max;
    return space;
  };
  spec.parameters = {{"lr", ParameterType::kDouble, feasible("0.01", "0.5")},
                     {"layers", ParameterType::kInt, feasible("1", "1000")}};
  spec.objective.metric_name = "loss";
  spec.objective.strategies["loss"] = MetricStrategy::kMin;
  spec.algorithm.name = "random";
  spec.parallel_trial_count = parallel;
  spec.max_trial_count = max_trials;
  TrialTemplate& trial = spec.trial_template;
  trial.primary_container_name = "main";
  trial.success_condition = R"(status.conditions.#(type=="Complete")#|#(status=="True")#)";
  trial.failure_condition = R"(status.conditions.#(type=="Failed")#|#(status=="True")#)";
  trial.parameters = {{"lr", "", "lr"}, {"layers", "", "layers"}};
  Node container = Node::Map();
  container.Set("name", Node::String("main"));
  container.Set("image", Node::String("train"));
  Node& command = container.Set("command", Node::Sequence());
  for (const char* word : {"train", "--lr=${trialParameters.lr}", "--layers=${trialParameters.layers}"})
    command.Add(Node::String(word));
  trial.trial_spec = Node::Map();
  trial.trial_spec.Set("apiVersion", Node::String("batch/v1"));
  trial.trial_spec.Set("kind", Node::String("Job"));
  trial.trial_spec.Set("spec", Node::Map())
      .Set("template", Node::Map())
      .Set("spec", Node::Map())
      .Set("containers", Node::Sequence())
      .Add(std::move(container));
  return spec;
}

SimulatedStep Prints(const std::string& output, Duration duration, int exit_code) {
  SimulatedStep step;
  step.duration = duration;
  step.output = {{duration / 2, output}};
  step.exit_code = exit_code;
  return step;
}

}  // namespace qalam::sim
