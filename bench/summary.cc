// SPDX-License-Identifier: Apache-2.0
#include "bench/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "bench/campaign.h"

namespace qalam::bench {
namespace {

using std::size_t;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Quantile(std::vector<double> values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(std::lround(share * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

// runs[contender][problem][seed]: only those that all contenders have.
class Comparison {
 public:
  Comparison(const Curves& curves, Summary* summary) : curves_(curves), summary_(*summary) {
    Choose();
    Align();
  }

  void Fill() {
    for (size_t at = 0; at < curves_.points.size(); ++at) points_[curves_.points[at]] = at;
    ReadCurves();
    for (const int budget : summary_.budgets) Read(budget);
    for (size_t c = 0; c < runs_.size(); ++c) {
      summary_.time_to.emplace_back();
      for (const double target : summary_.targets) summary_.time_to.back().push_back(MedianTime(c, target));
      summary_.milliseconds.push_back(Milliseconds(c));
    }
    if (curves_.setup.by_steps) ReadSteps();
  }

 private:
  using Runs = std::vector<std::vector<const RunCurve*>>;

  void Choose() {
    std::unordered_map<std::string, int> finished, failed;
    for (const RunCurve& run : curves_.runs) ++finished[run.contender];
    for (const RunFailure& failure : curves_.failures) ++failed[failure.contender];
    for (const std::string& name : curves_.contenders) {
      auto& list = finished[name] > 0 && finished[name] >= failed[name] ? summary_.contenders : summary_.left_out;
      list.push_back(name);
    }
  }

  void Align() {
    std::unordered_map<std::string, const RunCurve*> run_of;
    std::map<std::string, std::set<std::uint64_t>> seeds;
    const auto key = [](const std::string& problem, const std::string& contender, std::uint64_t seed) {
      return fmt::format("{}\n{}\n{}", problem, contender, seed);
    };
    for (const RunCurve& run : curves_.runs) {
      run_of[key(run.problem, run.contender, run.seed)] = &run;
      seeds[run.problem].insert(run.seed);
    }
    runs_.resize(summary_.contenders.size());
    if (runs_.empty()) return;  // of a campaign that has hardly begun
    for (const std::string& problem : curves_.problems) {
      std::vector<std::vector<const RunCurve*>> of_problem(runs_.size());
      for (const std::uint64_t seed : seeds[problem]) {
        std::vector<const RunCurve*> row;
        for (const std::string& contender : summary_.contenders) {
          const auto found = run_of.find(key(problem, contender, seed));
          if (found != run_of.end()) row.push_back(found->second);
        }
        if (row.size() != runs_.size()) continue;
        ++summary_.runs;
        for (size_t c = 0; c < row.size(); ++c) of_problem[c].push_back(row[c]);
      }
      if (of_problem.empty() || of_problem.front().empty()) continue;
      summary_.problems.push_back(problem);
      const std::string group = GroupOf(problem);
      if (std::find(summary_.groups.begin(), summary_.groups.end(), group) == summary_.groups.end())
        summary_.groups.push_back(group);
      for (size_t c = 0; c < runs_.size(); ++c) runs_[c].push_back(std::move(of_problem[c]));
    }
  }

  void ReadCurves() {
    // The targets of the share that is reached: regrets of 1 to 1e-6 of a random trial's, eight a decade.
    constexpr int kDecades = 6, kADecade = 8;
    for (const Runs& of_contender : runs_) {
      Summary::Band band;
      std::vector<double> reached;
      for (size_t at = 0; at < curves_.points.size(); ++at) {
        const std::vector<double> scores = All(of_contender, at);
        band.low.push_back(Quantile(scores, 0.25));
        band.middle.push_back(Median(scores));
        band.high.push_back(Quantile(scores, 0.75));
        double pairs = 0;
        for (const double score : scores)
          pairs += std::clamp(std::floor(-score * kADecade), 0.0, 1.0 * kDecades * kADecade);
        reached.push_back(pairs / (static_cast<double>(scores.size()) * kDecades * kADecade));
      }
      summary_.bands.push_back(std::move(band));
      summary_.reached.push_back(std::move(reached));
    }
  }

  void Read(int budget) {
    const size_t at = points_.at(budget);
    Scores scores(runs_.size());
    for (size_t c = 0; c < runs_.size(); ++c) {
      for (const auto& seeds : runs_[c]) {
        scores[c].emplace_back();
        for (const RunCurve* run : seeds) scores[c].back().push_back(run->regrets[at]);
      }
    }
    // Enough for two digits of an interval, and no more work than a few seconds.
    const int draws = std::clamp(4'000'000 / std::max(1, summary_.runs), 400, 2'000);
    const std::vector<Standing> standings = Stand(scores, 1, draws);
    const size_t contenders = scores.size();
    std::vector<Reading> readings(contenders);
    for (size_t c = 0; c < contenders; ++c) {
      readings[c].standing = standings[c];
      readings[c].win_rate = contenders < 2 ? 0.5
                                            : (static_cast<double>(contenders) - standings[c].rank.estimate) /
                                                  static_cast<double>(contenders - 1);
      const std::vector<double> all = All(runs_[c], at);
      for (const double target : summary_.targets) {
        const auto hit = std::count_if(all.begin(), all.end(), [&](double score) { return score <= target; });
        readings[c].successes.push_back(static_cast<double>(hit) / static_cast<double>(all.size()));
      }
      std::map<std::string, std::vector<double>> by_group;
      for (size_t p = 0; p < summary_.problems.size(); ++p)
        by_group[GroupOf(summary_.problems[p])].push_back(Mean(scores[c][p]));
      for (const auto& [group, means] : by_group) readings[c].group_scores[group] = Mean(means);
    }
    size_t leader = 0;
    for (size_t c = 1; c < contenders; ++c) {
      if (standings[c].rank.estimate < standings[leader].rank.estimate) leader = c;
    }
    std::vector<Meeting> meetings;
    std::vector<double> probabilities;
    for (size_t c = 0; c < contenders; ++c) {
      if (c == leader) continue;
      meetings.push_back({static_cast<int>(c), Compare(scores, leader, c, 1, draws), 1});
      probabilities.push_back(meetings.back().duel.probability);
    }
    probabilities = Holm(probabilities);
    for (size_t i = 0; i < meetings.size(); ++i) meetings[i].adjusted = probabilities[i];
    summary_.readings.push_back(std::move(readings));
    summary_.leaders.push_back(static_cast<int>(leader));
    summary_.meetings.push_back(std::move(meetings));
  }

  double MedianTime(size_t contender, double target) const {
    std::vector<double> times;
    for (const auto& seeds : runs_[contender]) {
      for (const RunCurve* run : seeds) {
        const auto hit =
            std::find_if(run->regrets.begin(), run->regrets.end(), [&](double score) { return score <= target; });
        const auto at = static_cast<size_t>(hit - run->regrets.begin());
        times.push_back(hit == run->regrets.end() ? kInfinity : curves_.points[at]);
      }
    }
    return LowerMedian(std::move(times));
  }

  std::vector<double> Milliseconds(size_t contender) const {
    std::vector<double> medians;
    for (size_t b = 0; b < summary_.budgets.size(); ++b) {
      std::vector<double> values;
      for (const auto& seeds : runs_[contender]) {
        for (const RunCurve* run : seeds) {
          if (b < run->milliseconds.size()) values.push_back(run->milliseconds[b]);
        }
      }
      medians.push_back(Median(std::move(values)));
    }
    return medians;
  }

  void ReadSteps() {
    for (const std::string& group : summary_.groups) {
      auto& of_group = summary_.approaches.emplace_back(kStepTargets.size());
      for (size_t t = 0; t < kStepTargets.size(); ++t) {
        for (const Runs& runs : runs_) of_group[t].push_back(ApproachOf(runs, group, t));
      }
    }
    for (const Runs& runs : runs_) {
      double trials = 0, whole = 0;
      for (const auto& seeds : runs) {
        for (const RunCurve* run : seeds) trials += run->trials, whole += run->whole;
      }
      summary_.trials.push_back(trials / summary_.runs);
      summary_.whole.push_back(whole / summary_.runs);
    }
  }

  Approach ApproachOf(const Runs& runs, const std::string& group, size_t target) const {
    std::vector<double> steps, from_zero, seconds;
    Approach approach;
    for (size_t p = 0; p < runs.size(); ++p) {
      if (GroupOf(summary_.problems[p]) != group) continue;
      for (const RunCurve* run : runs[p]) {
        const Arrival& arrival = run->arrivals[target];
        ++approach.runs;
        approach.reached += std::isfinite(arrival.steps) ? 1 : 0;
        approach.expected += std::isfinite(arrival.steps) ? arrival.steps : run->steps;
        steps.push_back(arrival.steps);
        from_zero.push_back(arrival.from_zero);
        seconds.push_back(arrival.seconds);
      }
    }
    approach.median = {LowerMedian(steps), LowerMedian(from_zero), LowerMedian(seconds)};
    approach.expected = approach.reached > 0 ? approach.expected / approach.reached : kInfinity;
    return approach;
  }

  static double LowerMedian(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[(values.size() - 1) / 2];
  }

  static std::vector<double> All(const Runs& runs, size_t at) {
    std::vector<double> scores;
    for (const auto& seeds : runs) {
      for (const RunCurve* run : seeds) scores.push_back(run->regrets[at]);
    }
    return scores;
  }

  const Curves& curves_;
  Summary& summary_;
  std::vector<Runs> runs_;
  std::map<int, size_t> points_;
};

using Json = nlohmann::ordered_json;

Json NumberJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json ToJson(const Summary& summary, size_t budget, size_t contender) {
  const Reading& reading = summary.readings[budget][contender];
  Json groups = Json::object();
  for (const auto& [group, score] : reading.group_scores) groups[group] = score;
  const Interval& rank = reading.standing.rank;
  return {{"contender", summary.contenders[contender]},
          {"meanRank", rank.estimate},
          {"meanRankInterval", {rank.low, rank.high}},
          {"log10RegretMedian", reading.standing.median_score},
          {"log10RegretMean", reading.standing.mean_score},
          {"winRate", reading.win_rate},
          {"successes", reading.successes},
          {"millisecondsASuggestion", NumberJson(summary.milliseconds[contender][budget])},
          {"log10RegretMeanByGroup", std::move(groups)}};
}

Json ApproachesJson(const Summary& summary) {
  Json json = Json::array();
  for (size_t g = 0; g < summary.approaches.size(); ++g) {
    for (size_t t = 0; t < kStepTargets.size(); ++t) {
      for (size_t c = 0; c < summary.contenders.size(); ++c) {
        const Approach& approach = summary.approaches[g][t][c];
        json.push_back({{"group", summary.groups[g]},
                        {"target", kStepTargets[t]},
                        {"contender", summary.contenders[c]},
                        {"runs", approach.runs},
                        {"reached", approach.reached},
                        {"medianSteps", NumberJson(approach.median.steps)},
                        {"medianStepsFromZero", NumberJson(approach.median.from_zero)},
                        {"medianSeconds", NumberJson(approach.median.seconds)},
                        {"expectedSteps", NumberJson(approach.expected)}});
      }
    }
  }
  return json;
}

std::string Cell(double value) { return std::isfinite(value) ? fmt::format("{:.0f}", value) : "-"; }

std::string Row(std::string text) {
  while (text.ends_with(' ')) text.pop_back();
  return text + "\n";
}

}  // namespace

std::string GroupOf(const std::string& problem) {
  std::vector<std::string> parts = {""};
  for (const char c : problem) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::string group = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) {
    if ((parts[0] == "noisy" || parts[0] == "curves" || parts[0] == "yahpo") && i == 1) group += " " + parts[i];
    if (parts[i].size() > 1 && parts[i][0] == 'd' &&
        std::all_of(parts[i].begin() + 1, parts[i].end(), [](char c) { return c >= '0' && c <= '9'; }))
      group += " " + parts[i];
  }
  return group;
}

std::vector<FailureGroup> GroupFailures(const std::vector<RunFailure>& failures) {
  std::vector<FailureGroup> groups;
  for (const RunFailure& failure : failures) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const FailureGroup& group) {
      return group.first->contender == failure.contender && group.first->why == failure.why;
    });
    if (same == groups.end()) {
      groups.push_back({&failure, 1});
    } else {
      ++same->count;
    }
  }
  return groups;
}

Summary Summarise(const Curves& curves) {
  Summary summary;
  summary.setup = curves.setup;
  summary.failures = curves.failures;
  summary.budgets = AnytimeBudgets(curves.setup.budget);
  summary.points = curves.points;
  summary.targets = {-1, -2, -3};
  Comparison comparison(curves, &summary);
  if (summary.runs > 0) comparison.Fill();
  return summary;
}

std::string BudgetWords(const Setup& setup, int budget) {
  return fmt::format("{}{} trials", setup.by_steps ? "the steps of " : "", budget);
}

std::string SummaryJson(const Summary& summary) {
  Json json = {{"budget", summary.setup.budget},
               {"workers", summary.setup.workers},
               {"commonStart", summary.setup.common_start},
               {"budgetTold", summary.setup.budget_told},
               {"bySteps", summary.setup.by_steps},
               {"runsCompared", summary.runs},
               {"problems", summary.problems},
               {"targets", summary.targets}};
  json["readings"] = Json::array();
  for (size_t b = 0; b < summary.readings.size(); ++b) {
    Json reading = {{"trials", summary.budgets[b]}};
    for (size_t c = 0; c < summary.contenders.size(); ++c) reading["standings"].push_back(ToJson(summary, b, c));
    reading["leader"] = summary.contenders[static_cast<size_t>(summary.leaders[b])];
    for (const Meeting& meeting : summary.meetings[b]) {
      const Duel& duel = meeting.duel;
      reading["leaderAgainst"].push_back(
          {{"contender", summary.contenders[static_cast<size_t>(meeting.contender)]},
           {"rankDifference", duel.rank_difference.estimate},
           {"rankDifferenceInterval", {duel.rank_difference.low, duel.rank_difference.high}},
           {"wilcoxon", duel.probability},
           {"wilcoxonHolm", meeting.adjusted},
           {"problems", {{"won", duel.wins}, {"tied", duel.ties}, {"lost", duel.losses}}}});
    }
    json["readings"].push_back(std::move(reading));
  }
  for (size_t c = 0; c < summary.time_to.size(); ++c) {
    Json times = Json::array();
    for (const double time : summary.time_to[c]) times.push_back(NumberJson(time));
    json["medianTrialsToTargets"][summary.contenders[c]] = std::move(times);
  }
  if (summary.setup.by_steps) json["approaches"] = ApproachesJson(summary);
  json["leftOut"] = summary.left_out;
  json["failures"] = Json::array();
  for (const RunFailure& failure : summary.failures) {
    json["failures"].push_back(
        {{"contender", failure.contender}, {"problem", failure.problem}, {"seed", failure.seed}, {"why", failure.why}});
  }
  return json.dump(1) + "\n";
}

namespace {

// Those who need the fewest steps first.
std::string ApproachText(const Summary& summary, size_t group, size_t target, size_t width) {
  const std::vector<Approach>& approaches = summary.approaches[group][target];
  std::vector<size_t> order(approaches.size());
  for (size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return approaches[a].expected < approaches[b].expected; });
  std::string text = fmt::format("\nto {}: {}\n", kStepTargets[target], summary.groups[group]);
  text += fmt::format("{:{}}  {:>8}  {:>8}  {:>8}  {:>9}  {:>9}\n", "CONTENDER", width, "REACHED", "EXPECTED", "STEPS",
                      "FROM ZERO", "SECONDS");
  for (const size_t c : order) {
    const Approach& approach = approaches[c];
    text +=
        Row(fmt::format("{:{}}  {:>8}  {:>8}  {:>8}  {:>9}  {:>9}", summary.contenders[c], width,
                        fmt::format("{}/{}", approach.reached, approach.runs), Cell(approach.expected),
                        Cell(approach.median.steps), Cell(approach.median.from_zero), Cell(approach.median.seconds)));
  }
  return text;
}

std::string ApproachesText(const Summary& summary, size_t width) {
  std::string text;
  for (size_t g = 0; g < summary.groups.size(); ++g) {
    for (size_t t = 0; t < kStepTargets.size(); ++t) text += ApproachText(summary, g, t, width);
  }
  text += fmt::format("\n{:{}}  {:>8}  {:>8}\n", "CONTENDER", width, "TRIALS", "WHOLE");
  for (size_t c = 0; c < summary.contenders.size(); ++c) {
    text += fmt::format("{:{}}  {:8.0f}  {:8.1f}\n", summary.contenders[c], width, summary.trials[c], summary.whole[c]);
  }
  return text;
}

}  // namespace

