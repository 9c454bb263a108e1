// SPDX-License-Identifier: Apache-2.0
// Whole experiments under a plan of faults made from one seed: the controller is killed at commits and effects, the
// disk fills, the service lies, hangs and fails, trials fail and vanish, people pause, resume, stop, edit, retry,
// enqueue and delete (while it runs, and while nobody runs it), the clock jumps. After each step the invariants I1-I8
// hold, and once the faults stop every experiment ends. A seed that fails prints itself, the fewest faulty steps that
// it fails with, and the last things that happened in them.
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
    checkpoint_rate_ = Rate() * 10;
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
    if (Chance(0.3)) {
      static const char* const kRules[] = {"asha", "percentile", "medianstop", "hyperband", "threshold"};
      AlgorithmSpec& rule = spec.early_stopping.emplace();
      rule.name = kRules[Between(0, 4)];
      if (rule.name == "hyperband") rule.settings.push_back({"r_max", "5"});
      if (rule.name != "threshold" && Chance(0.7)) rule.settings.push_back({"guard", "off"});
    }
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
    if (!request.spec->early_stopping && stopping_rate_ > 0 && Chance(stopping_rate_))
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

  // A trial that the next ones go on from; some take its place.
  std::map<std::string, std::string> Labels(const std::vector<Trial>& trials) {
    if (trials.empty() || !Chance(checkpoint_rate_)) return {};
    const std::string& from = trials[static_cast<std::size_t>(Between(1, static_cast<int>(trials.size()))) - 1].name;
    std::map<std::string, std::string> labels = {{kResumeFromLabel, from}};
    if (Chance(0.5)) labels[kReplacesLabel] = from;
    return labels;
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
  double kill_rate_, disk_rate_, service_rate_, trial_rate_, people_rate_, stopping_rate_, checkpoint_rate_;
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
  static const char* const kNames[] = {"pause",   "stop its trials", "resume",       "resume", "edit",
                                       "stop",    "stop a trial",    "stop a trial", "retry",  "retry a trial",
                                       "enqueue", "delete"};
  const int what = plan.Between(0, 11);
  world.Tell(fmt::format("people: {} {}, {}", kNames[what], experiment.name, trial));
  switch (what) {
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
      if (spec.parallel_trial_count != edit.parallel.value_or(spec.parallel_trial_count) ||
          (edit.max_trials && spec.max_trial_count != edit.max_trials))
        world.Breach("I7: an edit of " + experiment.name + " was acknowledged and is not stored");
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
      world.Tell("while nobody runs it:");
      if (experiment)
        world.CommandOnNobody([&](Controller& controller) { Command(world, plan, *experiment, controller); },
                              plan.Between(0, 50));
      break;
    default:
      if (experiment) world.Command([&](Controller& controller) { Command(world, plan, *experiment, controller); });
  }
}

struct Outcome {
  std::vector<std::string> breaches;
  std::string summary;             // how each experiment ended
  std::vector<std::string> story;  // what happened before the first breach, if it was wanted
  int faulty_steps = 0, stopped_early = 0;
};

