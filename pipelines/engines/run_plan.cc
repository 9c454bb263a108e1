// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/run_plan.h"

#include <algorithm>
#include <utility>

namespace qalam {
namespace {

constexpr std::size_t kMaxNameLength = 253;  // of a Kubernetes object; a step's name is a label of 63

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool IsLabel(std::string_view name, std::size_t limit, std::string_view inner) {
  if (name.empty() || name.size() > limit || !IsLowerAlnum(name.front()) || !IsLowerAlnum(name.back())) return false;
  return std::all_of(name.begin(), name.end(),
                     [inner](char c) { return IsLowerAlnum(c) || inner.find(c) != std::string_view::npos; });
}

// Kubernetes starts a failed pod again up to backoffLimit times; what cannot get better is not worth repeating, and a
// job that is over its deadline is over.
bool WorthRepeating(const StepRecord& record) {
  return record.reason != "StartError" && record.reason != "DeadlineExceeded";
}

bool HasCycle(const Run& run, const std::vector<std::vector<int>>& needs) {
  std::vector<bool> placed(run.steps.size(), false);
  for (std::size_t round = 0; round < run.steps.size(); ++round) {
    bool any = false;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
      if (placed[i]) continue;
      const auto& of = needs[i];
      if (std::all_of(of.begin(), of.end(), [&](int n) { return placed[static_cast<std::size_t>(n)]; })) {
        placed[i] = any = true;
      }
    }
    if (!any) break;
  }
  return !std::all_of(placed.begin(), placed.end(), [](bool p) { return p; });
}

int FindStep(const Run& run, std::string_view name) {
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    if (run.steps[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

bool IsStepName(std::string_view name) { return IsLabel(name, 63, "-"); }

Status CheckRun(const RunId& id, const Run& run) {
  if (!IsLabel(id, kMaxNameLength, "-.") || id.find("..") != std::string::npos) {
    return InvalidArgument("'{}' cannot name a run: lower-case letters, digits, '-' and '.' only", id);
  }
  if (run.steps.empty()) return InvalidArgument("run {} has no step", id);
  std::vector<std::vector<int>> needs(run.steps.size());
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const Step& step = run.steps[i];
    if (!IsStepName(step.name)) {
      return InvalidArgument("'{}' cannot name a step: lower-case letters, digits and '-' only, at most 63", step.name);
    }
    if (FindStep(run, step.name) != static_cast<int>(i)) return InvalidArgument("two steps are named {}", step.name);
    if (step.command.empty()) return InvalidArgument("step {} has no command", step.name);
    for (const std::string& argument : step.command) {
      if (argument.find('\0') != std::string::npos) {
        return InvalidArgument("step {}: an argument holds a NUL byte, which no command line can carry", step.name);
      }
    }
    for (const auto& [name, value] : step.env) {
      if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
          value.find('\0') != std::string::npos) {
        return InvalidArgument("step {}: '{}' cannot be an environment variable", step.name, name);
      }
    }
    for (const std::string& name : step.depends_on) {
      const int index = FindStep(run, name);
      if (index < 0)
        return InvalidArgument("step {} depends on {}, which is not a step of run {}", step.name, name, id);
      needs[i].push_back(index);
    }
  }
  if (HasCycle(run, needs)) return InvalidArgument("the steps of run {} wait for each other in a circle", id);
  if (run.metrics && FindStep(run, run.metrics->step) < 0) {
    return InvalidArgument("metrics come from step {}, which is not a step of run {}", run.metrics->step, id);
  }
  return OkStatus();
}

RunPlan::RunPlan(Run run, int after_attempt) : run_(std::move(run)), steps_(run_.steps.size()), needs_(steps_.size()) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].attempt = after_attempt;
    for (const std::string& name : run_.steps[i].depends_on) needs_[i].push_back(IndexOf(name));
  }
}

int RunPlan::IndexOf(std::string_view step) const { return FindStep(run_, step); }

