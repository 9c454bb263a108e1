// SPDX-License-Identifier: Apache-2.0
#include "core/nas_space.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace qalam {
namespace {

constexpr int kMostLayers = 100;  // 5050 choices
constexpr std::uint64_t kMostOperations = 10'000;
constexpr std::string_view kSkipConnection = "skip_connection";

bool HasList(const ParameterSpec& parameter) {
  return parameter.type == ParameterType::kCategorical || parameter.type == ParameterType::kDiscrete;
}

// Values as they are told to a trial, in the order that numbers them. Of a parameter without faults.
std::vector<std::string> ValuesOf(const ParameterSpec& parameter) {
  if (HasList(parameter)) return parameter.feasible.list;
  const Result<SearchSpace> space = SearchSpace::Create({parameter});
  QALAM_CHECK(space.ok() && space->cardinality(), "a nasConfig is checked before its operations are counted");
  std::vector<std::string> values;
  Eigen::VectorXd unit(1);
  for (std::uint64_t level = 0; level < space->parameters()[0].levels; ++level) {
    unit[0] = space->UnitOf(0, level);
    values.push_back(space->Decode(unit)[0].value);
  }
  return values;
}

class Checker {
 public:
  Checker(const NasConfig& nas, std::string_view algorithm) : nas_(nas), enas_(algorithm == "enas") {}

  std::vector<NasFault> Check() {
    CheckGraph();
    if (nas_.operations.empty()) Fault("operations", "is missing: what a layer may be made of");
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < nas_.operations.size(); ++i)
      total =
          std::min(total + CheckOperation(nas_.operations[i], fmt::format("operations[{}]", i)), kMostOperations + 1);
    if (enas_ && total > kMostOperations)
      Fault("operations", fmt::format("are more than {} with all values of their parameters", kMostOperations));
    return std::move(faults_);
  }

 private:
  void Fault(std::string_view field, std::string text) {
    faults_.push_back({fmt::format("nasConfig.{}", field), std::move(text)});
  }

  void CheckGraph() {
    const GraphConfig& graph = nas_.graph;
    if (graph.num_layers == 0) {
      Fault("graphConfig.numLayers", "is missing: how many layers the network has");
    } else if (graph.num_layers < 0 || (enas_ && graph.num_layers > kMostLayers)) {
      Fault("graphConfig.numLayers", enas_ ? fmt::format("{} must be between 1 and {}", graph.num_layers, kMostLayers)
                                           : fmt::format("{} must be greater than 0", graph.num_layers));
    }
    CheckSizes("graphConfig.inputSizes", graph.input_sizes, "the shape of an input, [32, 32, 3] for one");
    CheckSizes("graphConfig.outputSizes", graph.output_sizes, "the shape of the output, [10] for ten classes");
  }