std::string SummaryText(const Summary& summary) {
  std::string text = fmt::format("{} problems, {} runs of each contender, {}\n", summary.problems.size(), summary.runs,
                                 Words(summary.setup));
  size_t width = 9;
  for (const std::string& name : summary.contenders) width = std::max(width, name.size());
  for (size_t b = 0; b < summary.readings.size(); ++b) {
    text += fmt::format("\nafter {}\n", BudgetWords(summary.setup, summary.budgets[b]));
    text += fmt::format("{:{}}  {:>5}  {:13}  {:>8}  {:>8}  {:>5}  {:>9}  {}\n", "CONTENDER", width, "RANK", "95 %",
                        "REGRET", "MEDIAN", "WINS", "MS", "AGAINST THE FIRST");
    std::vector<size_t> order(summary.contenders.size());
    for (size_t c = 0; c < order.size(); ++c) order[c] = c;
    const auto& readings = summary.readings[b];
    std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) {
      return readings[x].standing.rank.estimate < readings[y].standing.rank.estimate;
    });
    for (const size_t c : order) {
      const Standing& standing = readings[c].standing;
      std::string against;
      for (const Meeting& meeting : summary.meetings[b]) {
        if (static_cast<size_t>(meeting.contender) != c) continue;
        against = fmt::format("{}:{}, p {:.2g}", meeting.duel.losses, meeting.duel.wins, meeting.adjusted);
      }
      text += Row(fmt::format("{:{}}  {:5.2f}  {:13}  {:8.2g}  {:8.2g}  {:4.0f}%  {:>9.3g}  {}", summary.contenders[c],
                              width, standing.rank.estimate,
                              fmt::format("[{:.2f}, {:.2f}]", standing.rank.low, standing.rank.high),
                              std::pow(10, standing.mean_score), std::pow(10, standing.median_score),
                              100 * readings[c].win_rate, summary.milliseconds[c][b], against));
    }
  }
  if (!summary.approaches.empty()) text += ApproachesText(summary, width);
  if (summary.runs == 0) text += "nothing to compare: no problem and seed was finished by all contenders\n";
  for (const std::string& name : summary.left_out) {
    text += fmt::format("left out: {}, which finished less than half of its runs\n", name);
  }
  if (!summary.failures.empty())
    text += fmt::format("\n{} runs failed or have not been run:\n", summary.failures.size());
  for (const FailureGroup& group : GroupFailures(summary.failures)) {
    text += fmt::format("  {}, {} of them, first on {}, seed {}: {}\n", group.first->contender, group.count,
                        group.first->problem, group.first->seed, group.first->why);
  }
  return text;
}

}  // namespace qalam::bench
