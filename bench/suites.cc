// SPDX-License-Identifier: Apache-2.0
#include "bench/suites.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "bench/problems/cash.h"
#include "bench/problems/continuous.h"
#include "bench/problems/lcdb.h"
#include "bench/problems/learning.h"
#include "bench/problems/own.h"
#include "bench/problems/table.h"
#include "bench/problems/yahpo.h"

namespace qalam::bench {
namespace {

constexpr std::array kSuites = {
    Suite{"quick", "6 BBOB functions in 4 and 10 dimensions, 2 classics, 2 tables"},
    Suite{"bbob", "24 functions in 2, 5, 10 and 20 dimensions, 5 instances each"},
    Suite{"mixint", "24 mixed-integer functions in 5 and 10 dimensions, 3 instances each"},
    Suite{"noisy", "12 functions with noise in 5 and 10 dimensions, 3 instances each"},
    Suite{"classic", "9 functions that everybody knows, their boxes moved"},
    Suite{"tables", "tables of real tuning: networks, boosted trees, forecasters, GPU kernels"},
    Suite{"surrogates", "networks that stand for real tuning (YAHPO Gym), some with conditions"},
    Suite{"cash", "which model and its settings, from measured learning curves"},
    Suite{"nas", "tables of networks that were all trained: cells, chains and graphs of operations"},
    Suite{"curves", "made learning curves that cross not at all, mildly, strongly, or scatter; for --steps"},
    Suite{"taskset", "measured learning curves of text classifiers, some of which diverge; for --steps"},
    Suite{"lcbench", "a network's learning curves of networks (YAHPO Gym); for --steps"},
    Suite{"lcdb", "which learner, from measured curves over the number of samples; for --steps"},
};

// Data sets of several sizes of each scenario.
constexpr std::array kProvingSurrogates = {
    std::string_view("lcbench/168868"),  std::string_view("lcbench/3945"),      std::string_view("lcbench/189906"),
    std::string_view("rbv2_rpart/14"),   std::string_view("rbv2_rpart/1501"),   std::string_view("rbv2_xgboost/12"),
    std::string_view("rbv2_xgboost/16"), std::string_view("rbv2_xgboost/1501"), std::string_view("iaml_glmnet/1489")};
constexpr std::array kTuningSurrogates = {std::string_view("lcbench/126025"), std::string_view("lcbench/167152"),
                                          std::string_view("rbv2_rpart/1040"), std::string_view("rbv2_xgboost/1040"),
                                          std::string_view("iaml_glmnet/1067")};

// Where networks were trained with several seeds, one trial is one training, or with "exact/" their mean.
constexpr std::array kProvingNetworks = {
    std::string_view("exact/nasbench201/cifar10"), std::string_view("nasbench201/cifar10"),
    std::string_view("nasbench_macro/cifar10"),    std::string_view("nasbench_graph/cora"),
    std::string_view("nasbench_graph/computers"),  std::string_view("nasbench_graph/cs"),
    std::string_view("nasbench_graph/proteins")};
constexpr std::array kTuningNetworks = {
    std::string_view("exact/nasbench201/cifar100"), std::string_view("nasbench201/cifar100"),
    std::string_view("nasbench_graph/citeseer"), std::string_view("nasbench_graph/pubmed")};

// "f08" -> 8 for 'f'.
std::optional<int> NumberAfter(char letter, std::string_view part) {
  int number = 0;
  if (part.size() < 2 || part[0] != letter) return std::nullopt;
  const auto [end, error] = std::from_chars(part.data() + 1, part.data() + part.size(), number);
  return error == std::errc() && end == part.data() + part.size() ? std::optional(number) : std::nullopt;
}

std::vector<std::string_view> SplitName(std::string_view name) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    parts.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

Status Unknown(const std::string& name) {
  return Error(
      Code::kNotFound,
      "there is no problem '{}'; there are bbob/f01..f24/d2../i1.., mixint/f01..f24/d5,d10../i1.., "
      "classic/{}/s0.., yahpo/lcbench/ID, yahpo/rbv2_xgboost/ID, yahpo/rbv2_rpart/ID, yahpo/iaml_glmnet/ID, {}, "
      "curves/{}/i1.., lcdb/ID, noisy/PROBLEM, exact/PROBLEM, flat/PROBLEM, your own FILE.json, and the tables {}",
      name, fmt::join(ClassicNames(), ","), fmt::join(CashNames(), ", "), fmt::join(LearningKinds(), ","),
      fmt::join(TableNames(), ", "));
}

std::vector<std::string> Grid(std::string_view prefix, const std::vector<int>& functions,
                              const std::vector<int>& dimensions, int first, int count) {
  std::vector<std::string> names;
  for (const int function : functions) {
    for (const int dimension : dimensions) {
      for (int instance = first; instance < first + count; ++instance) {
        names.push_back(fmt::format("{}/f{:02}/d{}/i{}", prefix, function, dimension, instance));
      }
    }
  }
  return names;
}

const std::vector<int>& AllFunctions() {
  static const std::vector<int> all = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
                                       13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
  return all;
}

// Tables to tune on are others than those to prove on.
std::vector<std::string> Tables(bool tuning) {
  std::vector<std::string> names;
  std::size_t at = 0;
  for (const std::string& name : TableNames()) {
    if (name.starts_with("nasbench") || name.starts_with("taskset")) continue;  // of suites of their own
    if ((at++ % 3 == 0) == tuning) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<std::unique_ptr<Problem>> MakeProblem(const std::string& name, const std::string& data) {
  if (name.starts_with("noisy/")) {
    QALAM_TRY(auto inner, MakeProblem(name.substr(6), data));
    constexpr double kLevel = 0.1, kFloor = 0.01;
    return MakeNoisy(std::move(inner), kLevel, kFloor);
  }
  if (name.starts_with("flat/")) {
    QALAM_TRY(auto inner, MakeProblem(name.substr(5), data));
    return MakeFlat(std::move(inner));
  }
  if (name.starts_with("exact/")) {
    QALAM_TRY(auto inner, MakeProblem(name.substr(6), data));
    return MakeExact(std::move(inner));
  }
  const std::vector<std::string_view> parts = SplitName(name);
  if (parts.size() == 4 && (parts[0] == "bbob" || parts[0] == "mixint")) {
    const auto function = NumberAfter('f', parts[1]), dimension = NumberAfter('d', parts[2]),
               instance = NumberAfter('i', parts[3]);
    if (!function || !dimension || !instance || *function < 1 || *function > 24 || *instance < 1) return Unknown(name);
    if (parts[0] == "bbob" && *dimension >= 2 && *dimension <= 100) return MakeBbob(*function, *instance, *dimension);
    if (parts[0] == "mixint" && *dimension >= 5 && *dimension <= 100 && *dimension % 5 == 0) {
      return MakeBbobMixint(*function, *instance, *dimension);
    }
    return Unknown(name);
  }
  if (parts.size() == 3 && parts[0] == "classic") {
    const auto seed = NumberAfter('s', parts[2]);
    auto problem = seed && *seed >= 0 ? MakeClassic(parts[1], static_cast<std::uint64_t>(*seed)) : nullptr;
    if (!problem) return Unknown(name);
    return problem;
  }
  if (parts.size() == 3 && parts[0] == "curves") {
    const auto instance = NumberAfter('i', parts[2]);
    auto problem = instance && *instance >= 1 ? MakeLearning(parts[1], static_cast<std::uint64_t>(*instance)) : nullptr;
    if (!problem) return Unknown(name);
    return problem;
  }
  if (parts.size() == 2 && parts[0] == "lcdb") return MakeLcdb(parts[1], data);
  if (parts.size() == 3 && parts[0] == "yahpo") return MakeYahpo(parts[1], parts[2], data);
  if (parts.size() == 2 && parts[0] == "cash") return MakeCash(parts[1], data);
  if (name.ends_with(".json")) return MakeOwn(name);
  auto table = MakeTable(name, data);
  const bool no_such = !table.ok() && table.status().message().find("there is no table") == 0;
  if (no_such) return Unknown(name);
  return table;
}

std::span<const Suite> Suites() { return kSuites; }

std::vector<std::string> ProblemsOf(std::string_view suite, bool tuning) {
  const int first = tuning ? 1 : 6;  // instances 1-5 tune, 6-15 prove
  std::vector<std::string> names;
  const auto classics = [&names](int from, int to, const std::vector<std::string_view>& chosen) {
    for (const std::string_view name : chosen) {
      for (int seed = from; seed < to; ++seed) names.push_back(fmt::format("classic/{}/s{}", name, seed));
    }
  };
  if (suite == "quick") {
    names = Grid("bbob", {1, 3, 8, 10, 15, 21}, {4, 10}, first, 1);
    classics(first, first + 1, {"hartmann6", "levy4"});
    names.emplace_back(tuning ? "hpobench/australian" : "hpobench/car");
    names.emplace_back(tuning ? "xgboost/a6a" : "xgboost/heart");
  } else if (suite == "bbob") {
    names = Grid("bbob", AllFunctions(), {2, 5, 10, 20}, first, 5);
  } else if (suite == "mixint") {
    names = Grid("mixint", AllFunctions(), {5, 10}, first, 3);
  } else if (suite == "noisy") {
    names = Grid("noisy/bbob", {1, 2, 3, 5, 8, 10, 13, 15, 17, 20, 21, 24}, {5, 10}, first, 3);
  } else if (suite == "classic") {
    classics(first, first + 3, std::vector<std::string_view>(ClassicNames().begin(), ClassicNames().end()));
  } else if (suite == "tables") {
    names = Tables(tuning);
  } else if (suite == "surrogates") {
    for (const std::string_view name :
         tuning ? std::span<const std::string_view>(kTuningSurrogates) : kProvingSurrogates)
      names.push_back(fmt::format("yahpo/{}", name));
  } else if (suite == "nas") {
    for (const std::string_view name : tuning ? std::span<const std::string_view>(kTuningNetworks) : kProvingNetworks)
      names.emplace_back(name);
  } else if (suite == "cash") {
    names = CashNames();
    const auto half = names.begin() + static_cast<std::ptrdiff_t>(names.size() / 2);
    tuning ? names.erase(half, names.end()) : names.erase(names.begin(), half);
  } else if (suite == "curves") {
    for (const std::string_view kind : LearningKinds()) {
      for (int instance = first; instance < first + 4; ++instance)
        names.push_back(fmt::format("curves/{}/i{}", kind, instance));
    }
  } else if (suite == "taskset") {
    std::size_t at = 0;
    for (const std::string& name : TableNames()) {
      if (name.starts_with("taskset") && (at++ % 3 == 0) == tuning) names.push_back(name);
    }
  } else if (suite == "lcbench") {
    for (const std::string& name : ProblemsOf("surrogates", tuning)) {
      if (name.starts_with("yahpo/lcbench/")) names.push_back(name);
    }
  } else if (suite == "lcdb") {
    for (const std::string_view id : LcdbIds(tuning)) names.push_back(fmt::format("lcdb/{}", id));
  } else {
    names.emplace_back(suite);
  }
  return names;
}

}  // namespace qalam::bench
