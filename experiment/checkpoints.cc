// SPDX-License-Identifier: Apache-2.0
#include "experiment/checkpoints.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "experiment/controller_impl.h"
#include "experiment/status.h"

namespace qalam {
namespace {

constexpr std::size_t kRemovedAtOnce = 64;  // trials, between two turns of the loop

const std::string* LabelOf(const Trial& trial, const char* label) {
  const auto found = trial.labels.find(label);
  return found == trial.labels.end() ? nullptr : &found->second;
}

// Nobody will ask for more trials of this experiment: it ended, and may not be taken up again.
bool IsOverForGood(const Experiment& record, const ExperimentSpec& spec) {
  return IsFinal(record.state) && spec.resume_policy == ResumePolicy::kNever && EndReason(record) != kStoppedReason;
}

}  // namespace

void Checkpoints::Note(const Trial& trial) {
  const std::string* const from = LabelOf(trial, kResumeFromLabel);
  const std::string* const replaced = LabelOf(trial, kReplacesLabel);
  if (replaced != nullptr && trial.state == TrialState::kSucceeded) {
    replaced_.insert(*replaced);
    Consider(*replaced);
  }
  if (from == nullptr) return;
  if (!IsFinal(trial.state)) {
    readers_[*from].insert(trial.name);
  } else if (const auto readers = readers_.find(*from); readers != readers_.end()) {
    readers->second.erase(trial.name);
    if (readers->second.empty()) readers_.erase(readers);
  }
  Consider(*from);
}

void Checkpoints::Consider(const std::string& name) {
  if (replaced_.contains(name) && !readers_.contains(name)) unneeded_.push_back(name);
}

std::vector<std::string> Checkpoints::TakeUnneeded(const std::string& kept) {
  std::erase_if(unneeded_, [this](const std::string& name) { return readers_.contains(name); });
  std::ranges::sort(unneeded_);
  const auto twice = std::ranges::unique(unneeded_);
  unneeded_.erase(twice.begin(), twice.end());
  const bool waits = std::erase(unneeded_, kept) > 0;
  gone_.insert(unneeded_.begin(), unneeded_.end());
  return std::exchange(unneeded_, waits ? std::vector{kept} : std::vector<std::string>());
}

// The best trial's is what people want in the end; with `retain` all are kept.
void ControllerImpl::RemoveCheckpoints(Work& work) {
  if (work.spec->trial_template.retain) return;
  std::vector<std::string> unneeded = work.checkpoints.TakeUnneeded(work.record.best_trial);
  if (unneeded.empty() || !deps_.remove_checkpoints) return;
  AfterCommit([this, unneeded = std::move(unneeded)] {
    if (const Status removed = deps_.remove_checkpoints(unneeded); !removed.ok())
      Log(LogLevel::kWarning, "checkpoint-kept", {{"reason", removed.message()}});
  });
}

// Of an experiment that has ended, all but the best trial's.
void ControllerImpl::RemoveLastCheckpoints(Work& work) {
  if (!deps_.remove_checkpoints || work.spec->trial_template.retain || !IsOverForGood(work.record, *work.spec) ||
      !work.live.empty() || work.unfinished() > 0 || work.tidying)
    return;
  work.tidying = true;
  AfterCommit([this, id = work.record.id] { RemoveLastCheckpoints(id, 0); });
}

void ControllerImpl::RemoveLastCheckpoints(std::int64_t experiment_id, std::size_t next_trial) {
  Work* const work = FindWork(experiment_id);
  if (work == nullptr) return;
  work->tidying = false;
  if (!IsFinal(work->record.state) || work->removing) return;
  const std::vector<Trial>& trials = work->trials->all();
  const std::size_t end = std::min(trials.size(), next_trial + kRemovedAtOnce);
  std::vector<std::string> names;
  for (std::size_t i = next_trial; i < end; ++i) {
    if (trials[i].name != work->record.best_trial) names.push_back(trials[i].name);
  }
  if (const Status removed = deps_.remove_checkpoints(names); !removed.ok())
    Log(LogLevel::kWarning, "checkpoint-kept", {{"experiment", work->record.name}, {"reason", removed.message()}});
  if (end < trials.size()) {
    work->tidying = true;
    deps_.loop.Post(Guard([this, experiment_id, end] { RemoveLastCheckpoints(experiment_id, end); }));
  } else if (next_trial > 0 && on_commit_) {
    on_commit_();  // it is settled now
  }
}

}  // namespace qalam
