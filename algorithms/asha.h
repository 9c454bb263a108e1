// SPDX-License-Identifier: Apache-2.0
// ASHA: successive halving that never waits. A configuration goes up as soon as it is among the best 1/eta of what has
// finished on its rung; nobody to promote: a new one begins. Li et al. 2020. Where learning curves cross, that ends the
// best at the first rungs: a few configurations go up whatever their rank, and from rungs whose ranks turn out not to
// hold, all of them do.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct AshaSettings {
  std::string_view resource_name;
  double r_min = 1;
  std::optional<double> r_max;
  int eta = 3;
  int brackets = 1;
  std::string_view searcher = "random";
  std::string_view guard = "on";
  std::optional<std::int64_t> random_state;
};
inline constexpr std::array<std::string_view, 3> kAshaSearchers = {"random", "tpe", "gp"};
inline constexpr std::array<std::string_view, 2> kAshaGuards = {"on", "off"};
inline constexpr auto kAshaSettings = Settings<AshaSettings>(
    Text("resource_name", &AshaSettings::resource_name, "required: the parameter that says how long a trial trains"),
    Real("r_min", &AshaSettings::r_min, Range{.min = 0, .max = 1e9, .open_min = true},
         "of it, what the shortest trials get"),
    Real("r_max", &AshaSettings::r_max, Range{.min = 0, .max = 1e9, .open_min = true},
         "of it, what the longest trials get; not given: the parameter's max"),
    Int("eta", &AshaSettings::eta, Between(2, 1000),
        "one of so many goes on to the next rung, which trains so many times as long"),
    Int("brackets", &AshaSettings::brackets, Between(1, 30), "from how many rungs new configurations begin, in turn"),
    Choice("searcher", &AshaSettings::searcher, kAshaSearchers, "asha", "who thinks of new configurations"),
    Choice("guard", &AshaSettings::guard, kAshaGuards, "asha",
           "see whether ranks hold from rung to rung, and promote by rank only where they do"),
    Int("random_state", &AshaSettings::random_state, AtLeast(0), "seed"));

std::unique_ptr<Suggester> MakeAsha(const AlgorithmContext& context);
Status ValidateAsha(const AlgorithmContext& context);

}  // namespace qalam
