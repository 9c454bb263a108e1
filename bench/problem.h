// SPDX-License-Identifier: Apache-2.0
// What algorithms are tried on: a search space, and what each of its points is worth.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/search_space.h"

namespace qalam::bench {

struct Evaluation {
  double value = 0;  // minimised; NaN: the trial failed
  double cost = 1;   // simulated seconds
};

// Immutable; thread-safe to read.
class Problem {
 public:
  virtual ~Problem() = default;
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const std::string& name() const { return name_; }
  const SearchSpace& space() const { return space_; }
  // The parameters as an Experiment would give them: for services and peers.
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  // How many steps a whole trial has (epochs); 1: it has no curve.
  int steps() const { return steps_; }
  // The smallest worth that any point has, or that is known.
  double best() const { return best_; }

  // What a trial at `point` reports after `step` of its steps (1 .. steps()). `draw` chooses the noise: the same draw,
  // the same value. `point` is legal in space().
  virtual Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const = 0;
  // What a point is worth without noise, after all steps: what a method is judged by. NaN: it fails.
  virtual double Worth(const Assignments& point) const { return Evaluate(point, steps_, 0).value; }

 protected:
  Problem(std::string name, std::vector<ParameterSpec> parameters, int steps, double best);
  void set_best(double best) { best_ = best; }

 private:
  std::string name_;
  std::vector<ParameterSpec> parameters_;
  SearchSpace space_;
  int steps_;
  double best_;
};

// "exact/NAME": a whole trial reports what its point is worth, without noise.
std::unique_ptr<Problem> MakeExact(std::unique_ptr<Problem> problem);

// "flat/NAME": nobody is told of its conditions, and what is not active has no effect. The same worth for each point as
// far as it is active: what conditions are good for can be measured.
std::unique_ptr<Problem> MakeFlat(std::unique_ptr<Problem> problem);

// A double or int parameter on [min, max].
ParameterSpec NumberParameter(std::string name, ParameterType type, double min, double max,
                              Distribution distribution = Distribution::kUniform);
ParameterSpec ListParameter(std::string name, ParameterType type, std::vector<std::string> list);

// The value of a number parameter's text; the texts of legal points always are numbers.
double NumberOf(const Assignment& assignment);

}  // namespace qalam::bench
