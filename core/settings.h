// SPDX-License-Identifier: Apache-2.0
// One table of settings per algorithm or rule: it parses, validates, prints help and makes the docs page. Say nothing
// twice.
//
//   struct TpeSettings { double gamma = 0.25; int candidates = 24; };
//   inline constexpr auto kTpeSettings = Settings<TpeSettings>(
//       Real("gamma",           &TpeSettings::gamma,      Inside(0, 1), "share of finished trials called good"),
//       Int ("n_EI_candidates", &TpeSettings::candidates, AtLeast(1),   "points scored per suggestion"));
//   const TpeSettings s = kTpeSettings.Parse(context.settings);
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/experiment.h"
#include "core/status.h"

namespace qalam {

struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false, open_max = false;  // whether the end itself is outside
};
constexpr Range AtLeast(double min) { return {.min = min}; }
constexpr Range Above(double min) { return {.min = min, .open_min = true}; }
constexpr Range Between(double min, double max) { return {.min = min, .max = max}; }
constexpr Range Inside(double min, double max) { return {.min = min, .max = max, .open_min = true, .open_max = true}; }

using SettingValue = std::variant<std::monostate, std::int64_t, double, std::string_view>;  // monostate: not given

// One row, without the struct that it fills. The views are of string literals.
struct SettingInfo {
  enum class Kind { kInt, kReal, kChoice, kText };
  std::string_view name{};
  Kind kind = Kind::kInt;
  Range range{};                                // int, real
  std::span<const std::string_view> choices{};  // choice
  std::string_view chooser{};                   // choice: who offers them, as Katib says it: "Bayesian optimization"
  SettingValue preset{};
  std::string_view doc{};
  std::string_view fault{};  // what Katib's service says of a wrong value, where it has words of its own
  bool none = false;         // the word None is a value, too: what it stands for is off
};

// The same for people.
struct SettingHelp {
  std::string name, type, range, preset, doc;  // "gamma", "float", "(0, 1)", "0.25"; no preset: "none"
};

// Any algorithm's table, whatever struct it fills. Immutable.
class SettingsTable {
 public:
  static constexpr std::size_t kMaxRows = 32;

  std::span<const SettingInfo> rows() const { return {rows_.data(), size_}; }
  const SettingInfo* Find(std::string_view name) const;
  // The first fault as Katib's services say it: "unknown setting X for algorithm Y", "gamma should be in the range of
  // (0, 1)", "failed to validate gamma(abc): not a number", "acq_func UCB is not supported in Bayesian optimization".
  // INVALID_ARGUMENT.
  Status Check(std::string_view algorithm, std::span<const Setting> settings) const;
  std::vector<SettingHelp> Describe() const;
  // Whether a setting that has no row is no fault: it is handed on as it is.
  bool takes_others() const { return takes_others_; }

 protected:
  constexpr SettingsTable() = default;
  std::array<SettingInfo, kMaxRows> rows_{};
  std::size_t size_ = 0;
  bool takes_others_ = false;
};

// The value of a setting that passed Check; None is monostate.
SettingValue ReadSetting(const SettingInfo& info, std::string_view text);

template <class T>
struct SettingRow {
  using Member = std::variant<int T::*, std::int64_t T::*, std::optional<std::int64_t> T::*, double T::*,
                              std::optional<double> T::*, std::string_view T::*>;
  SettingInfo info;
  Member member;
};

template <class T>
class Settings : public SettingsTable {
 public:
  template <class... Rows>
  constexpr explicit Settings(const Rows&... rows) {
    static_assert(sizeof...(Rows) <= kMaxRows);
    (Add(rows), ...);
  }
  struct AndOthers {};
  template <class... Rows>
  constexpr explicit Settings(AndOthers, const Rows&... rows) : Settings(rows...) {
    takes_others_ = true;
  }