void RunPlan::Apply(const StepRecord& record) {
  const int index = IndexOf(record.step);
  if (index < 0) return;
  StepPlan& plan = steps_[static_cast<std::size_t>(index)];
  if (record.attempt < plan.attempt) return;
  plan.attempt = record.attempt;
  plan.state = record.state;
  plan.begun = true;
  if (IsFinal(record.state) && record.ended > record.started) plan.spent += record.ended - record.started;
  if (StepOf(index).sidecar) return ApplyToSidecar(record, StepOf(index), &plan);
  switch (record.state) {
    case StepState::kFailed:
      plan.lost_in_row = 0;
      if (WorthRepeating(record) && ++plan.failures <= run_.steps[static_cast<std::size_t>(index)].retries) {
        plan.state = StepState::kWaiting;
      } else {
        Decide(record);
      }
      break;
    case StepState::kLost:
      if (++plan.lost_in_row < kLostAttemptLimit) {
        plan.state = StepState::kWaiting;
      } else {
        Decide(record);
      }
      break;
    case StepState::kStopped: Decide(record); break;
    case StepState::kSucceeded:
    case StepState::kRunning:
    case StepState::kWaiting: break;
  }
}

// What it ends with matters only if it ends by itself. As in a pod: one that restarts is started again, another one's
// failure is the pod's, known when the others are done.
void RunPlan::ApplyToSidecar(const StepRecord& record, const Step& step, StepPlan* plan) {
  if (!IsFinal(record.state) || record.state == StepState::kStopped) return;
  const bool failed = record.state != StepState::kSucceeded;
  if (step.restarts || (failed && ++plan->failures <= step.retries)) {
    plan->state = StepState::kWaiting;
  } else if (failed && !sidecar_failed_) {
    sidecar_failed_ = EndBy(record);
  }
}

RunEnd RunPlan::EndBy(const StepRecord& record) const {
  RunEnd end{record.state, record.reason, record.message};
  if (run_.steps.size() > 1) end.message = "step " + record.step + ": " + record.message;
  return end;
}

void RunPlan::Decide(const StepRecord& record) {
  const bool gives_way = decided_ && decided_->state == StepState::kStopped && record.state != StepState::kStopped;
  if (decided_ && !gives_way) return;
  decided_ = EndBy(record);
}

bool RunPlan::OthersDone() const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (!run_.steps[i].sidecar && steps_[i].state != StepState::kSucceeded) return false;
  }
  return true;
}

// A sidecar is there for those that depend on it from its first start.
bool RunPlan::Met(int step) const {
  const StepPlan& plan = steps_[static_cast<std::size_t>(step)];
  return StepOf(step).sidecar ? plan.begun : plan.state == StepState::kSucceeded;
}

std::vector<RunPlan::Launch> RunPlan::Ready() const {
  std::vector<Launch> ready;
  if (Ending()) return ready;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].state != StepState::kWaiting || ToStop(static_cast<int>(i))) continue;
    if (std::all_of(needs_[i].begin(), needs_[i].end(), [this](int need) { return Met(need); }))
      ready.push_back({static_cast<int>(i), steps_[i].attempt + 1});
  }
  return ready;
}

bool RunPlan::AnyRunning() const {
  return std::any_of(steps_.begin(), steps_.end(), [](const StepPlan& s) { return s.state == StepState::kRunning; });
}

std::optional<Duration> RunPlan::TimeLeft(int step) const {
  if (StepOf(step).sidecar) return std::nullopt;
  std::optional<Duration> left;
  if (const auto& timeout = StepOf(step).timeout) left = *timeout - steps_[static_cast<std::size_t>(step)].spent;
  if (run_.timeout) {
    Duration of_run = *run_.timeout;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!run_.steps[i].sidecar) of_run -= steps_[i].spent;
    }
    left = std::min(left.value_or(of_run), of_run);
  }
  if (left) left = std::max<Duration>(*left, std::chrono::milliseconds(1));
  return left;
}

std::optional<RunEnd> RunPlan::End() const {
  if (AnyRunning()) return std::nullopt;
  if (decided_) return decided_;
  if (OthersDone()) return sidecar_failed_ ? *sidecar_failed_ : RunEnd{StepState::kSucceeded, "Completed", ""};
  if (stopping_) return RunEnd{StepState::kStopped, "Stopped", "stopped before it had ended"};
  return std::nullopt;
}

}  // namespace qalam
