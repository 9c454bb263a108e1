// SPDX-License-Identifier: Apache-2.0
#include "core/settings.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

namespace qalam {
namespace {

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// A leading plus is a number to Katib's services, and not to from_chars.
template <class Number>
Result<Number> ParseNumber(std::string_view text, std::string_view what) {
  std::string_view digits = Trim(text);
  if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
  Number number{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) return InvalidArgument("out of range");
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return InvalidArgument("not a {}", what);
  }
  return number;
}

Result<SettingValue> ParseSetting(const SettingInfo& info, std::string_view text) {
  if (info.none && Trim(text) == "None") return SettingValue();
  switch (info.kind) {
    case SettingInfo::Kind::kInt: {
      QALAM_TRY(const std::int64_t number, ParseNumber<std::int64_t>(text, "whole number"));
      return SettingValue(number);
    }
    case SettingInfo::Kind::kReal: {
      QALAM_TRY(const double number, ParseNumber<double>(text, "number"));
      if (!std::isfinite(number)) return InvalidArgument("not a finite number");
      return SettingValue(number);
    }
    case SettingInfo::Kind::kChoice: {
      for (std::string_view choice : info.choices) {
        if (choice == Trim(text)) return SettingValue(choice);
      }
      return InvalidArgument("{} {} is not supported in {}", info.name, text, info.chooser);
    }
    case SettingInfo::Kind::kText: return SettingValue(text);
  }
  return InvalidArgument("not a setting");
}

bool Contains(const Range& range, double value) {
  return (range.open_min ? value > range.min : value >= range.min) &&
         (range.open_max ? value < range.max : value <= range.max);
}

std::string Bound(double value) { return value == 0 ? "zero" : fmt::format("{}", value); }

std::string Interval(const Range& range) {
  return fmt::format("{}{}, {}{}", range.open_min ? '(' : '[', range.min, range.max, range.open_max ? ')' : ']');
}

// Katib's wording, its grammar included: its users' tests compare the text.
std::string RangeFault(const SettingInfo& info) {
  if (!info.fault.empty()) return std::string(info.fault);
  const Range& range = info.range;
  const bool has_max = range.max < std::numeric_limits<int>::max();
  if (!has_max && range.open_min) return fmt::format("{} should be great than {}", info.name, Bound(range.min));
  if (!has_max) return fmt::format("{} should be great or equal than {}", info.name, Bound(range.min));
  return fmt::format("{} should be in the range of {}", info.name, Interval(range));
}

std::string RangeHelp(const SettingInfo& info) {
  if (info.kind == SettingInfo::Kind::kChoice) return fmt::format("{}", fmt::join(info.choices, ", "));
  if (info.kind == SettingInfo::Kind::kText) return "any";
  const Range& range = info.range;
  if (range.max < std::numeric_limits<int>::max()) return Interval(range);
  if (!std::isfinite(range.min) || range.min <= std::numeric_limits<int>::min()) return "any";
  return fmt::format("{} {}", range.open_min ? ">" : ">=", range.min);
}

struct ToText {
  std::string operator()(std::monostate) const { return "none"; }
  template <class Value>
  std::string operator()(const Value& value) const {
    return fmt::format("{}", value);
  }
};

}  // namespace

const SettingInfo* SettingsTable::Find(std::string_view name) const {
  for (const SettingInfo& row : rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Status SettingsTable::Check(std::string_view algorithm, std::span<const Setting> settings) const {
  for (const Setting& setting : settings) {
    const SettingInfo* info = Find(setting.name);
    if (info == nullptr && takes_others_) continue;
    if (info == nullptr) return InvalidArgument("unknown setting {} for algorithm {}", setting.name, algorithm);
    const Result<SettingValue> value = ParseSetting(*info, setting.value);
    if (!value.ok()) {
      if (info->kind == SettingInfo::Kind::kChoice) return value.status();
      if (!info->fault.empty()) return Status(Code::kInvalidArgument, std::string(info->fault));
      return InvalidArgument("failed to validate {}({}): {}", setting.name, setting.value, value.status().message());
    }
    const auto* whole = std::get_if<std::int64_t>(&*value);
    const auto* real = std::get_if<double>(&*value);
    if (whole == nullptr && real == nullptr) continue;
    if (!Contains(info->range, whole != nullptr ? static_cast<double>(*whole) : *real)) {
      return Status(Code::kInvalidArgument, RangeFault(*info));
    }
  }
  return OkStatus();
}

std::vector<SettingHelp> SettingsTable::Describe() const {
  static constexpr std::array<std::string_view, 4> kTypes = {"int", "float", "choice", "text"};
  std::vector<SettingHelp> out;
  for (const SettingInfo& row : rows()) {
    out.push_back({.name = std::string(row.name),
                   .type = std::string(kTypes[static_cast<std::size_t>(row.kind)]),
                   .range = RangeHelp(row) + (row.none ? ", or None" : ""),
                   .preset = std::visit(ToText{}, row.preset),
                   .doc = std::string(row.doc)});
  }
  return out;
}

SettingValue ReadSetting(const SettingInfo& info, std::string_view text) {
  const Result<SettingValue> value = ParseSetting(info, text);
  QALAM_CHECK(value.ok(), "settings are checked before they are parsed");
  return *value;
}

}  // namespace qalam
