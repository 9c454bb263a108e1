// SPDX-License-Identifier: Apache-2.0
// Population-based training: a population trains in pieces, and between them the worst go on from the best ones'
// checkpoints with other values. Jaderberg et al. 2017.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct PbtSettings {
  std::string_view suggestion_trial_dir;
  std::optional<std::int64_t> n_population;
  std::optional<double> truncation_threshold;
  std::optional<double> resample_probability;
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kPbtSettings = Settings<PbtSettings>(
    Text("suggestion_trial_dir", &PbtSettings::suggestion_trial_dir,
         "required: where a trial finds its checkpoint, and leaves it"),
    Saying(Int("n_population", &PbtSettings::n_population, Between(5, 100'000), "required: members of the population"),
           "Param(n_population) should be >= 5"),
    Saying(Real("truncation_threshold", &PbtSettings::truncation_threshold, Between(0, 1),
                "required: so many of them, the worst, go on from as many of the best; more than 0.5 is 0.5"),
           "Param(truncation_threshold) should be between 0 and 1, inclusive"),
    Saying(Real("resample_probability", &PbtSettings::resample_probability, Between(0, 1),
                "how likely each value of those is drawn anew; otherwise it becomes 0.8 or 1.2 of the winner's"),
           "Param(resample_probability) should be null to perturb at 0.8 or 1.2, or be between 0 and 1, inclusive, to "
           "resample"),
    Int("random_state", &PbtSettings::random_state, AtLeast(0), "seed"));

Status ValidatePbt(const AlgorithmContext& context);
std::unique_ptr<Suggester> MakePbt(const AlgorithmContext& context);

// The values that a trial gets which goes on from one with those of `unit`: each moves, by a fifth of itself or to the
// next level if that is further, or is drawn anew with probability `resample`. A parameter of one level stays.
// `ordinal` names the stream.
Eigen::VectorXd Explore(const SearchSpace& space, const Eigen::VectorXd& unit, double resample, std::uint64_t seed,
                        std::uint64_t ordinal);

}  // namespace qalam