  void CheckSizes(std::string_view field, const std::vector<int>& sizes, std::string_view what) {
    if (enas_ && sizes.empty()) Fault(field, fmt::format("is missing: {}", what));
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      if (sizes[i] < 1) Fault(fmt::format("{}[{}]", field, i), fmt::format("{} must be greater than 0", sizes[i]));
    }
  }

  // A reply carries it between single quotes; whoever reads that makes double ones of them.
  void CheckText(const std::string& field, const std::string& text) {
    const auto strange = [](char c) {
      return c == '\'' || c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    };
    if (std::ranges::any_of(text, strange))
      Fault(field, "holds a quote, a backslash or a control character, which a trial cannot be told");
  }

  // How many operations it stands for; 0 where that is not known.
  std::uint64_t CheckOperation(const NasOperation& operation, const std::string& path) {
    if (operation.type.empty())
      Fault(path + ".operationType", "is missing: the kind of operation, convolution for one");
    CheckText(path + ".operationType", operation.type);
    // Of DARTS a skip connection is what it is; one of Katib's examples has it so.
    if (operation.parameters.empty() && (enas_ || operation.type != kSkipConnection))
      Fault(path + ".parameters", "is missing: an operation has at least one parameter, filter_size for one");
    std::uint64_t count = operation.parameters.empty() ? 0 : 1;
    std::set<std::string> names;
    for (std::size_t i = 0; i < operation.parameters.size(); ++i) {
      const ParameterSpec& parameter = operation.parameters[i];
      const std::string at = fmt::format("{}.parameters[{}]", path, i);
      if (parameter.name.empty()) {
        Fault(at + ".name", "is missing: a parameter needs a name");
      } else if (!names.insert(parameter.name).second) {
        Fault(at + ".name", fmt::format("another parameter of this operation has the name '{}'", parameter.name));
      }
      CheckText(at + ".name", parameter.name);
      count = std::min(count * CheckValues(parameter, at + ".feasibleSpace"), kMostOperations + 1);
    }
    if (!enas_ && operation.type != kSkipConnection && !operation.parameters.empty() &&
        !HasList(operation.parameters.front())) {
      Fault(
          path + ".parameters[0].parameterType",
          fmt::format("{} must be categorical or discrete: the first parameter of an operation lists the filter sizes",
                      ToString(operation.parameters.front().type)));
    }
    return count;
  }

  std::uint64_t CheckValues(const ParameterSpec& parameter, const std::string& path) {
    const FeasibleSpace& space = parameter.feasible;
    if (HasList(parameter) && space.list.empty()) {
      Fault(path + ".list", "is missing: the values of the parameter");
      return 0;
    }
    if (!HasList(parameter) && space.min.empty() && space.max.empty()) {
      Fault(path, "has neither min nor max");
      return 0;
    }
    if (parameter.type == ParameterType::kDouble && space.step.empty()) {
      Fault(path + ".step", "is missing: a double of an operation has a step greater than 0, its values are counted");
      return 0;
    }
    for (std::size_t i = 0; i < space.list.size(); ++i) CheckText(fmt::format("{}.list[{}]", path, i), space.list[i]);
    ParameterSpec named = parameter;
    if (named.name.empty()) named.name = "unnamed";
    const Result<SearchSpace> values = SearchSpace::Create({named});
    if (values.ok()) return values->parameters()[0].levels;
    Fault(path, values.status().message());
    return 0;
  }

  const NasConfig& nas_;
  bool enas_;
  std::vector<NasFault> faults_;
};

}  // namespace

std::vector<std::string> NasAssignmentNames(std::string_view algorithm) {
  if (algorithm == "enas") return {kArchitecture, kNnConfig};
  if (algorithm == "darts") return {kAlgorithmSettings, kSearchSpace, kNumLayers};
  return {};
}

std::vector<NasFault> CheckNasConfig(const NasConfig& nas, std::string_view algorithm) {
  return Checker(nas, algorithm).Check();
}

std::vector<LayerOperation> LayerOperations(const NasConfig& nas) {
  std::vector<LayerOperation> out;
  for (const NasOperation& operation : nas.operations) {
    std::vector<std::vector<std::string>> values;
    for (const ParameterSpec& parameter : operation.parameters) values.push_back(ValuesOf(parameter));
    std::vector<std::size_t> at(values.size(), 0);
    while (true) {
      LayerOperation& made = out.emplace_back(LayerOperation{operation.type, {}});
      for (std::size_t i = 0; i < values.size(); ++i)
        made.values.push_back({operation.parameters[i].name, values[i][at[i]], operation.parameters[i].type});
      std::size_t turning = values.size();
      while (turning > 0 && ++at[turning - 1] == values[turning - 1].size()) at[--turning] = 0;
      if (turning == 0) break;
    }
  }
  return out;
}

SearchSpace NetworkSpace(int layers, std::size_t operations) {
  std::vector<std::string> numbers;
  for (std::size_t i = 0; i < operations; ++i) numbers.push_back(std::to_string(i));
  std::vector<ParameterSpec> choices;
  for (int layer = 0; layer < layers; ++layer) {
    choices.push_back({fmt::format("operation{}", layer), ParameterType::kCategorical, {"", "", "", numbers, {}}});
    for (int earlier = 0; earlier < layer; ++earlier)
      choices.push_back(
          {fmt::format("skip{}to{}", earlier, layer), ParameterType::kCategorical, {"", "", "", {"0", "1"}, {}}});
  }
  Result<SearchSpace> space = SearchSpace::Create(choices);
  QALAM_CHECK(space.ok(), "layers and operations were counted");
  return *std::move(space);
}

int LayersOf(const SearchSpace& networks) {
  return static_cast<int>(std::lround((std::sqrt(8.0 * static_cast<double>(networks.dim()) + 1) - 1) / 2));
}

}  // namespace qalam
