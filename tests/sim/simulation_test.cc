// SPDX-License-Identifier: Apache-2.0
// Whole experiments under a plan of faults made from one seed: the controller is killed at commits and effects, the
// disk fills, the service lies, hangs and fails, trials fail and vanish, people pause, resume, stop, edit, retry,
// enqueue and delete (while it runs, and while nobody runs it), the clock jumps. After each step the invariants I1-I8
// hold, and once the faults stop every experiment ends.
//   QALAM_SIM_SEEDS=100000 QALAM_SIM_FIRST=1 sim_test --gtest_filter='*Seed*'
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/rng.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "experiment/status.h"
#include "tests/sim/world.h"

namespace qalam::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::uint64_t FromEnvironment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

ExperimentSpec ReadStoredSpec(World& world, const std::string& name) {
  Diagnostics faults;
  return *ReadExperiment(*ReadJson(world.Stored(name).manifest), {}, &faults);
}

class Plan {
 public:
  explicit Plan(std::uint64_t seed) : seed_(seed), rng_(seed, "sim.plan", 0) {
    kill_rate_ = Rate();
    disk_rate_ = Rate();
    service_rate_ = Rate() * 5;
    trial_rate_ = Rate() * 5;
    people_rate_ = Rate();
    stopping_rate_ = Rate() * 10;
  }
  bool Chance(double p) { return rng_.Uniform() < p; }
  int Between(int low, int high) {
    return low + static_cast<int>(rng_.Below(static_cast<std::uint64_t>(high - low) + 1));
  }

  ExperimentSpec MakeExperiment(const std::string& name) {
    ExperimentSpec spec = MakeSpec(name, Between(1, 5), Between(2, 16));
    if (Chance(0.3)) spec.max_failed_trial_count = Between(1, 6);
    if (Chance(0.2)) spec.objective.goal = 0.05;
    if (Chance(0.3)) spec.resume_policy = ResumePolicy::kLongRunning;
    return spec;
  }

