// SPDX-License-Identifier: Apache-2.0
// What a nasConfig lets be built: the operations that a layer may be, and the networks of ENAS as a search space.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/experiment.h"
#include "core/search_space.h"

namespace qalam {

// One operation with one value of each of its parameters. Operations are numbered from 0 over all types, in the order
// of the nasConfig; of one type the last parameter turns fastest. As Katib numbers them.
struct LayerOperation {
  struct Value {
    std::string name, text;
    ParameterType type = ParameterType::kCategorical;
  };
  std::string type;
  std::vector<Value> values;
};

// What a trial of `algorithm` (enas or darts) is told by; of another one: nothing is known.
inline constexpr const char *kArchitecture = "architecture", *kNnConfig = "nn_config";
inline constexpr const char *kAlgorithmSettings = "algorithm-settings", *kSearchSpace = "search-space",
                            *kNumLayers = "num-layers";
std::vector<std::string> NasAssignmentNames(std::string_view algorithm);

struct NasFault {
  std::string field;  // "nasConfig.operations[1].parameters[0].feasibleSpace.step"
  std::string text;   // "is missing: ..."
};

// Everything that keeps `algorithm` (enas or darts) from searching this; empty: nothing.
std::vector<NasFault> CheckNasConfig(const NasConfig& nas, std::string_view algorithm);
// Of a nasConfig without faults for enas.
std::vector<LayerOperation> LayerOperations(const NasConfig& nas);

// Networks of `layers` layers: a categorical for the operation of layer 0; for that of layer 1, and whether it takes
// layer 0 as an input too; for that of layer 2, and whether it takes layer 0, layer 1; ...
SearchSpace NetworkSpace(int layers, std::size_t operations);
int LayersOf(const SearchSpace& networks);  // the number that it was made with

}  // namespace qalam
