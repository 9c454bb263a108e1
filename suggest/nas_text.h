// SPDX-License-Identifier: Apache-2.0
// The texts by which Katib's enas and darts tell a trial what to build: JSON in which every quote is a single one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/nas_space.h"
#include "core/settings.h"
#include "core/status.h"

namespace qalam {

// enas. A network as a list for each layer: its operation, then 1 or 0 for each earlier layer: "[[2], [0, 1]]".
// `choices` is the same without the brackets.
std::string ArchitectureText(std::span<const int> choices);
// INVALID_ARGUMENT: not of this many layers and operations; says where.
Result<std::vector<int>> ParseArchitecture(std::string_view text, int layers, std::size_t operations);
// The shape of the network, and what the numbers of its operations mean: only of those that it has.
std::string NnConfigText(const GraphConfig& graph, std::span<const LayerOperation> operations,
                         std::span<const int> choices);

// darts. Every row of `table` as it is preset or given, numbers and texts in turn; then the others that were given.
// None is null.
std::string DartsSettingsText(const SettingsTable& table, std::span<const Setting> given);
// "['max_pooling_3x3', 'skip_connection']".
std::string DartsSpaceText(const NasConfig& nas);

}  // namespace qalam