// `at_most`: faults stop after so many steps, if not earlier.
Outcome Simulate(std::uint64_t seed, int at_most = 1'000'000, bool tell = false) {
  Outcome outcome;
  Plan plan(seed);
  World world;
  if (tell) world.KeepStory();
  world.behave = [&plan](const RunId& run, int attempt) { return plan.Behave(run, attempt); };
  world.service = [&](const SuggestionRequest& request) {
    ServicePlan service = plan.Service(request);
    service.labels = plan.Labels(world.StoredTrials(request.spec->name));
    return service;
  };
  world.before_commit = [&plan] { return plan.Disk(); };
  world.kill_at = [&plan](Point) { return plan.Kills(); };

  std::vector<ExperimentSpec> specs;
  const int experiments = plan.Between(1, 2);
  for (int i = 0; i < experiments; ++i) {
    specs.push_back(plan.MakeExperiment(fmt::format("e{}", i)));
    while (!world.Submit(specs.back()).ok()) {
    }
  }
  outcome.faulty_steps = std::min(at_most, plan.Between(50, 1500));
  for (int i = 0; i < outcome.faulty_steps; ++i) {
    if (!world.alive()) world.Boot();
    world.Step();
    if (plan.PeopleMeddle()) Meddle(world, plan, specs);
  }
  plan.EndOfFaults();
  world.Tell("faults stop");
  if (!world.alive()) world.Boot();
  const auto none_is_being_deleted = [&] {
    return std::none_of(specs.begin(), specs.end(), [&](const ExperimentSpec& spec) {
      const auto experiment = world.Lookup(spec.name);
      return experiment && IsBeingDeleted(*experiment);
    });
  };
  if (!world.RunUntil(none_is_being_deleted)) world.Breach("P22: a deletion does not end");
  for (const ExperimentSpec& spec : specs) {  // people want it done now
    Result<Submitted> again = world.Submit(spec);
    if (!again.ok() && again.status().message().find("is being deleted") != std::string::npos) {
      world.RunUntil([&] { return !world.Lookup(spec.name); });  // it was not committed yet that it is
      again = world.Submit(spec);
    }
    if (!again.ok()) outcome.summary += "resubmission: " + again.status().ToString() + "\n";
  }
  const auto ended = [&] {
    for (const ExperimentSpec& spec : specs)
      if (!IsFinal(world.Stored(spec.name).state)) return false;
    return world.controller().AllSettled();
  };
  if (!world.RunUntil(ended)) {
    std::string why;
    for (const ExperimentSpec& spec : specs) why += world.controller().WhyWaiting(world.Stored(spec.name).id) + "; ";
    world.Breach("P22: an experiment does not end: " + why);
  }
  world.CheckAtTheEnd();

  // P6: whatever happened, suggestion k of an experiment is the suggestion k.
  for (const ExperimentSpec& spec : specs) {
    const auto space = SearchSpace::Create(spec.parameters);
    std::uint64_t suggestion = 0;
    for (const Trial& trial : world.StoredTrials(spec.name))
      if (!trial.labels.contains(kEnqueuedLabel) && trial.assignments != world.Expected(spec, *space, ++suggestion))
        world.Breach(
            fmt::format("P6: trial #{} of {} has other assignments than undisturbed", trial.ordinal, spec.name));
    const Experiment end = world.Stored(spec.name);
    outcome.stopped_early += end.counts.early_stopped;
    outcome.summary += fmt::format(
        "{}: {} of {} trials, {} succeeded, {} failed, {} unavailable, {} killed, {} stopped early, ended {}\n",
        spec.name, end.counts.total, *spec.max_trial_count, end.counts.succeeded, end.counts.failed,
        end.counts.metrics_unavailable, end.counts.killed, end.counts.early_stopped, EndReason(end));
  }
  outcome.summary +=
      fmt::format("{} kills, {} commits, {} faulty steps\n", world.kills(), world.commits(), outcome.faulty_steps);
  outcome.breaches = world.breaches();
  outcome.story = world.story();
  return outcome;
}

// The fewest faulty steps found that still end in a breach, by halving, and the last of what happened in them.
std::string Explain(std::uint64_t seed, const Outcome& failed) {
  int fails = failed.faulty_steps, holds = 0;
  while (fails - holds > 1) {
    const int middle = holds + (fails - holds) / 2;
    (Simulate(seed, middle).breaches.empty() ? holds : fails) = middle;
  }
  const Outcome shortest = Simulate(seed, fails, /*tell=*/true);
  std::string text = fmt::format("seed {} (repeat: QALAM_SIM_FIRST={} QALAM_SIM_SEEDS=1)\n", seed, seed);
  for (const std::string& breach : failed.breaches) text += "  " + breach + "\n";
  text += failed.summary + fmt::format("fails after {} faulty steps too:\n", fails);
  for (const std::string& line : shortest.story) text += "  " + line + "\n";
  return text + shortest.summary;
}

TEST(Simulation, EverySeedKeepsTheInvariants) {
  const std::uint64_t first = FromEnvironment("QALAM_SIM_FIRST", 1);
  const std::uint64_t seeds = FromEnvironment("QALAM_SIM_SEEDS", 2000);
  int failures = 0, stopped_early = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failures < 5; ++seed) {
    const Outcome outcome = Simulate(seed);
    stopped_early += outcome.stopped_early;
    if (outcome.breaches.empty()) continue;
    ++failures;
    ADD_FAILURE() << Explain(seed, outcome);
  }
  if (seeds >= 100) {
    EXPECT_GT(stopped_early, 0);
  }
}

TEST(Simulation, TheSameSeedTellsTheSameStory) {
  for (const std::uint64_t seed : {3u, 77u, 1234u}) {
    const Outcome once = Simulate(seed, 1'000'000, /*tell=*/true);
    const Outcome again = Simulate(seed, 1'000'000, /*tell=*/true);
    EXPECT_EQ(once.summary, again.summary);
    EXPECT_EQ(once.story, again.story);
  }
}

}  // namespace
}  // namespace qalam::sim
