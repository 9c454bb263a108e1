// SPDX-License-Identifier: Apache-2.0
// What makes Decode(Encode(a)) == a exact, not nearly:
// - int and stepped values are whole numbers (times a power of ten) until they are printed; a level's coordinate is the
//   middle of its interval, far from where rounding could matter.
// - Continuous values are rounded to a decimal grid that is at least ten times coarser than the error of a trip through
//   the cube and fine enough not to be noticed: 1e-12 of the range, 12 significant digits on a log scale.
#include "core/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/decimal.h"
#include "core/math.h"

namespace qalam {
namespace {

constexpr double kSmallest = 1e-290;               // so that a grid below it is
constexpr double kLargestInt = 9007199254740992;   // 2^53
constexpr double kMostExact = 1e15;                // decimals up to here are distinct doubles
constexpr double kMostRounded = 4e14;              // grid points up to here survive the trip: error below 0.2 of a grid
constexpr std::uint64_t kManyLevels = 1ull << 40;  // beyond, a level of a bell or a log scale may be lost in rounding
constexpr double kQuantum = 0x1p-40;

double PowerOfTen(int exponent) { return Decimal(1, -exponent); }

std::string Shown(double value) {
  std::string text;
  SetDouble(value, &text);
  return text;
}

double Clamp01(double unit) { return std::isnan(unit) ? 0.5 : std::clamp(unit, 0.0, 1.0); }

bool IsNumeric(ParameterType type) { return type == ParameterType::kDouble || type == ParameterType::kInt; }

}  // namespace

Result<ParameterCodec> ParameterCodec::Make(Parameter* parameter) {
  ParameterCodec codec;
  if (!IsNumeric(parameter->type)) {
    parameter->levels = parameter->list.size();
    return codec;
  }
  codec.log_ =
      parameter->distribution == Distribution::kLogUniform || parameter->distribution == Distribution::kLogNormal;
  codec.normal_ =
      parameter->distribution == Distribution::kNormal || parameter->distribution == Distribution::kLogNormal;
  if (parameter->step || parameter->min == parameter->max) {
    QALAM_RETURN_IF_ERROR(codec.MakeLattice(parameter));
  } else {
    QALAM_RETURN_IF_ERROR(codec.MakeContinuous(*parameter));
  }
  return codec;
}

Status ParameterCodec::MakeLattice(Parameter* parameter) {
  const Parameter& p = *parameter;
  if (p.min == p.max) {
    parameter->levels = 1;
    return OkStatus();
  }
  const double step = *p.step, size = std::max(std::abs(p.min), std::abs(p.max));
  double most = kLargestInt;
  if (p.type == ParameterType::kDouble) {
    decimals_ = std::max({DecimalsOf(p.min), DecimalsOf(p.max), DecimalsOf(step)});
    if (decimals_ > 0) most = kMostExact;
  }
  scale_ = PowerOfTen(decimals_);
  const bool exact = size * scale_ <= most;
  if (!exact) {  // more digits than a double has: the last ones are rounded off
    decimals_ = static_cast<int>(std::floor(std::log10(kMostExact / size)));
    scale_ = PowerOfTen(decimals_);
  }
  first_ = std::llround(p.min * scale_);
  stride_ = std::llround(step * scale_);
  const std::int64_t last = std::llround(p.max * scale_);
  const double steps = (p.max - p.min) / step;
  if (!exact && static_cast<double>(stride_) < 50 * steps)
    return InvalidArgument("step {} is too small beside {}: double numbers cannot tell the values apart", Shown(step),
                           Shown(size));
  const std::int64_t slack = exact ? 0 : stride_ / 20;
  parameter->levels = static_cast<std::uint64_t>((last - first_ + slack) / stride_) + 1;
  // Each level owns half a step on either side; on a log scale the first one never reaches down to zero.
  const double low = log_ ? std::max(p.min - step / 2, p.min / 2) : p.min - step / 2;
  SetSupport(p, low, LevelValue(p, p.levels - 1) + step / 2);
  return OkStatus();
}

Status ParameterCodec::MakeContinuous(const Parameter& p) {
  if (log_) {
    if (p.min < kSmallest)
      return InvalidArgument("min {} is too small; {} needs at least 1e-290", Shown(p.min), ToString(p.distribution));
    // Beyond a hundred the logarithm itself has fewer digits.
    if (std::max(std::abs(std::log(p.min)), std::abs(std::log(p.max))) > 100) digits_ = 11;
  } else {
    const double range = p.max - p.min;
    if (range < kSmallest)
      return InvalidArgument("the range from {} to {} is too narrow: max - min must be at least 1e-290", Shown(p.min),
                             Shown(p.max));
    decimals_ = 11 - static_cast<int>(std::floor(std::log10(range)));
    scale_ = PowerOfTen(decimals_);
    // If not, then doubles near min and max are further apart than 1e-14 of the range, and come back as they are.
    rounded_ = std::max(std::abs(p.min), std::abs(p.max)) * scale_ <= kMostRounded;
  }
  SetSupport(p, p.min, p.max);
  return OkStatus();
}

// Katib's bell: mean in the middle of min and max, which are three sigma away.
void ParameterCodec::SetSupport(const Parameter& p, double low, double high) {
  low_ = log_ ? std::log(low) : low;
  high_ = log_ ? std::log(high) : high;
  if (!normal_) return;
  const double min = log_ ? std::log(p.min) : p.min, max = log_ ? std::log(p.max) : p.max;
  mean_ = min + (max - min) / 2;
  sigma_ = (max - min) / 6;
  below_ = NormalCdf((low_ - mean_) / sigma_);
  above_ = NormalCdf((mean_ - high_) / sigma_);
  mass_ = 1 - below_ - above_;
}

double ParameterCodec::LineOf(double unit) const {
  if (!normal_) return low_ + unit * (high_ - low_);
  // From the nearer tail, where probabilities are small and exact.
  const double p = below_ + unit * mass_;
  const double z = p <= 0.5 ? NormalQuantile(p) : -NormalQuantile(above_ + (1 - unit) * mass_);
  return std::clamp(mean_ + sigma_ * z, low_, high_);
}

double ParameterCodec::UnitOfLine(double line) const {
  if (!normal_) return std::clamp((line - low_) / (high_ - low_), 0.0, 1.0);
  const double z = (line - mean_) / sigma_;
  const double unit = z <= 0 ? (NormalCdf(z) - below_) / mass_ : 1 - (NormalCdf(-z) - above_) / mass_;
  return std::clamp(unit, 0.0, 1.0);
}

double ParameterCodec::LevelValue(const Parameter& p, std::uint64_t level) const {
  return std::clamp(Decimal(first_ + static_cast<std::int64_t>(level) * stride_, decimals_), p.min, p.max);
}

std::uint64_t ParameterCodec::LevelOf(const Parameter& p, double unit) const {
  const double u = Clamp01(unit);
  const std::uint64_t last = p.levels - 1;
  if (p.distribution == Distribution::kUniform || p.levels == 1 || !IsNumeric(p.type))
    return std::min(last, static_cast<std::uint64_t>(u * static_cast<double>(p.levels)));
  const double line = LineOf(p.levels > kManyLevels ? std::round(u / kQuantum) * kQuantum : u);
  const double steps = std::floor(((log_ ? std::exp(line) : line) - p.min) / *p.step + 0.5);
  return steps <= 0 ? 0 : std::min(last, static_cast<std::uint64_t>(steps));
}

double ParameterCodec::UnitOf(const Parameter& p, std::uint64_t level) const {
  const bool uniform = p.distribution == Distribution::kUniform || p.levels == 1 || !IsNumeric(p.type);
  double unit = 0, neighbour = 0;
  if (uniform) {
    unit = (static_cast<double>(level) + 0.5) / static_cast<double>(p.levels);
  } else {
    const double value = LevelValue(p, level), half = *p.step / 2;
    const auto edge = [this](double at) { return UnitOfLine(log_ ? std::log(at) : at); };
    const double low = level == 0 ? 0 : edge(value - half);
    const double high = level == p.levels - 1 ? 1 : edge(value + half);
    unit = low + (high - low) / 2;
  }
  if (p.levels <= kManyLevels) return unit;
  // So many levels that the middle may have been rounded out of its interval: then it is next door.
  if (!uniform) unit = std::round(unit / kQuantum) * kQuantum;
  for (double towards : {0.0, 1.0}) {
    if (LevelOf(p, unit) == level) return unit;
    neighbour = uniform ? std::nextafter(unit, towards) : Clamp01(unit + (towards - 0.5) * 2 * kQuantum);
    if (LevelOf(p, neighbour) == level) return neighbour;
  }
  return unit;
}

void ParameterCodec::DecodeContinuous(const Parameter& p, double unit, std::string* text) const {
  if (unit <= 0) return SetDouble(p.min, text);
  if (unit >= 1) return SetDouble(p.max, text);
  const double line = LineOf(unit);
  if (!log_ && !rounded_) return SetDouble(std::clamp(line, p.min, p.max), text);
  // Digits before the point are as many as the logarithm says, give or take one beside a power of ten.
  const int decimals = log_ ? digits_ - 1 - static_cast<int>(std::floor(line * std::numbers::log10e)) : decimals_;
  const double scaled = log_ ? std::exp(line) * PowerOfTen(decimals) : line * scale_;
  const std::int64_t n = std::llround(scaled);
  const double value = Decimal(n, decimals);
  if (value <= p.min) return SetDouble(p.min, text);
  if (value >= p.max) return SetDouble(p.max, text);
  SetDecimal(n, decimals, text);
}

void ParameterCodec::DecodeLattice(const Parameter& p, std::uint64_t level, std::string* text) const {
  const std::int64_t n = first_ + static_cast<std::int64_t>(level) * stride_;
  if (p.type == ParameterType::kInt) {
    const fmt::format_int number(n);
    text->assign(number.data(), number.size());
  } else {
    SetDouble(LevelValue(p, level), text);
  }
}

void ParameterCodec::Decode(const Parameter& p, double unit, std::string* text) const {
  if (p.levels == 0) {
    DecodeContinuous(p, Clamp01(unit), text);
  } else if (!IsNumeric(p.type)) {
    *text = p.list[LevelOf(p, unit)];
  } else if (p.levels == 1) {
    SetDouble(p.min, text);
  } else {
    DecodeLattice(p, LevelOf(p, unit), text);
  }
}

// A number between min and max; what lies outside by rounding noise alone is taken for the bound.
Result<double> ParameterCodec::CheckNumber(const Parameter& p, std::string_view text) const {
  const std::optional<double> value = ParseNumber(text);
  if (!value) return InvalidArgument("'{}' is not a number", text);
  const double noise = 8e-16 * std::max(std::abs(p.min), std::abs(p.max));
  if (*value < p.min - noise) return InvalidArgument("{} is below min {}", text, Shown(p.min));
  if (*value > p.max + noise) return InvalidArgument("{} is above max {}", text, Shown(p.max));
  return std::clamp(*value, p.min, p.max);
}

Result<std::uint64_t> ParameterCodec::CheckLevel(const Parameter& p, std::string_view text) const {
  if (p.type == ParameterType::kCategorical) {
    const auto it = std::ranges::find(p.list, text);
    if (it == p.list.end()) return InvalidArgument("'{}' is not in its list [{}]", text, fmt::join(p.list, ", "));
    return static_cast<std::uint64_t>(it - p.list.begin());
  }
  if (p.type == ParameterType::kDiscrete) {
    const std::optional<double> value = ParseNumber(text);
    if (!value) return InvalidArgument("'{}' is not a number", text);
    const auto it = std::ranges::lower_bound(p.list_values, *value);
    if (it == p.list_values.end() || *it != *value)
      return InvalidArgument("{} is not in its list [{}]", text, fmt::join(p.list, ", "));
    return static_cast<std::uint64_t>(it - p.list_values.begin());
  }
  QALAM_TRY(const double value, CheckNumber(p, text));
  if (p.type == ParameterType::kInt && value != std::floor(value))
    return InvalidArgument("{} is not a whole number", text);
  if (p.levels == 1) return 0;
  if (p.type == ParameterType::kInt) {
    const std::int64_t offset = static_cast<std::int64_t>(value) - first_;
    if (offset % stride_ != 0)
      return InvalidArgument("{} is off the step: it must be {} plus a multiple of {}", text, first_, stride_);
    return static_cast<std::uint64_t>(offset / stride_);
  }
  const double steps = std::round((value - p.min) / *p.step);
  const std::uint64_t level = std::min(p.levels - 1, static_cast<std::uint64_t>(std::max(steps, 0.0)));
  if (std::abs(value - LevelValue(p, level)) > 1e-6 * *p.step)
    return InvalidArgument("{} is off the step: it must be {} plus a multiple of {}", text, Shown(p.min),
                           Shown(*p.step));
  return level;
}

Result<double> ParameterCodec::Encode(const Parameter& p, std::string_view text) const {
  if (p.levels > 0) {
    QALAM_TRY(const std::uint64_t level, CheckLevel(p, text));
    return UnitOf(p, level);
  }
  QALAM_TRY(const double value, CheckNumber(p, text));
  if (value == p.min) return 0.0;
  if (value == p.max) return 1.0;
  // Only min is at 0 and only max at 1, however near this value comes to them.
  return std::clamp(UnitOfLine(log_ ? std::log(value) : value), 0x1p-1022, 1 - 0x1p-53);
}

Status ParameterCodec::Check(const Parameter& p, std::string_view text) const {
  return p.levels > 0 ? CheckLevel(p, text).status() : CheckNumber(p, text).status();
}

}  // namespace qalam
