// SPDX-License-Identifier: Apache-2.0
#include "core/experiment.h"

#include <algorithm>
#include <array>

#include "core/words.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 7> kTrialStates = {
    "Created", "Running", "Succeeded", "Killed", "Failed", "MetricsUnavailable", "EarlyStopped"};
constexpr std::array<std::string_view, 5> kExperimentStates = {"Created", "Running", "Restarting", "Succeeded",
                                                               "Failed"};

constexpr std::array<std::string_view, 3> kComparisons = {"equal", "less", "greater"};

}  // namespace

std::string_view ToString(Comparison comparison) { return WordOf(kComparisons, comparison); }
std::optional<Comparison> ParseComparison(std::string_view text) { return FindWord<Comparison>(kComparisons, text); }

std::string_view ToString(TrialState state) { return WordOf(kTrialStates, state); }
std::optional<TrialState> ParseTrialState(std::string_view text) { return FindWord<TrialState>(kTrialStates, text); }

std::string_view ToString(ExperimentState state) { return WordOf(kExperimentStates, state); }
std::optional<ExperimentState> ParseExperimentState(std::string_view text) {
  return FindWord<ExperimentState>(kExperimentStates, text);
}

const Metric* Observation::Find(std::string_view name) const {
  const auto it = std::ranges::find(metrics, name, &Metric::name);
  return it == metrics.end() ? nullptr : &*it;
}

int& TrialCounts::Of(TrialState state) {
  switch (state) {
    case TrialState::kCreated: return created;
    case TrialState::kRunning: return running;
    case TrialState::kSucceeded: return succeeded;
    case TrialState::kKilled: return killed;
    case TrialState::kFailed: return failed;
    case TrialState::kMetricsUnavailable: return metrics_unavailable;
    case TrialState::kEarlyStopped: return early_stopped;
  }
  QALAM_CHECK(false, "a trial has one of the seven states");
  return total;
}

}  // namespace qalam
