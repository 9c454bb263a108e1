// SPDX-License-Identifier: Apache-2.0
// Learning curves of four kinds, made up: the loss falls exponentially to a value that a configuration decides, and the
// better configurations learn as fast as the others, or so many times slower.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/rng.h"

namespace qalam {

inline constexpr int kMadeSteps = 81;

struct MadeKind {
  double slower = 1;  // times, of the best configuration
  double noise = 0;   // standard deviation of each report
};

// Trial `ordinal` of the experiment `seed`: four parameters, drawn at random.
class MadeCurve {
 public:
  MadeCurve(const MadeKind& kind, std::uint64_t seed, std::uint64_t ordinal)
      : noise_(kind.noise), rng_(seed, "noise", ordinal) {
    Rng draw(seed, "configuration", ordinal);
    double distance = 0;
    constexpr std::array kBest = {0.3, 0.7, 0.5, 0.2};
    for (const double best : kBest) distance += std::pow(draw.Uniform() - best, 2);
    final_ = distance / 4;  // 0 is the best there is, about 0.15 what a random one has
    const double good = std::exp(-final_ / 0.03);
    pace_ = 6 * (1 + (kind.slower - 1) * good) * std::exp(0.3 * draw.Normal() * (kind.slower > 1 ? 1 : 0));
    start_ = 1;
  }
  double final() const { return final_; }
  double Next() {
    ++step_;
    return final_ + (start_ - final_) * std::exp(-step_ / pace_) + noise_ * rng_.Normal();
  }

 private:
  const double noise_;
  Rng rng_;
  double final_, pace_, start_;
  int step_ = 0;
};

}  // namespace qalam
