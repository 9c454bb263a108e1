// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/cash.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "bench/csv.h"

namespace qalam::bench {
namespace {

using std::size_t;

constexpr std::string_view kDataSets[] = {"breast_cancer", "digits", "phoneme", "spambase"};
constexpr std::string_view kRoot = "model";

struct Configuration {
  std::vector<std::string> texts;       // by parameter; empty: inactive
  std::vector<double> places;           // in [0, 1], of numbers
  std::vector<double> losses, seconds;  // by step
};

struct Contents {
  std::vector<ParameterSpec> parameters;
  std::vector<bool> is_number;
  std::vector<Configuration> configurations;
  int steps = 0;
  double best = std::numeric_limits<double>::infinity();
};

double Place(const ParameterSpec& parameter, double value) {
  const double min = std::stod(parameter.feasible.min), max = std::stod(parameter.feasible.max);
  return parameter.feasible.distribution == Distribution::kLogUniform ? std::log(value / min) / std::log(max / min)
                                                                      : (value - min) / (max - min);
}

class Cash final : public Problem {
 public:
  Cash(std::string name, Contents contents)
      : Problem(std::move(name), contents.parameters, contents.steps, contents.best), contents_(std::move(contents)) {}

  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t) const override {
    const Configuration& nearest = Nearest(point);
    const auto at = static_cast<size_t>(step - 1);
    return {nearest.losses[at], nearest.seconds[at]};
  }

 private:
  const Configuration& Nearest(const Assignments& point) const {
    struct Given {
      size_t column;
      const std::string* text;
      double place;
    };
    std::vector<Given> given;
    size_t column = 0;  // assignments keep the order of the parameters
    for (const Assignment& assignment : point) {
      while (contents_.parameters[column].name != assignment.name) ++column;
      const double place = contents_.is_number[column] ? Place(contents_.parameters[column], NumberOf(assignment)) : 0;
      given.push_back({column, &assignment.value, place});
    }
    const Configuration* nearest = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const Configuration& configuration : contents_.configurations) {
      if (configuration.texts[0] != point[0].value) continue;
      double distance = 0;
      for (const Given& value : given) {
        const std::string& text = configuration.texts[value.column];
        if (text.empty()) continue;  // not active there: what it depends on is another already
        const double apart = contents_.is_number[value.column] ? value.place - configuration.places[value.column]
                             : *value.text == text             ? 0
                                                               : 1;
        distance += apart * apart;
      }
      if (distance < least) least = distance, nearest = &configuration;
    }
    return *nearest;
  }
  const Contents contents_;
};

// The range that was drawn from is not told in the table: that of what was drawn, on a log axis where it spans more
// than a hundredfold. Few different numbers, or words, are choices.
ParameterSpec ParameterOf(const Csv& table, size_t column, bool* is_number) {
  std::set<std::string> texts;
  std::vector<double> values;
  bool whole = true;
  for (size_t row = 0; row < table.rows(); ++row) {
    const std::string& text = table.Text(row, column);
    if (text.empty()) continue;
    texts.insert(text);
    values.push_back(table.Number(row, column));
    whole = whole && std::floor(values.back()) == values.back();
  }
  const std::string& name = table.header()[column];
  constexpr size_t kFew = 4;
  *is_number =
      texts.size() > kFew && std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  if (!*is_number) return ListParameter(name, ParameterType::kCategorical, {texts.begin(), texts.end()});
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const bool log = *low > 0 && *high / *low > 100;
  return NumberParameter(name, whole ? ParameterType::kInt : ParameterType::kDouble, *low, *high,
                         log ? Distribution::kLogUniform : Distribution::kUniform);
}

