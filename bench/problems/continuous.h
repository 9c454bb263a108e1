// SPDX-License-Identifier: Apache-2.0
// Problems that are formulas: BBOB, its mixed-integer and noisy variants, and the shifted classics.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/problem.h"

namespace qalam::bench {

std::unique_ptr<Problem> MakeBbob(int function, int instance, int dimension);
std::unique_ptr<Problem> MakeBbobMixint(int function, int instance, int dimension);
// Gaussian noise whose deviation is `level` times the value above the optimum, plus `floor`: near the optimum trials
// cannot be told apart by one value each.
std::unique_ptr<Problem> MakeNoisy(std::unique_ptr<Problem> problem, double level, double floor);

// Test functions of the field, each in the dimension that it is known for. The box is moved per seed by up to a fifth
// of its width (the optimum stays inside), so that a method that tries the centre first gains nothing.
std::span<const std::string_view> ClassicNames();
std::unique_ptr<Problem> MakeClassic(std::string_view name, std::uint64_t seed);

}  // namespace qalam::bench
