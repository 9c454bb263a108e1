// SPDX-License-Identifier: Apache-2.0
// Settings that every rule has which judges trials against others.
#pragma once

#include <array>
#include <string_view>

#include "core/settings.h"

namespace qalam {

struct CommonStopSettings {
  std::string_view guard = "on";
  int patience = 0;
  double min_delta = 0;
};
inline constexpr std::array<std::string_view, 2> kOnOff = {"on", "off"};

template <class T>
constexpr SettingRow<T> GuardRow() {
  return Choice<T>("guard", static_cast<std::string_view T::*>(&CommonStopSettings::guard), kOnOff, "early stopping",
                   "judge only from the step on at which the ranks of the trials hold, and keep an eye on that");
}
template <class T>
constexpr SettingRow<T> PatienceRow() {
  return Int<T>("patience", static_cast<int T::*>(&CommonStopSettings::patience), AtLeast(0),
                "a trial whose best value came less than so many steps ago is left alone");
}
template <class T>
constexpr SettingRow<T> MinDeltaRow() {
  return Real<T>("min_delta", static_cast<double T::*>(&CommonStopSettings::min_delta), AtLeast(0),
                 "by how much a value must be better to count for patience");
}

// These alone, for whoever wraps a rule.
inline constexpr auto kCommonStopSettings = Settings<CommonStopSettings>(
    GuardRow<CommonStopSettings>(), PatienceRow<CommonStopSettings>(), MinDeltaRow<CommonStopSettings>());

}  // namespace qalam
