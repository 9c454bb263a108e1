// SPDX-License-Identifier: Apache-2.0
// Experiments and trials as Katib prints them: kind Experiment / Trial with their status.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/experiment.h"

namespace qalam {

// Katib's rule: a condition whose status or reason changes is removed and appended at the end; an equal one is no
// change. Returns whether anything changed.
bool SetCondition(std::vector<Condition>* conditions, std::string type, bool status, std::string reason,
                  std::string message, WallTime now);

// Conditions of ours beside Katib's: a trial that waits for its turn, one that is being stopped for good, an experiment
// that is being deleted.
inline constexpr std::string_view kQueuedCondition = "Queued", kStoppingCondition = "Stopping",
                                  kSparedCondition = "Spared", kDeletingCondition = "Deleting";
inline constexpr std::string_view kStoppedReason = "ExperimentStopped";  // ended by hand

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);  // nullptr: none
// What a trial that is being stopped for good ends as; nullopt: it is not, or it was stopped by a pause and runs again.
std::optional<TrialState> StopsAs(const Trial& trial);
// Whether its collector has said that it is stopped, and so it ends as that, however its processes end. The message of
// the Stopping condition is Katib's then, without a reason of ours.
inline constexpr std::string_view kDeclaredStopped = "Trial is early stopped";
bool IsDeclaredStopped(const Trial& trial);
bool IsBeingDeleted(const Experiment& experiment);
std::string EndReason(const Experiment& experiment);  // "ExperimentGoalReached"; empty: it has not ended

// `trials` of the experiment, by ordinal.
Node ExperimentToDocument(const Experiment& experiment, const std::vector<Trial>& trials);

// The trials of one experiment as documents. What they share is made once: there may be very many of them. The record
// is borrowed.
class TrialDocuments {
 public:
  TrialDocuments(const Experiment& experiment, const ExperimentSpec& spec);
  Node Of(const Trial& trial) const;

 private:
  const Experiment& experiment_;
  ExperimentSpec spec_;  // its template has been read
  Node owner_, objective_, collector_;
};

}  // namespace qalam