  // Presets overwritten by `settings`, the last of a name counts. They have passed Check.
  T Parse(std::span<const Setting> settings) const {
    T out;
    for (const Setting& setting : settings) {
      const SettingInfo* info = Find(setting.name);
      if (info == nullptr && takes_others_) continue;
      QALAM_CHECK(info != nullptr, "settings are checked before they are parsed");
      const SettingValue value = ReadSetting(*info, setting.value);
      std::visit(
          [&](auto member) {
            using Member = std::remove_reference_t<decltype(out.*member)>;
            if (std::holds_alternative<std::monostate>(value)) {
              out.*member = Member{};  // None
            } else if constexpr (std::is_same_v<Member, double> || std::is_same_v<Member, std::optional<double>>) {
              out.*member = std::get<double>(value);
            } else if constexpr (std::is_same_v<Member, std::string_view>) {
              out.*member = std::get<std::string_view>(value);
            } else if constexpr (std::is_same_v<Member, int>) {
              out.*member = static_cast<int>(std::get<std::int64_t>(value));
            } else {
              out.*member = std::get<std::int64_t>(value);
            }
          },
          members_[static_cast<std::size_t>(info - rows_.data())]);
    }
    return out;
  }

 private:
  constexpr void Add(const SettingRow<T>& row) {
    rows_[size_] = row.info;
    rows_[size_].preset = Preset(row.member);
    members_[size_] = row.member;
    ++size_;
  }
  static constexpr SettingValue Preset(const typename SettingRow<T>::Member& member) {
    const T presets{};
    return std::visit(
        [&](auto m) -> SettingValue {
          using Member = std::remove_cvref_t<decltype(presets.*m)>;
          if constexpr (std::is_same_v<Member, int>) {
            return static_cast<std::int64_t>(presets.*m);
          } else if constexpr (std::is_same_v<Member, std::optional<std::int64_t>> ||
                               std::is_same_v<Member, std::optional<double>>) {
            return presets.*m ? SettingValue(*(presets.*m)) : SettingValue();
          } else if constexpr (std::is_same_v<Member, std::string_view>) {
            return (presets.*m).empty() ? SettingValue() : SettingValue(presets.*m);
          } else {
            return presets.*m;
          }
        },
        member);
  }
  std::array<typename SettingRow<T>::Member, kMaxRows> members_{};
};

namespace settings_internal {
// The range of an int: what fits the member, too.
template <class Field>
constexpr Range Fit(Range range) {
  if constexpr (std::is_same_v<Field, int>) {
    if (range.min < std::numeric_limits<int>::min()) range.min = std::numeric_limits<int>::min();
    if (range.max > std::numeric_limits<int>::max()) range.max = std::numeric_limits<int>::max();
  }
  return range;
}
}  // namespace settings_internal

// `Field`: int, std::int64_t, or std::optional<std::int64_t> where there is no preset.
template <class T, class Field>
constexpr SettingRow<T> Int(std::string_view name, Field T::*member, Range range, std::string_view doc) {
  return {{.name = name, .kind = SettingInfo::Kind::kInt, .range = settings_internal::Fit<Field>(range), .doc = doc},
          member};
}
// `Field`: double, or std::optional<double> where there is no preset.
template <class T, class Field>
constexpr SettingRow<T> Real(std::string_view name, Field T::*member, Range range, std::string_view doc) {
  return {{.name = name, .kind = SettingInfo::Kind::kReal, .range = range, .doc = doc}, member};
}
// One of `choices`, which outlive the table.
template <class T>
constexpr SettingRow<T> Choice(std::string_view name, std::string_view T::*member,
                               std::span<const std::string_view> choices, std::string_view chooser,
                               std::string_view doc) {
  return {{.name = name, .kind = SettingInfo::Kind::kChoice, .choices = choices, .chooser = chooser, .doc = doc},
          member};
}

// Any text. What Parse gives is a view of the setting: it lives as long as that.
template <class T>
constexpr SettingRow<T> Text(std::string_view name, std::string_view T::*member, std::string_view doc) {
  return {{.name = name, .kind = SettingInfo::Kind::kText, .doc = doc}, member};
}
// The same row, which may be None. `Field` is optional, and empty then.
template <class T>
constexpr SettingRow<T> OrNone(SettingRow<T> row) {
  row.info.none = true;
  return row;
}
// The same row, whose faults are told in these words.
template <class T>
constexpr SettingRow<T> Saying(SettingRow<T> row, std::string_view fault) {
  row.info.fault = fault;
  return row;
}

}  // namespace qalam