  // A function of the attempt's name alone, so that a replay gives the same world.
  SimulatedStep Behave(const RunId& run, int attempt) const {
    Rng rng(seed_, "sim.trial", MixHash(StableHash(run), static_cast<std::uint64_t>(attempt)));
    SimulatedStep step;
    step.duration = milliseconds(1 + rng.Below(rng.Uniform() < 0.2 ? 20'000 : 400));
    const std::uint64_t lines = rng.Below(6);
    for (std::uint64_t i = 0; i < lines; ++i)
      step.output.emplace_back(
          step.duration * static_cast<int>(i) / static_cast<int>(lines),
          fmt::format("loss={}\n", rng.Uniform() < 0.1 ? std::string("nan") : fmt::format("{:.6f}", rng.Uniform())));
    if (rng.Uniform() < trial_rate_) step.exit_code = 1;
    if (rng.Uniform() < trial_rate_) step.lost = true;
    return step;
  }

  ServicePlan Service(const SuggestionRequest& request) {
    ServicePlan plan;
    plan.delay = milliseconds(Between(0, 30));
    if (stopping_rate_ > 0 && Chance(stopping_rate_))
      plan.rules.push_back({"loss", fmt::format("{:.2f}", rng_.Uniform()), Comparison::kGreater, Between(0, 4)});
    if (!faults_ || !Chance(service_rate_)) return plan;
    switch (Between(0, 6)) {
      case 0: plan.fault = Error(Code::kUnavailable, "away"); break;
      case 1:
        plan.delay = seconds(60);
        plan.fault = Error(Code::kDeadlineExceeded, "hangs");
        break;
      case 2: plan.more = Between(1, 9); break;
      case 3: plan.more = -request.current_request_number; break;
      case 4: plan.more = -1; break;
      case 5: plan.same_name = "same"; break;
      default: plan.delay = seconds(Between(1, 50)); break;
    }
    return plan;
  }

  bool Kills() { return faults_ && Chance(kill_rate_); }
  Status Disk() {
    if (full_ > 0) --full_;
    if (faults_ && full_ == 0 && Chance(disk_rate_)) full_ = Between(1, 10);
    return full_ > 0 && faults_ ? Error(Code::kResourceExhausted, "the disk is full") : OkStatus();
  }
  bool PeopleMeddle() { return faults_ && Chance(people_rate_); }
  void EndOfFaults() { faults_ = false; }

 private:
  double Rate() { return rng_.Uniform() < 0.3 ? 0 : 0.05 * rng_.Uniform(); }
  std::uint64_t seed_;
  Rng rng_;
  double kill_rate_, disk_rate_, service_rate_, trial_rate_, people_rate_, stopping_rate_;
  int full_ = 0;
  bool faults_ = true;
};

// What people do, to an experiment or one of its trials; acknowledged only when the command has returned.
void Command(World& world, Plan& plan, const Experiment& experiment, Controller& controller) {
  const std::int64_t id = experiment.id;
  const auto trials = *world.store().Trials(id);
  const std::string trial =
      trials.empty() ? "none"
                     : trials[static_cast<std::size_t>(plan.Between(1, static_cast<int>(trials.size()))) - 1].name;
  switch (plan.Between(0, 11)) {
    case 0: (void)controller.Pause(id); break;
    case 1: (void)controller.StopTrials(id); break;
    case 2:
    case 3: (void)controller.Resume(id); break;
    case 4: {
      BudgetEdit edit;
      if (plan.Chance(0.5)) edit.parallel = plan.Between(1, 6);
      if (plan.Chance(0.5)) edit.max_trials = plan.Between(1, 20);
      if (plan.Chance(0.3)) edit.max_failed = plan.Between(0, 8);
      if (!controller.Edit(id, edit).ok()) break;
      const auto spec = ReadStoredSpec(world, experiment.name);
      EXPECT_EQ(spec.parallel_trial_count, edit.parallel.value_or(spec.parallel_trial_count)) << "I7";
      EXPECT_EQ(spec.max_trial_count, edit.max_trials ? edit.max_trials : spec.max_trial_count) << "I7";
      break;
    }
    case 5:
      if (plan.Chance(0.3)) (void)controller.StopExperiment(id);
      break;
    case 6:
    case 7: (void)controller.StopTrial(trial, plan.Chance(0.5) ? TrialState::kKilled : TrialState::kFailed); break;
    case 8: (void)controller.Retry(id, {TrialState::kFailed, TrialState::kMetricsUnavailable}); break;
    case 9: (void)controller.RetryTrial(trial); break;
    case 10: {
      const Assignments by_hand = {{"lr", "0.25"}, {"layers", std::to_string(plan.Between(1, 1000))}};
      const auto names = controller.Enqueue(id, by_hand, plan.Between(1, 3));
      if (!names.ok()) break;
      for (const std::string& name : *names) world.Acknowledge(id, name, by_hand);
      break;
    }
    default:
      if (!plan.Chance(0.3)) break;
      world.MayVanish(id);
      (void)controller.Delete(id);
  }
}

void Meddle(World& world, Plan& plan, const std::vector<ExperimentSpec>& specs) {
  const auto which = static_cast<std::size_t>(plan.Between(1, static_cast<int>(specs.size()))) - 1;
  const std::optional<Experiment> experiment = world.Lookup(specs[which].name);
  switch (plan.Between(0, 9)) {
    case 0: world.clock().JumpWall(std::chrono::hours(plan.Between(-48, 48))); break;
    case 1: world.Kill(); break;
    case 2:
    case 3:
      if (experiment)
        world.CommandOnNobody([&](Controller& controller) { Command(world, plan, *experiment, controller); },
                              plan.Between(0, 50));
      break;
    default:
      if (experiment) world.Command([&](Controller& controller) { Command(world, plan, *experiment, controller); });
  }
}

// Returns the breaches, and in `trace` what happened on the way.
std::vector<std::string> Simulate(std::uint64_t seed, std::string* trace, int* stopped_early) {
  Plan plan(seed);
  World world;
  world.behave = [&plan](const RunId& run, int attempt) { return plan.Behave(run, attempt); };
  world.service = [&plan](const SuggestionRequest& request) { return plan.Service(request); };
  world.before_commit = [&plan] { return plan.Disk(); };
  world.kill_at = [&plan](Point) { return plan.Kills(); };

  std::vector<ExperimentSpec> specs;
  const int experiments = plan.Between(1, 2);
  for (int i = 0; i < experiments; ++i) {
    specs.push_back(plan.MakeExperiment(fmt::format("e{}", i)));
    while (!world.Submit(specs.back()).ok()) {
    }
  }
  const int faulty_steps = plan.Between(50, 1500);
  for (int i = 0; i < faulty_steps; ++i) {
    if (!world.alive()) world.Boot();
    world.Step();
    if (plan.PeopleMeddle()) Meddle(world, plan, specs);
  }
  plan.EndOfFaults();
  if (!world.alive()) world.Boot();
  std::vector<std::string> breaches;
  const auto none_is_being_deleted = [&] {
    return std::none_of(specs.begin(), specs.end(), [&](const ExperimentSpec& spec) {
      const auto experiment = world.Lookup(spec.name);
      return experiment && IsBeingDeleted(*experiment);
    });
  };
  if (!world.RunUntil(none_is_being_deleted)) breaches.push_back("P22: a deletion does not end");
  for (const ExperimentSpec& spec : specs) {  // people want it done now
    Result<Submitted> again = world.Submit(spec);
    if (!again.ok() && again.status().message().find("is being deleted") != std::string::npos) {
      world.RunUntil([&] { return !world.Lookup(spec.name); });  // it was not committed yet that it is
      again = world.Submit(spec);
    }
    if (!again.ok()) *trace += "resubmission: " + again.status().ToString() + "\n";
  }
  const auto ended = [&] {
    for (const ExperimentSpec& spec : specs)
      if (!IsFinal(world.Stored(spec.name).state)) return false;
    return world.controller().AllSettled();
  };
  if (!world.RunUntil(ended)) {
    std::string why;
    for (const ExperimentSpec& spec : specs) why += world.controller().WhyWaiting(world.Stored(spec.name).id) + "; ";
    breaches.push_back("P22: an experiment does not end: " + why);
  }
  world.CheckAtTheEnd();
  breaches.insert(breaches.end(), world.breaches().begin(), world.breaches().end());

  // P6: whatever happened, suggestion k of an experiment is the suggestion k.
  for (const ExperimentSpec& spec : specs) {
    const auto space = SearchSpace::Create(spec.parameters);
    std::uint64_t suggestion = 0;
    for (const Trial& trial : world.StoredTrials(spec.name))
      if (!trial.labels.contains(kEnqueuedLabel) && trial.assignments != world.Expected(spec, *space, ++suggestion))
        breaches.push_back(
            fmt::format("P6: trial #{} of {} has other assignments than undisturbed", trial.ordinal, spec.name));
    const Experiment end = world.Stored(spec.name);
    *stopped_early += end.counts.early_stopped;
    *trace += fmt::format(
        "{}: {} of {} trials, {} succeeded, {} failed, {} unavailable, {} killed, {} stopped early, ended {}\n",
        spec.name, end.counts.total, *spec.max_trial_count, end.counts.succeeded, end.counts.failed,
        end.counts.metrics_unavailable, end.counts.killed, end.counts.early_stopped, EndReason(end));
  }
  *trace += fmt::format("{} kills, {} commits, {} faulty steps\n", world.kills(), world.commits(), faulty_steps);
  return breaches;
}

TEST(Simulation, EverySeedKeepsTheInvariants) {
  const std::uint64_t first = FromEnvironment("QALAM_SIM_FIRST", 1);
  const std::uint64_t seeds = FromEnvironment("QALAM_SIM_SEEDS", 2000);
  int failures = 0, stopped_early = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < 5; ++seed) {
    std::string trace;
    const std::vector<std::string> breaches = Simulate(seed, &trace, &stopped_early);
    if (breaches.empty()) continue;
    ++failures;
    std::string text = fmt::format("seed {} (repeat: QALAM_SIM_FIRST={} QALAM_SIM_SEEDS=1)\n{}", seed, seed, trace);
    for (const std::string& breach : breaches) text += "  " + breach + "\n";
    ADD_FAILURE() << text;
  }
  if (seeds >= 100) {
    EXPECT_GT(stopped_early, 0);
  }
}

TEST(Simulation, TheSameSeedTellsTheSameStory) {
  for (const std::uint64_t seed : {3u, 77u, 1234u}) {
    std::string once, again;
    int stopped = 0;
    (void)Simulate(seed, &once, &stopped);
    (void)Simulate(seed, &again, &stopped);
    EXPECT_EQ(once, again);
  }
}

}  // namespace
}  // namespace qalam::sim
