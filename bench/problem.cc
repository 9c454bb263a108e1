// SPDX-License-Identifier: Apache-2.0
#include "bench/problem.h"

#include <fmt/core.h>

#include <charconv>

namespace qalam::bench {
namespace {

SearchSpace MustCreate(const std::string& name, const std::vector<ParameterSpec>& parameters) {
  auto space = SearchSpace::Create(parameters);
  QALAM_CHECK(space.ok(), name + ": " + space.status().ToString());
  return *std::move(space);
}

}  // namespace

Problem::Problem(std::string name, std::vector<ParameterSpec> parameters, int steps, double best)
    : name_(std::move(name)),
      parameters_(std::move(parameters)),
      space_(MustCreate(name_, parameters_)),
      steps_(steps),
      best_(best) {}

namespace {

class ExactProblem final : public Problem {
 public:
  explicit ExactProblem(std::unique_ptr<Problem> inner)
      : Problem("exact/" + inner->name(), inner->parameters(), inner->steps(), inner->best()),
        inner_(std::move(inner)) {}
  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const override {
    Evaluation evaluation = inner_->Evaluate(point, step, draw);
    if (step == steps()) evaluation.value = inner_->Worth(point);
    return evaluation;
  }
  double Worth(const Assignments& point) const override { return inner_->Worth(point); }

 private:
  std::unique_ptr<Problem> inner_;
};

std::vector<ParameterSpec> WithoutConditions(std::vector<ParameterSpec> parameters) {
  for (ParameterSpec& parameter : parameters) parameter.condition.reset();
  return parameters;
}

class FlatProblem final : public Problem {
 public:
  explicit FlatProblem(std::unique_ptr<Problem> inner)
      : Problem("flat/" + inner->name(), WithoutConditions(inner->parameters()), inner->steps(), inner->best()),
        inner_(std::move(inner)) {}
  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const override {
    return inner_->Evaluate(Active(point), step, draw);
  }
  double Worth(const Assignments& point) const override { return inner_->Worth(Active(point)); }

 private:
  Assignments Active(Assignments point) const {
    inner_->space().DropInactive(&point);
    return point;
  }
  std::unique_ptr<Problem> inner_;
};

}  // namespace

std::unique_ptr<Problem> MakeFlat(std::unique_ptr<Problem> problem) {
  return std::make_unique<FlatProblem>(std::move(problem));
}

std::unique_ptr<Problem> MakeExact(std::unique_ptr<Problem> problem) {
  return std::make_unique<ExactProblem>(std::move(problem));
}

ParameterSpec NumberParameter(std::string name, ParameterType type, double min, double max, Distribution distribution) {
  ParameterSpec spec{std::move(name), type, {}};
  spec.feasible.min = fmt::format("{}", min);
  spec.feasible.max = fmt::format("{}", max);
  if (type == ParameterType::kInt) {
    spec.feasible.min = fmt::format("{:.0f}", min);
    spec.feasible.max = fmt::format("{:.0f}", max);
  }
  spec.feasible.distribution = distribution;
  return spec;
}

ParameterSpec ListParameter(std::string name, ParameterType type, std::vector<std::string> list) {
  ParameterSpec spec{std::move(name), type, {}};
  spec.feasible.list = std::move(list);
  return spec;
}

double NumberOf(const Assignment& assignment) {
  const std::string& text = assignment.value;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  QALAM_CHECK(error == std::errc(), "a legal value of a number parameter is a number: " + text);
  return value;
}

}  // namespace qalam::bench
