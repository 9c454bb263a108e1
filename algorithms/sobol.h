// SPDX-License-Identifier: Apache-2.0
// Sobol's low-discrepancy sequence, scrambled by the seed: fills the cube more evenly than random points. Suggestion k
// is point k-1 of the sequence, so any number of them may run at once. Directions of Joe and Kuo 2008, nested
// scrambling after Owen 1995.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct SobolSettings {
  std::optional<std::int64_t> random_state;
};
inline constexpr auto kSobolSettings =
    Settings<SobolSettings>(Int("random_state", &SobolSettings::random_state, AtLeast(0), "seed of the scrambling"));

inline constexpr int kSobolMaxDimensions = 3667;  // as many directions as Boost has

Status ValidateSobol(const AlgorithmContext& context);
std::unique_ptr<Suggester> MakeSobol(const AlgorithmContext& context);

// The sequence itself, for algorithms that start with it. Not thread-safe.
class ScrambledSobol {
 public:
  ScrambledSobol(Eigen::Index dim, std::uint64_t seed);  // dim in 1 .. kSobolMaxDimensions
  ~ScrambledSobol();
  ScrambledSobol(ScrambledSobol&&) noexcept;
  // Point `index` (from 0), inside (0, 1)^dim. Points one after the other are quickest: O(dim).
  Eigen::VectorXd Point(std::uint64_t index);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qalam
