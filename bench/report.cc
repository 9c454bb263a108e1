// SPDX-License-Identifier: Apache-2.0
#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/plot.h"

namespace qalam::bench {
namespace {

using std::size_t;

std::string Number(double value) { return std::isfinite(value) ? fmt::format("{:.3g}", value) : "-"; }
constexpr size_t kBands = 5;
double RegretOf(double score) { return std::pow(10, score); }

class Page {
 public:
  explicit Page(const Summary& summary) : summary_(summary) {
    // By rank at the end, everywhere: so a contender has one colour.
    for (size_t c = 0; c < summary.contenders.size(); ++c) order_.push_back(c);
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
      const auto& last = summary.readings.back();
      return last[a].standing.rank.estimate < last[b].standing.rank.estimate;
    });
  }

  std::string Compared() const {
    std::string html = Regret() + Reached();
    for (size_t b = summary_.budgets.size(); b-- > 0;) html += Standings(b);
    return html + (summary_.setup.by_steps ? Approaches() : Targets()) + Groups() + Latency();
  }

 private:
  const std::string& NameOf(size_t contender) const { return summary_.contenders[contender]; }
  std::string Axis() const { return summary_.setup.by_steps ? "steps, as those of so many whole trials" : "trials"; }
  std::vector<double> Trials() const { return {summary_.points.begin(), summary_.points.end()}; }

  std::string Regret() const {
    LinePlot plot{"Regret: median of all runs, and quartiles of the first five",
                  Axis(),
                  "regret (1: one random trial)",
                  Scale::kLog,
                  Scale::kLog,
                  {}};
    for (const size_t c : order_) {
      const Summary::Band& band = summary_.bands[c];
      PlotLine line{NameOf(c), Trials(), {}, {}, {}};
      for (const double score : band.middle) line.y.push_back(RegretOf(score));
      // More bands than that hide each other.
      for (size_t i = 0; plot.lines.size() < kBands && i < band.low.size(); ++i) {
        line.low.push_back(RegretOf(band.low[i]));
        line.high.push_back(RegretOf(band.high[i]));
      }
      plot.lines.push_back(std::move(line));
    }
    return "<h2>Regret</h2>\n<p>What is missing to the best point, as a share of what a random trial misses.</p>\n" +
           LinePlotSvg(plot);
  }

  std::string Reached() const {
    LinePlot plot{
        "Share of runs and targets reached", Axis(), "share of 48 targets, 1 to 1e-6", Scale::kLog, Scale::kLinear, {}};
    for (const size_t c : order_) plot.lines.push_back({NameOf(c), Trials(), summary_.reached[c], {}, {}});
    return "<h2>Targets reached</h2>\n" + LinePlotSvg(plot);
  }