// What a parameter depends on is not told in the table: that choice of which some values always have it and the others
// never. The model before others.
void FindCondition(size_t parameter, Contents* contents) {
  const auto has = [&](const Configuration& configuration) { return !configuration.texts[parameter].empty(); };
  if (std::all_of(contents->configurations.begin(), contents->configurations.end(), has)) return;
  for (size_t parent = 0; parent < contents->parameters.size(); ++parent) {
    if (parent == parameter || contents->is_number[parent]) continue;
    std::set<std::string> with, without;
    for (const Configuration& configuration : contents->configurations)
      (has(configuration) ? with : without).insert(configuration.texts[parent]);
    if (with.contains("") || std::any_of(with.begin(), with.end(), [&](const auto& v) { return without.contains(v); }))
      continue;
    const std::vector<std::string> values(with.begin(), with.end());
    contents->parameters[parameter].condition =
        ParameterCondition{contents->parameters[parent].name, Relation::kIn, values, std::nullopt};
    return;
  }
}

Result<Contents> Read(const Csv& configs, const Csv& curves) {
  Contents contents;
  QALAM_TRY(const size_t root, configs.Column(kRoot));
  if (root != 1) return Error(Code::kDataLoss, "the first parameter is not '{}'", kRoot);
  for (size_t column = 1; column < configs.header().size(); ++column) {
    bool is_number = false;
    contents.parameters.push_back(ParameterOf(configs, column, &is_number));
    contents.is_number.push_back(is_number);
  }
  for (size_t row = 0; row < configs.rows(); ++row) {
    Configuration& configuration = contents.configurations.emplace_back();
    for (size_t i = 0; i < contents.parameters.size(); ++i) {
      configuration.texts.push_back(configs.Text(row, i + 1));
      const bool placed = contents.is_number[i] && !configuration.texts.back().empty();
      configuration.places.push_back(placed ? Place(contents.parameters[i], configs.Number(row, i + 1)) : 0);
    }
  }
  for (size_t i = 1; i < contents.parameters.size(); ++i) FindCondition(i, &contents);
  QALAM_TRY(const size_t id, curves.Column("id"));
  QALAM_TRY(const size_t loss, curves.Column("val_logloss"));
  QALAM_TRY(const size_t seconds, curves.Column("cum_train_cpu_s"));
  for (size_t row = 0; row < curves.rows(); ++row) {
    const double number = curves.Number(row, id);
    if (!(number >= 0 && number < static_cast<double>(contents.configurations.size())))
      return Error(Code::kDataLoss, "line {} is of configuration '{}', which is none", row + 2, curves.Text(row, id));
    Configuration& configuration = contents.configurations[static_cast<size_t>(number)];
    configuration.losses.push_back(curves.Number(row, loss));
    configuration.seconds.push_back(curves.Number(row, seconds));
  }
  const size_t steps = contents.configurations.front().losses.size();
  for (const Configuration& configuration : contents.configurations) {
    if (steps == 0 || configuration.losses.size() != steps)
      return Error(Code::kDataLoss, "not every configuration has {} steps", steps);
    if (configuration.losses.back() < contents.best) contents.best = configuration.losses.back();
  }
  contents.steps = static_cast<int>(steps);
  return contents;
}

}  // namespace

std::vector<std::string> CashNames() {
  std::vector<std::string> names;
  for (const std::string_view name : kDataSets) names.push_back(fmt::format("cash/{}", name));
  return names;
}

Result<std::unique_ptr<Problem>> MakeCash(std::string_view data_set, const std::string& data) {
  if (std::find(std::begin(kDataSets), std::end(kDataSets), data_set) == std::end(kDataSets))
    return Error(Code::kNotFound, "there is no table 'cash/{}'", data_set);
  const std::string path = fmt::format("{}/cash_lc/{}.csv.gz", data, data_set);
  QALAM_TRY(const Csv configs, Csv::Read(data + "/cash_lc/configs.csv.gz"));
  QALAM_TRY(const Csv curves, Csv::Read(path));
  auto contents = Read(configs, curves);
  if (!contents.ok()) return contents.status().Within(path);
  return std::unique_ptr<Problem>(std::make_unique<Cash>(fmt::format("cash/{}", data_set), *std::move(contents)));
}

}  // namespace qalam::bench
