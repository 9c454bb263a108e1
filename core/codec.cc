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

constexpr double kSmallest = 1e-290;  // so that the powers of ten that make a grid below it are finite
constexpr double kLargestRatio = 1e300;
constexpr double kSmallestLogRange = 1e-9;         // 12 significant digits leave a thousand values
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
  QALAM_RETURN_IF_ERROR(codec.CheckSizes(*parameter));
  if (parameter->step || parameter->min == parameter->max) {
    QALAM_RETURN_IF_ERROR(codec.MakeLattice(parameter));
  } else {
    codec.MakeContinuous(*parameter);
  }
  return codec;
}

Status ParameterCodec::CheckSizes(const Parameter& p) const {
  const double range = p.max - p.min;
  const auto fault = [&p](std::string_view what, std::string_view rule) {
    return InvalidArgument("the range from {} to {} is too {}: {}", Shown(p.min), Shown(p.max), what, rule);
  };
  if (range == 0) return OkStatus();
  if (range < kSmallest) return fault("narrow", "max - min must be at least 1e-290");
  if (!log_) return OkStatus();
  if (p.min < kSmallest) return fault("wide", "on a log scale min must be at least 1e-290");
  if (p.max / p.min > kLargestRatio) return fault("wide", "on a log scale max / min must be at most 1e300");
  if (!p.step && p.max / p.min < 1 + kSmallestLogRange)
    return fault("narrow", "on a log scale max / min must be at least 1 + 1e-9");
  return OkStatus();
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
    // Past 306 no size that is allowed would be exact, and the power of ten would not be finite.
    decimals_ = std::min(306, std::max({DecimalsOf(p.min), DecimalsOf(p.max), DecimalsOf(step)}));
    if (decimals_ > 0) most = kMostExact;
  }
  scale_ = PowerOfTen(decimals_);
  const bool exact = size * scale_ <= most;
  if (!exact) {  // more digits than a double has: the last ones are rounded off
    decimals_ = static_cast<int>(std::floor(std::log10(kMostExact) - std::log10(size)));
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
  const double below = log_ ? std::min(step / 2, p.min / 2) : step / 2;
  SetSupport(p, -below, static_cast<double>(p.levels - 1) * step + step / 2);
  return OkStatus();
}

void ParameterCodec::MakeContinuous(const Parameter& p) {
  const double range = p.max - p.min;
  if (log_) {
    log10_min_ = std::log10(p.min);
    if (p.max / p.min > 1e80) digits_ = 11;  // a line so long has a coarser error
  } else {
    decimals_ = 11 - static_cast<int>(std::floor(std::log10(range)));
    scale_ = PowerOfTen(decimals_);
    // If not, then doubles near min and max are further apart than 1e-14 of the range, and come back as they are.
    rounded_ = std::max(std::abs(p.min), std::abs(p.max)) * scale_ <= kMostRounded;
  }
  SetSupport(p, 0, range);
}

// Katib's bell: mean in the middle of min and max, which are three sigma away.
void ParameterCodec::SetSupport(const Parameter& p, double low_offset, double high_offset) {
  low_ = LineOf(p, low_offset);
  high_ = LineOf(p, high_offset);
  if (!normal_) return;
  mean_ = LineOf(p, p.max - p.min) / 2;
  sigma_ = mean_ / 3;
  below_ = NormalCdf((low_ - mean_) / sigma_);
  above_ = NormalCdf((mean_ - high_) / sigma_);
  mass_ = 1 - below_ - above_;
}

double ParameterCodec::LineOf(const Parameter& p, double offset) const {
  return log_ ? std::log1p(offset / p.min) : offset;
}

double ParameterCodec::LineOfUnit(double unit) const {
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
  const double line = LineOfUnit(p.levels > kManyLevels ? std::round(u / kQuantum) * kQuantum : u);
  const double steps = std::floor((log_ ? p.min * std::expm1(line) : line) / *p.step + 0.5);
  return steps <= 0 ? 0 : std::min(last, static_cast<std::uint64_t>(steps));
}

double ParameterCodec::UnitOf(const Parameter& p, std::uint64_t level) const {
  const auto k = static_cast<double>(level);
  if (p.distribution == Distribution::kUniform || p.levels == 1 || !IsNumeric(p.type)) {
    const double unit = (k + 0.5) / static_cast<double>(p.levels);
    if (p.levels <= kManyLevels) return unit;
    const double below = std::nextafter(unit, 0), above = std::nextafter(unit, 1);
    return Settle(p, level, {unit, below, above, std::nextafter(below, 0), std::nextafter(above, 1)});
  }
  const double low = level == 0 ? 0 : UnitOfLine(LineOf(p, (k - 0.5) * *p.step));
  const double high = level == p.levels - 1 ? 1 : UnitOfLine(LineOf(p, (k + 0.5) * *p.step));
  const double middle = low + (high - low) / 2;
  if (p.levels <= kManyLevels) return middle;
  const double unit = std::round(middle / kQuantum) * kQuantum;
  return Settle(p, level, {unit, Clamp01(unit - kQuantum), Clamp01(unit + kQuantum)});
}

// Where levels are so many that the middle of one may be rounded out of it, one of its neighbours is inside.
double ParameterCodec::Settle(const Parameter& p, std::uint64_t level, std::initializer_list<double> units) const {
  const auto it = std::ranges::find_if(units, [&](double unit) { return LevelOf(p, unit) == level; });
  return it == units.end() ? *units.begin() : *it;
}

void ParameterCodec::DecodeContinuous(const Parameter& p, double unit, std::string* text) const {
  if (unit <= 0) return SetDouble(p.min, text);
  if (unit >= 1) return SetDouble(p.max, text);
  const double line = LineOfUnit(unit);
  if (!log_ && !rounded_) return SetDouble(std::clamp(p.min + line, p.min, p.max), text);
  int decimals = decimals_;
  double scaled = (p.min + line) * scale_;
  if (log_) {  // digits before the point are as many as the logarithm says, or one more beside a power of ten
    decimals = digits_ - 1 - static_cast<int>(std::floor(log10_min_ + line * std::numbers::log10e));
    scaled = p.min * std::exp(line) * PowerOfTen(decimals);
  }
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
  return std::clamp(UnitOfLine(LineOf(p, value - p.min)), 0x1p-1022, 1 - 0x1p-53);
}

void ParameterCodec::MoveToStep(const Parameter& p, std::string* text) const {
  if (p.levels < 2 || !IsNumeric(p.type) || CheckLevel(p, *text).ok()) return;
  const Result<double> value = CheckNumber(p, *text);
  if (!value.ok() || (p.type == ParameterType::kInt && *value != std::floor(*value))) return;
  const double steps = std::round((*value - p.min) / *p.step);
  DecodeLattice(p, std::min(p.levels - 1, static_cast<std::uint64_t>(steps)), text);
}

Status ParameterCodec::Check(const Parameter& p, std::string_view text) const {
  return p.levels > 0 ? CheckLevel(p, text).status() : CheckNumber(p, text).status();
}

}  // namespace qalam
