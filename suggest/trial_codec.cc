// SPDX-License-Identifier: Apache-2.0
#include "suggest/trial_codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/nas_space.h"
#include "suggest/nas_text.h"

namespace qalam {
namespace {

class ParametersCodec final : public TrialCodec {
 public:
  explicit ParametersCodec(SearchSpace space) : space_(std::move(space)) {}
  const SearchSpace& space() const override { return space_; }
  Assignments Decode(const Eigen::VectorXd& unit) const override { return space_.Decode(unit); }
  // A client that knows no conditions of this space's, or did not when the trial began, has a value for everything.
  Result<Eigen::VectorXd> Encode(const Assignments& assignments) const override {
    if (!space_.conditional()) return space_.Encode(assignments);
    Assignments active = assignments;
    space_.DropInactive(&active);
    return space_.Encode(active);
  }

 private:
  SearchSpace space_;
};

// ENAS: a point is a network; its assignments are `architecture` and `nn_config`, and the former alone says which.
class NetworkCodec final : public TrialCodec {
 public:
  explicit NetworkCodec(const NasConfig& nas)
      : graph_(nas.graph),
        operations_(LayerOperations(nas)),
        space_(NetworkSpace(nas.graph.num_layers, operations_.size())) {}
  const SearchSpace& space() const override { return space_; }

  Assignments Decode(const Eigen::VectorXd& unit) const override {
    std::vector<int> choices;
    for (Eigen::Index i = 0; i < unit.size(); ++i) choices.push_back(static_cast<int>(space_.LevelOf(i, unit[i])));
    return {{kArchitecture, ArchitectureText(choices)}, {kNnConfig, NnConfigText(graph_, operations_, choices)}};
  }

  Result<Eigen::VectorXd> Encode(const Assignments& assignments) const override {
    const std::string* text = FindValue(assignments, kArchitecture);
    if (text == nullptr) return InvalidArgument("'{}' is missing", kArchitecture);
    QALAM_TRY(const std::vector<int> choices, ParseArchitecture(*text, graph_.num_layers, operations_.size()));
    Eigen::VectorXd unit(space_.dim());
    for (Eigen::Index i = 0; i < unit.size(); ++i)
      unit[i] = space_.UnitOf(i, static_cast<std::uint64_t>(choices[static_cast<std::size_t>(i)]));
    return unit;
  }

 private:
  GraphConfig graph_;
  std::vector<LayerOperation> operations_;
  SearchSpace space_;
};

// DARTS: there is nothing to choose, so there is one point, and every trial is told of the whole search.
class WholeSearchCodec final : public TrialCodec {
 public:
  WholeSearchCodec(const NasConfig& nas, const SettingsTable& table, const std::vector<Setting>& settings)
      : told_{{kAlgorithmSettings, DartsSettingsText(table, settings)},
              {kSearchSpace, DartsSpaceText(nas)},
              {kNumLayers, std::to_string(nas.graph.num_layers)}} {}
  const SearchSpace& space() const override { return space_; }
  Assignments Decode(const Eigen::VectorXd&) const override { return told_; }
  Result<Eigen::VectorXd> Encode(const Assignments&) const override { return Eigen::VectorXd(0); }

 private:
  Assignments told_;
  SearchSpace space_;
};

}  // namespace

Result<std::unique_ptr<const TrialCodec>> MakeTrialCodec(const AskedExperiment& asked, const AlgorithmInfo& algorithm) {
  using Made = std::unique_ptr<const TrialCodec>;
  if (algorithm.searches == Searched::kParameters) {
    SearchSpace space;
    if (!asked.parameters.empty()) {
      QALAM_TRY(space, SearchSpace::Create(asked.parameters));
    }
    return Made(std::make_unique<ParametersCodec>(std::move(space)));
  }
  if (!asked.nas) return InvalidArgument("nasConfig is missing: algorithm {} searches an architecture", algorithm.name);
  std::string faults;
  for (const NasFault& fault : CheckNasConfig(*asked.nas, algorithm.name))
    faults += fmt::format("{}{}: {}", faults.empty() ? "" : "\n", fault.field, fault.text);
  if (!faults.empty()) return Status(Code::kInvalidArgument, std::move(faults));
  if (algorithm.searches == Searched::kNetworks) return Made(std::make_unique<NetworkCodec>(*asked.nas));
  return Made(std::make_unique<WholeSearchCodec>(*asked.nas, *algorithm.settings, asked.algorithm.settings));
}

}  // namespace qalam
