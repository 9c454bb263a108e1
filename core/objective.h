// SPDX-License-Identifier: Apache-2.0
// From reports to an observation, from observations to the best trial: Katib's strategies, without its NaN trap.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"

namespace qalam {

// A finite number as a trial prints one ("0.5", "-7.5e-01", " 3 "); nullopt for everything else (nan, inf, 0x1p3,
// "1,5").
std::optional<double> ParseMetricValue(std::string_view text);

// Folds one more report into an observation that has an entry for each metric of `objective`. Min and max only over
// finite numbers, texts kept as printed; latest is the newest in order of arrival.
void Fold(const std::string& name, const std::string& value, Observation* observation);
Observation EmptyObservation(const ObjectiveSpec& objective);

// The value that counts, by the objective's strategy; nullopt when there is no finite one.
std::optional<double> ObjectiveValue(const ObjectiveSpec& objective, const Observation& observation);
// An objective that is words: what a search for an architecture found ("Genotype(normal=[...])"). Empty for a number,
// also for one that went wrong ("nan", "-inf", "1e400", "0,5"), and when there is none.
std::string ObjectiveWords(const ObjectiveSpec& objective, const Observation& observation);
// The same for any metric, as text, "unavailable" when there is none (what goes over the wire).
std::string StrategyValue(const ObjectiveSpec& objective, const std::string& metric, const Observation& observation);
bool IsBetter(ObjectiveType type, double a, double b);
bool ReachesGoal(const ObjectiveSpec& objective, double value);

}  // namespace qalam