  std::string Standings(size_t budget) const {
    std::string html = fmt::format("<h2>After {}</h2>\n", BudgetWords(summary_.setup, summary_.budgets[budget]));
    IntervalPlot plot{fmt::format("Mean rank after {}, 95 %", BudgetWords(summary_.setup, summary_.budgets[budget])),
                      "mean rank",
                      {}};
    std::vector<std::vector<std::string>> rows;
    std::vector<size_t> order = order_;
    const auto& readings = summary_.readings[budget];
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return readings[a].standing.rank.estimate < readings[b].standing.rank.estimate;
    });
    for (const size_t c : order) {
      const Standing& standing = readings[c].standing;
      plot.rows.push_back({NameOf(c), standing.rank.estimate, standing.rank.low, standing.rank.high});
      std::vector<std::string> row = {NameOf(c),
                                      fmt::format("{:.2f}", standing.rank.estimate),
                                      fmt::format("{:.2f} - {:.2f}", standing.rank.low, standing.rank.high),
                                      Number(RegretOf(standing.mean_score)),
                                      Number(RegretOf(standing.median_score)),
                                      fmt::format("{:.0f}%", 100 * readings[c].win_rate)};
      for (const double share : readings[c].successes) row.push_back(fmt::format("{:.0f}%", 100 * share));
      const auto meeting = std::find_if(summary_.meetings[budget].begin(), summary_.meetings[budget].end(),
                                        [c](const Meeting& m) { return static_cast<size_t>(m.contender) == c; });
      if (meeting == summary_.meetings[budget].end()) {
        row.insert(row.end(), {"", "", ""});
      } else {
        const Duel& duel = meeting->duel;
        row.push_back(fmt::format("{} : {} : {}", duel.losses, duel.ties, duel.wins));
        row.push_back(fmt::format("{:.2f} - {:.2f}", -duel.rank_difference.high, -duel.rank_difference.low));
        row.push_back(fmt::format("{:.2g}", meeting->adjusted));
      }
      rows.push_back(std::move(row));
    }
    std::vector<std::string> header = {"contender", "mean rank", "95 %", "regret, geometric mean", "median", "wins"};
    for (const double target : summary_.targets) header.push_back(fmt::format("reached {:g}", RegretOf(target)));
    header.insert(header.end(), {"problems won : tied : lost against the first", "ranks behind it, 95 %", "p (Holm)"});
    return html + IntervalPlotSvg(plot) + HtmlTable(header, rows);
  }

  std::string Targets() const {
    std::vector<std::vector<std::string>> rows;
    for (const size_t c : order_) {
      std::vector<std::string> row = {NameOf(c)};
      for (const double time : summary_.time_to[c])
        row.push_back(std::isfinite(time) ? fmt::format("{:.0f}", time) : "more");
      rows.push_back(std::move(row));
    }
    std::vector<std::string> header = {"contender"};
    for (const double target : summary_.targets) header.push_back(fmt::format("to {:g}", RegretOf(target)));
    return "<h2>Median trials to a target</h2>\n<p>\"more\": fewer than half of the runs reached it.</p>\n" +
           HtmlTable(header, rows);
  }

  std::string Approaches() const {
    std::string html =
        "<h2>Steps to a target</h2>\n<p>Steps that all workers trained until a whole trial was there: the median over "
        "runs (-: fewer than half came there), the same without checkpoints, the median of the virtual seconds; "
        "expected: all steps spent, a run that came there.</p>\n";
    for (size_t g = 0; g < summary_.groups.size(); ++g) {
      for (size_t t = 0; t < kStepTargets.size(); ++t) html += ApproachTable(g, t);
    }
    std::vector<std::vector<std::string>> rows;
    for (const size_t c : order_)
      rows.push_back({NameOf(c), fmt::format("{:.0f}", summary_.trials[c]), fmt::format("{:.1f}", summary_.whole[c])});
    return html + "<h3>Trials of a run</h3>\n" + HtmlTable({"contender", "begun", "trained to the end"}, rows);
  }

  std::string ApproachTable(size_t group, size_t target) const {
    std::vector<std::vector<std::string>> rows;
    for (const size_t c : order_) {
      const Approach& approach = summary_.approaches[group][target][c];
      rows.push_back({NameOf(c), fmt::format("{} of {}", approach.reached, approach.runs), Whole(approach.median.steps),
                      Whole(approach.median.from_zero), Whole(approach.median.seconds), Whole(approach.expected)});
    }
    return fmt::format("<h3>{}: to {}</h3>\n", EscapeHtml(summary_.groups[group]), kStepTargets[target]) +
           HtmlTable({"contender", "reached", "steps", "from zero", "seconds", "expected"}, rows);
  }
  static std::string Whole(double value) { return std::isfinite(value) ? fmt::format("{:.0f}", value) : "-"; }

  std::string Groups() const {
    std::vector<std::vector<std::string>> rows;
    for (const size_t c : order_) {
      std::vector<std::string> row = {NameOf(c)};
      for (const std::string& group : summary_.groups)
        row.push_back(Number(RegretOf(summary_.readings.back()[c].group_scores.at(group))));
      rows.push_back(std::move(row));
    }
    std::vector<std::string> header = {"contender"};
    header.insert(header.end(), summary_.groups.begin(), summary_.groups.end());
    return fmt::format("<h2>By kind of problem</h2>\n<p>Geometric mean of the regret after {}.</p>\n",
                       BudgetWords(summary_.setup, summary_.budgets.back())) +
           HtmlTable(header, rows);
  }

  std::string Latency() const {
    LinePlot plot{"Milliseconds a suggestion", Axis(), "ms", Scale::kLog, Scale::kLog, {}};
    for (const size_t c : order_) {
      plot.lines.push_back(
          {NameOf(c), {summary_.budgets.begin(), summary_.budgets.end()}, summary_.milliseconds[c], {}, {}});
    }
    return "<h2>Latency</h2>\n<p>Processor time of asking and telling, mean since the trial count before; median over "
           "runs. "
           "Of services: the time until the answer.</p>\n" +
           LinePlotSvg(plot);
  }

  const Summary& summary_;
  std::vector<size_t> order_;
};

std::string Failures(const Summary& summary) {
  std::string html;
  for (const std::string& name : summary.left_out) {
    html += fmt::format("<p><b>{}</b> finished less than half of its runs and is left out.</p>\n", EscapeHtml(name));
  }
  if (summary.failures.empty()) return html + "<p>No run failed.</p>\n";
  std::vector<std::vector<std::string>> rows;
  for (const FailureGroup& group : GroupFailures(summary.failures)) {
    rows.push_back({group.first->contender, std::to_string(group.count), group.first->problem,
                    std::to_string(group.first->seed), group.first->why});
  }
  return html + HtmlTable({"contender", "runs", "first on", "seed", "why"}, rows);
}

}  // namespace

std::string ReportHtml(const Summary& summary) {
  std::string body = fmt::format("<p>{} problems, {} runs of each of {} contenders; {}.</p>\n", summary.problems.size(),
                                 summary.runs, summary.contenders.size(), Words(summary.setup));
  if (summary.runs > 0) body += Page(summary).Compared();
  body += "<h2>Failed runs</h2>\n" + Failures(summary);
  std::string problems;
  for (const std::string& name : summary.problems) problems += EscapeHtml(name) + " ";
  body += "<h2>Problems</h2>\n<p>" + problems + "</p>\n";
  return HtmlPage("qalam bench", body);
}

}  // namespace qalam::bench
