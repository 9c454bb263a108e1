// SPDX-License-Identifier: Apache-2.0
#include "bench/check.h"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <utility>

#include "algorithms/suggester.h"
#include "bench/suites.h"

namespace qalam::bench {
namespace {

using Key = std::pair<std::string, std::uint64_t>;  // problem, seed

std::map<Key, double> LastRegrets(const Curves& curves, const std::string& contender) {
  std::map<Key, double> regrets;
  for (const RunCurve& run : curves.runs) {
    // As exact as stored ones are.
    if (run.contender == contender)
      regrets[{run.problem, run.seed}] = static_cast<double>(std::lround(run.regrets.back() * 1000)) / 1000;
  }
  return regrets;
}

Verdict Judge(const Curves& stored, const Curves& now, const std::string& contender) {
  Verdict verdict;
  verdict.contender = contender;
  const auto before = LastRegrets(stored, contender), after = LastRegrets(now, contender);
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> by_problem;  // now, before
  for (const auto& [key, regret] : before) {
    const auto found = after.find(key);
    if (found == after.end()) {
      verdict.why_not = fmt::format("its run on {} with seed {} is gone", key.first, key.second);
      for (const RunFailure& failure : now.failures) {
        if (failure.contender == contender && failure.problem == key.first && failure.seed == key.second)
          verdict.why_not = fmt::format("{}, seed {}: {}", key.first, key.second, failure.why);
      }
      verdict.worse = true;
      return verdict;
    }
    auto& [ours, theirs] = by_problem[key.first];
    ours.push_back(found->second);
    theirs.push_back(regret);
  }
  Scores scores(2);
  for (auto& [problem, pair] : by_problem) {
    scores[0].push_back(std::move(pair.first));
    scores[1].push_back(std::move(pair.second));
  }
  const Duel duel = Compare(scores, 0, 1, 1);
  const std::vector<Standing> standings = Stand(scores, 1, 1);
  verdict.rank_difference = duel.rank_difference;
  verdict.now = standings[0].mean_score;
  verdict.before = standings[1].mean_score;
  verdict.worse = duel.rank_difference.estimate > kLoss && duel.rank_difference.low > 0;
  return verdict;
}

}  // namespace

std::vector<Verdict> CompareWithStored(const Curves& stored, const Curves& now) {
  std::vector<Verdict> verdicts;
  for (const std::string& contender : stored.contenders) verdicts.push_back(Judge(stored, now, contender));
  return verdicts;
}

Manifest GateManifest() {
  Manifest manifest;
  manifest.setup.budget = 60;
  manifest.seeds = 5;
  for (const int function : {1, 3, 8, 10, 15, 21}) {
    for (const int dimension : {4, 10})
      manifest.problems.push_back(fmt::format("bbob/f{:02}/d{}/i1", function, dimension));
  }
  for (const AlgorithmInfo& info : Algorithms()) {
    // No levels for a grid, nothing that says how long a trial trains, no nasConfig.
    if (info.name == "grid" || info.searches != Searched::kParameters ||
        info.settings->Find("resource_name") != nullptr)
      continue;
    manifest.contenders.push_back({std::string(info.name), std::string(info.name)});
  }
  return manifest;
}

}  // namespace qalam::bench
