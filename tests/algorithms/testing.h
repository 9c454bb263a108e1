// SPDX-License-Identifier: Apache-2.0
// What the tests of algorithms share: spaces in one line, a make-believe experiment, golden files.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/suggester.h"
#include "core/rng.h"

namespace qalam::testing {

// Space().Real("lr", "1e-5", "1", kLogUniform).Choice("opt", {"sgd", "adam"}).Make()
class Space {
 public:
  Space& Real(std::string name, std::string min, std::string max, Distribution distribution = Distribution::kUniform,
              std::string step = "") {
    return Add(std::move(name), ParameterType::kDouble,
               {std::move(min), std::move(max), std::move(step), {}, distribution});
  }
  Space& Int(std::string name, std::string min, std::string max, Distribution distribution = Distribution::kUniform,
             std::string step = "") {
    return Add(std::move(name), ParameterType::kInt,
               {std::move(min), std::move(max), std::move(step), {}, distribution});
  }
  Space& Discrete(std::string name, std::vector<std::string> list) {
    return Add(std::move(name), ParameterType::kDiscrete, {"", "", "", std::move(list), Distribution::kUniform});
  }
  Space& Choice(std::string name, std::vector<std::string> list) {
    return Add(std::move(name), ParameterType::kCategorical, {"", "", "", std::move(list), Distribution::kUniform});
  }
  // Of the parameter before: "optimizer == sgd".
  Space& When(std::string_view condition) {
    Result<ParameterCondition> parsed = ParseCondition(condition);
    EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
    specs_.back().condition = *std::move(parsed);
    return *this;
  }
  SearchSpace Make() const {
    Result<SearchSpace> space = SearchSpace::Create(specs_);
    EXPECT_TRUE(space.ok()) << space.status().ToString();
    return *std::move(space);
  }

 private:
  Space& Add(std::string name, ParameterType type, FeasibleSpace feasible) {
    specs_.push_back({std::move(name), type, std::move(feasible), std::nullopt});
    return *this;
  }
  std::vector<ParameterSpec> specs_;
};

// The assignments in one line: "lr=0.1 opt=sgd".
inline std::string Text(const SearchSpace& space, const Eigen::VectorXd& unit) {
  std::string out;
  for (const Assignment& a : space.Decode(unit)) out += (out.empty() ? "" : " ") + a.name + "=" + a.value;
  return out;
}

struct Shown {  // one trial, as an algorithm hears of it
  Eigen::VectorXd unit;
  double y = 0;
  Outcome outcome = Outcome::kSucceeded;
  std::uint64_t ordinal = 0;
  std::string label = {};
};

inline void Show(Suggester& suggester, Eigen::Index dim, const std::vector<Shown>& finished,
                 const std::vector<Shown>& pending = {}) {
  History history(dim);
  for (const Shown& s : finished) history.Append(s.unit, s.y, s.outcome, s.ordinal, s.label);
  Pending waiting;
  waiting.x.resize(dim, static_cast<Eigen::Index>(pending.size()));
  for (std::size_t j = 0; j < pending.size(); ++j) {
    waiting.x.col(static_cast<Eigen::Index>(j)) = pending[j].unit;
    waiting.ordinal.push_back(pending[j].ordinal);
    waiting.label.push_back(pending[j].label);
  }
  suggester.Observe(history.View(), waiting);
}

inline std::vector<Proposal> Ask(Suggester& suggester, int count, std::uint64_t ordinal) {
  Result<std::vector<Proposal>> proposals = suggester.Suggest(count, ordinal);
  EXPECT_TRUE(proposals.ok()) << proposals.status().ToString();
  return proposals.ok() ? *std::move(proposals) : std::vector<Proposal>{};
}

inline std::vector<std::string> Texts(const SearchSpace& space, const std::vector<Proposal>& proposals) {
  std::vector<std::string> out;
  for (const Proposal& p : proposals) out.push_back(Text(space, p.unit));
  return out;
}

// Any algorithm, made as the service makes it: the settings are checked first.
inline std::unique_ptr<Suggester> MakeSuggester(const std::string& algorithm, const SearchSpace& space,
                                                std::uint64_t seed = 1, std::vector<Setting> settings = {}) {
  const AlgorithmInfo* info = FindAlgorithm(algorithm);
  EXPECT_NE(info, nullptr) << algorithm;
  const AlgorithmContext context{.space = space, .seed = seed, .settings = settings, .max_trials = std::nullopt};
  const Status valid = ValidateAlgorithm(*info, context);
  EXPECT_TRUE(valid.ok()) << valid.ToString();
  return info->make(context);
}

// Compares with tests/algorithms/golden/NAME; with QALAM_UPDATE_GOLDEN=1 writes it: read the diff.
inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(QALAM_SOURCE_DIR) + "/tests/algorithms/golden/" + name;
  if (std::getenv("QALAM_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), text) << path;
}

}  // namespace qalam::testing
