// SPDX-License-Identifier: Apache-2.0
// How values look in the columns of the database: times as RFC 3339 text, lists and maps as JSON.
// Bytes that are not UTF-8 become U+FFFD in JSON columns; plain text columns keep them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/status.h"

namespace qalam {

std::optional<std::string> TimeText(WallTime time);  // the zero time is NULL
Result<WallTime> TimeOf(std::string_view text);      // and "" the zero time

std::string AssignmentsJson(const Assignments& assignments);  // {"lr":"0.1"}
std::string LabelsJson(const std::map<std::string, std::string>& labels);
std::string SettingsJson(const std::vector<Setting>& settings);        // {"n":"10"}
std::string ConditionsJson(const std::vector<Condition>& conditions);  // [{"type":"Created",...}]
std::string RulesJson(const std::vector<EarlyStoppingRule>& rules);    // [{"name":"loss","startStep":4,...}]
std::optional<std::string> ObservationJson(const std::optional<Observation>& of);  // {"loss":{"min":"0.1",...}}

// The inverse of these. DATA_LOSS: it is not what they write.
Result<Assignments> AssignmentsOf(std::string_view json);
Result<std::map<std::string, std::string>> LabelsOf(std::string_view json);
Result<std::vector<Setting>> SettingsOf(std::string_view json);
Result<std::vector<Condition>> ConditionsOf(std::string_view json);
Result<std::vector<EarlyStoppingRule>> RulesOf(std::string_view json);
Result<std::optional<Observation>> ObservationOf(std::optional<std::string_view> json);

}  // namespace qalam
