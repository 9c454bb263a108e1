// SPDX-License-Identifier: Apache-2.0
// Bayesian optimisation: a model of the objective says which point is worth the next trial. Jones et al. 1998; our
// recipe is told in docs/algorithms.md.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct BayesianSettings {
  std::string_view base_estimator = "GP", acq_func = "auto", acq_optimizer = "auto";
  int n_initial_points = 5;
  std::optional<std::int64_t> random_state;
};
inline constexpr std::array<std::string_view, 4> kBaseEstimators = {"GP", "RF", "ET", "GBRT"};
inline constexpr std::array<std::string_view, 7> kAcquisitionNames = {"auto", "gp_hedge", "EI",  "PI",
                                                                      "LCB",  "EIps",     "PIps"};
inline constexpr std::array<std::string_view, 3> kAcquisitionOptimisers = {"auto", "sampling", "lbfgs"};
inline constexpr std::string_view kBayesianName = "Bayesian optimization";  // in Katib's faults
inline constexpr auto kBayesianSettings = Settings<BayesianSettings>(
    Choice("base_estimator", &BayesianSettings::base_estimator, kBaseEstimators, kBayesianName,
           "the model: Gaussian process, random forest, extremely randomised trees, boosted trees"),
    Int("n_initial_points", &BayesianSettings::n_initial_points, AtLeast(0),
        "finished trials before the model is asked"),
    Choice("acq_func", &BayesianSettings::acq_func, kAcquisitionNames, kBayesianName,
           "what makes a point worth a trial; auto: EI, and LCB for every third trial once there are 5 a parameter"),
    Choice("acq_optimizer", &BayesianSettings::acq_optimizer, kAcquisitionOptimisers, kBayesianName,
           "how the best point is found; sampling: the best of the candidates, else uphill from the best few"),
    Int("random_state", &BayesianSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeBayesian(const AlgorithmContext& context);

}  // namespace qalam
