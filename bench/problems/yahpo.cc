// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/yahpo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "bench/csv.h"
#include "bench/files.h"
#include "bench/problems/surrogate.h"

namespace qalam::bench {
namespace {

using Json = nlohmann::json;

// What is minimised, and what a trial costs, of each scenario.
struct Scenario {
  std::string_view name, metric, cost;
  std::string_view curve;  // the parameter that counts steps; empty: none
};
constexpr Scenario kScenarios[] = {{"lcbench", "val_accuracy", "time", "epoch"},
                                   {"rbv2_xgboost", "acc", "timetrain", ""},
                                   {"rbv2_rpart", "acc", "timetrain", ""},
                                   {"iaml_glmnet", "mmce", "timetrain", ""}};

// Where an input of the network comes from.
struct Input {
  int parameter = -1;  // of the space; -1: a constant
  double constant = 0;
  bool is_step = false;              // the epoch
  std::map<std::string, int> codes;  // of a categorical one
  int parent = -1;                   // parameter that has to have one of `values`
  std::vector<std::string> values;
};

struct Contents {
  Network network;
  std::vector<ParameterSpec> parameters;
  std::vector<Input> codes, numbers;
  Eigen::Index metric = 0, cost = 0;
  double sign = 1, best = 0;
  int steps = 1;
};

class Yahpo final : public Problem {
 public:
  Yahpo(std::string name, Contents contents)
      : Problem(std::move(name), contents.parameters, contents.steps, contents.best), contents_(std::move(contents)) {}

  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t) const override {
    std::vector<int> codes;
    std::vector<double> numbers;
    for (const Input& input : contents_.codes) {
      codes.push_back(input.parameter < 0      ? static_cast<int>(input.constant)
                      : IsActive(input, point) ? input.codes.at(ValueOf(input, point).value)
                                               : 0);
    }
    for (const Input& input : contents_.numbers) {
      numbers.push_back(input.is_step            ? step
                        : input.parameter < 0    ? input.constant
                        : IsActive(input, point) ? NumberOf(ValueOf(input, point))
                                                 : 0);
    }
    const Eigen::VectorXf outputs = contents_.network.Evaluate(codes, numbers);
    const double value = contents_.sign * static_cast<double>(outputs[contents_.metric]);
    return {value, std::max(1e-3, static_cast<double>(outputs[contents_.cost]))};
  }

 private:
  static const Assignment& ValueOf(const Input& input, const Assignments& point) {
    return point[static_cast<std::size_t>(input.parameter)];
  }
  static bool IsActive(const Input& input, const Assignments& point) {
    if (input.parent < 0) return true;
    const std::string& value = point[static_cast<std::size_t>(input.parent)].value;
    return std::find(input.values.begin(), input.values.end(), value) != input.values.end();
  }
  const Contents contents_;
};

class Reader {
 public:
  Reader(const Scenario& scenario, std::string_view instance, const Json& space)
      : scenario_(scenario), instance_(instance), space_(space) {}

  Status Read(Contents* contents) {
    for (const Json& parameter : space_.at("parameters")) AddParameter(parameter, contents);
    for (const Json& condition : space_.at("conditions")) {
      Input& child = inputs_.at(condition.at("child").get<std::string>());
      child.parent = inputs_.at(condition.at("parent").get<std::string>()).parameter;
      child.values = condition.at("values").get<std::vector<std::string>>();
    }
    const auto instance_name = space_.at("instance_param").get<std::string>();
    const Json& known = space_.at("category_codes").at(instance_name);
    if (!known.contains(instance_)) return Error(Code::kDataLoss, "instance {} has no code", instance_);
    inputs_[instance_name].constant = known.at(instance_).get<int>();
    for (const Json& name : space_.at("x_cat")) contents->codes.push_back(inputs_.at(name.get<std::string>()));
    for (const Json& name : space_.at("x_cont")) contents->numbers.push_back(inputs_.at(name.get<std::string>()));
    const auto metrics = space_.at("metrics").get<std::vector<std::string>>();
    const auto index = [&](std::string_view name) {
      return std::find(metrics.begin(), metrics.end(), name) - metrics.begin();
    };
    contents->metric = index(scenario_.metric);
    contents->cost = index(scenario_.cost);
    contents->sign = space_.at("minimize").at(static_cast<std::size_t>(contents->metric)).get<bool>() ? 1 : -1;
    return OkStatus();
  }

 private:
  void AddParameter(const Json& json, Contents* contents) {
    const auto name = json.at("name").get<std::string>();
    Input& input = inputs_[name];
    if (name == space_.at("instance_param").get<std::string>()) return;
    const auto& fidelities = space_.at("fidelity_params");
    if (std::find(fidelities.begin(), fidelities.end(), name) != fidelities.end()) {
      input.constant = json.at("max").get<double>();
      input.is_step = name == scenario_.curve;
      if (input.is_step) contents->steps = json.at("max").get<int>();
      return;
    }
    input.parameter = static_cast<int>(contents->parameters.size());
    if (json.at("kind") == "categorical") {
      input.codes = space_.at("category_codes").at(name).get<std::map<std::string, int>>();
      contents->parameters.push_back(
          ListParameter(name, ParameterType::kCategorical, json.at("choices").get<std::vector<std::string>>()));
      return;
    }
    const ParameterType type = json.at("kind") == "int" ? ParameterType::kInt : ParameterType::kDouble;
    contents->parameters.push_back(
        NumberParameter(name, type, json.at("min").get<double>(), json.at("max").get<double>(),
                        json.at("log").get<bool>() ? Distribution::kLogUniform : Distribution::kUniform));
  }

  const Scenario& scenario_;
  const std::string instance_;
  const Json& space_;
  std::map<std::string, Input> inputs_;
};

}  // namespace

Result<std::unique_ptr<Problem>> MakeYahpo(std::string_view scenario, std::string_view instance,
                                           const std::string& data) {
  const auto known =
      std::find_if(std::begin(kScenarios), std::end(kScenarios), [&](const Scenario& s) { return s.name == scenario; });
  if (known == std::end(kScenarios)) return Error(Code::kNotFound, "there is no table 'yahpo/{}'", scenario);
  const std::string folder = fmt::format("{}/yahpo/{}", data, scenario);
  QALAM_TRY(const Csv bests, Csv::Read(data + "/yahpo/best.csv"));
  std::vector<std::string> instances;
  double best = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t row = 0; row < bests.rows(); ++row) {
    if (bests.Text(row, 0) != scenario) continue;
    instances.push_back(bests.Text(row, 1));
    if (instances.back() == instance) best = bests.Number(row, 2);
  }
  if (std::isnan(best)) {
    return Error(Code::kNotFound, "yahpo/{} has no instance '{}' whose best value is known; there are {}", scenario,
                 instance, fmt::join(instances, ", "));
  }
  QALAM_TRY(const std::string text, ReadWhole(folder + "/space.json"));
  QALAM_TRY(Network network, Network::Load(folder));
  Contents contents{std::move(network), {}, {}, {}, 0, 0, 1, best, 1};
  try {
    const Json space = Json::parse(text);
    QALAM_RETURN_IF_ERROR(Reader(*known, instance, space).Read(&contents));
  } catch (const std::exception& fault) {
    return Error(Code::kDataLoss, "{}/space.json: {}", folder, fault.what());
  }
  return std::unique_ptr<Problem>(
      std::make_unique<Yahpo>(fmt::format("yahpo/{}/{}", scenario, instance), std::move(contents)));
}

}  // namespace qalam::bench
