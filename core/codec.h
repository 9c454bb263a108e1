// SPDX-License-Identifier: Apache-2.0
// How the values of one checked parameter lie in [0, 1], and how they are written. The working half of SearchSpace.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/search_space.h"

namespace qalam {

// Immutable. All calls take the parameter it was made from.
class ParameterCodec {
 public:
  // Fills in the parameter's levels. INVALID_ARGUMENT, in words that follow "parameter 'x': ", where doubles cannot
  // tell the values apart.
  static Result<ParameterCodec> Make(Parameter* parameter);

  void Decode(const Parameter& parameter, double unit, std::string* text) const;
  Result<double> Encode(const Parameter& parameter, std::string_view text) const;
  Status Check(const Parameter& parameter, std::string_view text) const;
  // A number within the bounds and between two steps becomes the nearer one.
  void MoveToStep(const Parameter& parameter, std::string* text) const;
  std::uint64_t LevelOf(const Parameter& parameter, double unit) const;
  double UnitOf(const Parameter& parameter, std::uint64_t level) const;

 private:
  Status CheckSizes(const Parameter& parameter) const;
  Status MakeLattice(Parameter* parameter);
  void MakeContinuous(const Parameter& parameter);
  void SetSupport(const Parameter& parameter, double low_offset, double high_offset);
  double LineOf(const Parameter& parameter, double offset) const;
  double LineOfUnit(double unit) const;
  double UnitOfLine(double line) const;
  double LevelValue(const Parameter& parameter, std::uint64_t level) const;
  double Settle(const Parameter& parameter, std::uint64_t level, std::initializer_list<double> units) const;
  void DecodeContinuous(const Parameter& parameter, double unit, std::string* text) const;
  void DecodeLattice(const Parameter& parameter, std::uint64_t level, std::string* text) const;
  Result<double> CheckNumber(const Parameter& parameter, std::string_view text) const;
  Result<std::uint64_t> CheckLevel(const Parameter& parameter, std::string_view text) const;

  // The line on which the distribution is uniform or normal: value - min, or log(value / min); both are exact near
  // min however far from zero that is. [low_, high_] of it is mapped to [0, 1].
  bool log_ = false, normal_ = false;
  double low_ = 0, high_ = 0;
  double mean_ = 0, sigma_ = 0;              // normal: of the whole bell
  double below_ = 0, above_ = 0, mass_ = 1;  // normal: its mass left of low_, right of high_, and between
  // Values are whole multiples of 10^-decimals_.
  bool rounded_ = false;  // continuous, linear: to decimals_; if not, doubles themselves are coarse enough
  int decimals_ = 0;
  double scale_ = 1;  // 10^decimals_
  double log10_min_ = 0;
  int digits_ = 12;                      // continuous, log: significant ones
  std::int64_t first_ = 0, stride_ = 1;  // int and stepped: level k is (first_ + k*stride_) * 10^-decimals_
};

}  // namespace qalam
