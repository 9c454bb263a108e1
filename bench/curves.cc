// SPDX-License-Identifier: Apache-2.0
#include "bench/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include "bench/campaign.h"
#include "bench/csv.h"
#include "bench/files.h"
#include "bench/statistics.h"
#include "bench/suites.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kFixedColumns = 8;  // of a packed file: those before the points

double RandomWorth(const Problem& problem, std::string_view purpose, std::uint64_t i) {
  Rng rng(20'260'101, purpose, i);
  Eigen::VectorXd unit(problem.space().dim());
  for (double& u : unit) u = rng.Uniform();
  return problem.Worth(problem.space().Decode(unit));
}

// Random search's median after one trial: the yardstick that regret is measured with.
double RandomMedian(const Problem& problem) {
  constexpr std::uint64_t kPoints = 1'001;
  std::vector<double> worths;
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    const double worth = RandomWorth(problem, "bench.median", i);
    if (std::isfinite(worth)) worths.push_back(worth);
  }
  return Median(std::move(worths));
}

// The worths that kStepTargets are on a problem. `median`: RandomMedian.
std::array<double, kStepTargets.size()> TargetsOf(const Problem& problem, double median, int budget) {
  constexpr std::uint64_t kPoints = 10'001;
  std::vector<double> worths;
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    const double worth = RandomWorth(problem, "bench.targets", i);
    worths.push_back(std::isfinite(worth) ? worth : kInfinity);
  }
  std::sort(worths.begin(), worths.end());
  const auto best = [&](double share) { return worths[static_cast<std::size_t>(share * kPoints)]; };
  const double random = best(1 - std::pow(0.5, 1.0 / budget));
  return {best(0.02), best(0.005), random + 0.01 * std::max(0.0, median - random)};
}

// The jobs of a run by steps, in the order of their ends.
class JobTable {
 public:
  // `table` has the columns of RunFile.
  JobTable(const Csv& table, int steps) : table_(table), steps_(steps) {}

  // The worth of the trial that the run would name the best after the steps of so many whole trials: of those that were
  // trained to the end the one with the smallest value.
  std::vector<double> ReadAt(const std::vector<int>& points) {
    std::vector<double> read;
    for (const int point : points) {
      while (row_ < table_.rows() && Steps(row_) <= static_cast<double>(point) * steps_) Pass();
      read.push_back(worth_);
    }
    return read;
  }

  std::vector<Arrival> Arrivals(const std::array<double, kStepTargets.size()>& targets) {
    std::vector<Arrival> arrivals(targets.size(), {kInfinity, kInfinity, kInfinity});
    while (row_ < table_.rows()) {
      const std::size_t row = row_;
      Pass();
      for (std::size_t t = 0; t < targets.size(); ++t) {
        if (worth_ <= targets[t] && arrivals[t].steps == kInfinity)
          arrivals[t] = {Steps(row), table_.Number(row, 6), table_.Number(row, 4)};
      }
    }
    return arrivals;
  }

  void Count(RunCurve* run) const {
    for (std::size_t row = 0; row < table_.rows(); ++row) {
      run->trials += table_.Number(row, 1) == 0 ? 1 : 0;
      run->whole += table_.Number(row, 2) == steps_ ? 1 : 0;
      run->steps = Steps(row);
    }
  }

 private:
  double Steps(std::size_t row) const { return table_.Number(row, 5); }
  void Pass() {
    const double value = table_.Number(row_, 7), worth = table_.Number(row_, 8);
    ++row_;
    if (std::isnan(worth) || std::isnan(value) || !(std::isnan(value_) || value < value_)) return;
    value_ = value;
    worth_ = worth;
  }

  const Csv& table_;
  const int steps_;
  std::size_t row_ = 0;
  double value_ = kNan, worth_ = kNan;
};

// The worth of the trial that the run would name the best after so many: the one with the smallest value.
std::vector<double> ReadAt(const Csv& run, const std::vector<int>& points) {
  std::vector<double> read;
  double value = kNan, worth = kNan;
  std::size_t row = 0;
  for (const int point : points) {
    for (; row < run.rows() && row < static_cast<std::size_t>(point); ++row) {
      const double found = run.Number(row, 3);
      if (std::isnan(found) || !(std::isnan(value) || found < value)) continue;
      value = found;
      worth = run.Number(row, 4);
    }
    read.push_back(worth);
  }
  return read;
}

void AddName(std::vector<std::string>* names, const std::string& name) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
}

class FolderReader {
 public:
  FolderReader(const std::string& folder, const Manifest& manifest) : folder_(folder), manifest_(manifest) {
    curves_.setup = manifest.setup;
    curves_.points = ReadPoints(manifest.setup.budget);
    curves_.problems = manifest.problems;
    for (const ContenderSpec& contender : manifest.contenders) curves_.contenders.push_back(contender.name);
  }

  Result<Curves> Read(const std::string& data) {
    for (const std::string& name : manifest_.problems) {
      const auto problem = MakeProblem(name, data);
      Yardstick yardstick;
      if (problem.ok()) {
        yardstick.median = RandomMedian(**problem);
        if (curves_.setup.by_steps) yardstick.targets = TargetsOf(**problem, yardstick.median, curves_.setup.budget);
      }
      for (const std::string& contender : curves_.contenders) {
        for (int seed = 1; seed <= manifest_.seeds; ++seed) {
          const auto number = static_cast<std::uint64_t>(seed);
          const Status read = problem.ok() ? ReadRun(**problem, yardstick, contender, number) : problem.status();
          if (!read.ok()) curves_.failures.push_back({name, contender, number, read.message()});
        }
      }
    }
    return std::move(curves_);
  }

 private:
  struct Yardstick {
    double median = kNan;
    std::array<double, kStepTargets.size()> targets{};
  };

  Status ReadRun(const Problem& problem, const Yardstick& yardstick, const std::string& contender, std::uint64_t seed) {
    const std::string path = RunFile(folder_, problem.name(), contender, seed);
    if (!std::filesystem::exists(path)) {
      const auto why = ReadWhole(path + ".failed");
      return Status(Code::kNotFound, why.ok() ? why->substr(0, why->find('\n')) : "it has not been run");
    }
    QALAM_TRY(const Csv table, Csv::Read(path));
    const bool by_steps = curves_.setup.by_steps;
    if (table.header().size() != (by_steps ? 10 : 5)) return Error(Code::kDataLoss, "{} is no table of trials", path);
    RunCurve run{.problem = problem.name(), .contender = contender, .seed = seed};
    if (by_steps) {
      run.regrets = JobTable(table, problem.steps()).ReadAt(curves_.points);
      run.arrivals = JobTable(table, problem.steps()).Arrivals(yardstick.targets);
      JobTable(table, problem.steps()).Count(&run);
    } else {
      run.regrets = ReadAt(table, curves_.points);
    }
    for (double& regret : run.regrets) regret = LogRegret(regret, problem.best(), yardstick.median);
    if (const auto text = ReadWhole(path + ".ms"); text.ok()) {
      std::istringstream lines(*text);
      for (double milliseconds = 0; lines >> milliseconds;) run.milliseconds.push_back(milliseconds);
    }
    curves_.runs.push_back(std::move(run));
    return OkStatus();
  }

  const std::string& folder_;
  const Manifest& manifest_;
  Curves curves_;
};

constexpr std::size_t kStepColumns = 3 + 3 * kStepTargets.size();  // of a packed file of runs by steps, the last ones

void UnpackSteps(const Csv& table, std::size_t row, std::size_t column, RunCurve* run) {
  run->steps = table.Number(row, column);
  run->trials = static_cast<int>(table.Number(row, column + 1));
  run->whole = static_cast<int>(table.Number(row, column + 2));
  for (std::size_t c = column + 3; c + 2 < table.header().size(); c += 3) {
    const auto cell = [&](std::size_t i) {
      const double value = table.Number(row, c + i);
      return std::isnan(value) ? kInfinity : value;
    };
    run->arrivals.push_back({cell(0), cell(1), cell(2)});
  }
}

Result<Curves> Unpack(const std::string& path) {
  QALAM_TRY(const Csv table, Csv::Read(path));
  const auto& header = table.header();
  Curves curves;
  for (std::size_t c = kFixedColumns; c < header.size() && header[c][0] == 't'; ++c) {
    int point = 0;
    std::from_chars(header[c].data() + 1, header[c].data() + header[c].size(), point);
    curves.points.push_back(point);
  }
  if (curves.points.empty() || header[0] != "problem" || table.rows() == 0)
    return Error(Code::kDataLoss, "{} holds no curves", path);
  const std::size_t seconds_column = kFixedColumns + curves.points.size(),
                    steps_column = seconds_column + AnytimeBudgets(curves.points.back()).size();
  curves.setup.by_steps = header.size() == steps_column + kStepColumns;
  if (!curves.setup.by_steps && header.size() != steps_column)
    return Error(Code::kDataLoss, "{} holds no curves", path);
  const auto number = [&](std::size_t row, std::size_t column) { return static_cast<int>(table.Number(row, column)); };
  curves.setup = {number(0, 3), number(0, 4), number(0, 5), number(0, 6) != 0, curves.setup.by_steps};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string &problem = table.Text(row, 0), &contender = table.Text(row, 1), &why = table.Text(row, 7);
    const auto seed = static_cast<std::uint64_t>(table.Number(row, 2));
    if (curves.problems.empty() || curves.problems.back() != problem) AddName(&curves.problems, problem);
    AddName(&curves.contenders, contender);
    if (!why.empty()) {
      curves.failures.push_back({problem, contender, seed, why});
      continue;
    }
    RunCurve run{.problem = problem, .contender = contender, .seed = seed};
    for (std::size_t c = kFixedColumns; c < steps_column; ++c) {
      auto& values = c < seconds_column ? run.regrets : run.milliseconds;
      if (const double value = table.Number(row, c); !std::isnan(value)) values.push_back(value);
    }
    if (run.regrets.size() != curves.points.size())
      return Error(Code::kDataLoss, "{}: the run of line {} has gaps", path, row + 2);
    if (curves.setup.by_steps) UnpackSteps(table, row, steps_column, &run);
    curves.runs.push_back(std::move(run));
  }
  return curves;
}

std::string StepHeader() {
  std::string text = ",steps,trials,whole";
  for (std::size_t t = 0; t < kStepTargets.size(); ++t) text += fmt::format(",steps{0},zero{0},seconds{0}", t);
  return text;
}

std::string StepCells(const RunCurve& run) {
  std::string text = fmt::format(",{},{},{}", run.steps, run.trials, run.whole);
  for (const Arrival& arrival : run.arrivals) {
    text += std::isfinite(arrival.steps)
                ? fmt::format(",{},{},{:.4g}", arrival.steps, arrival.from_zero, arrival.seconds)
                : ",,,";
  }
  return text;
}

// A cell of a table without quotes.
std::string Cell(std::string text) {
  for (char& c : text) {
    if (c == ',' || c == '\n' || c == '\r') c = ';';
  }
  return text;
}

}  // namespace

std::vector<int> ReadPoints(int budget) {
  std::set<int> points = {budget};
  for (const int early : {1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25}) points.insert(std::min(early, budget));
  for (int doubled = 25; doubled < budget; doubled *= 2) {
    for (const double step : {1.0, 1.26, 1.6}) {
      points.insert(std::min(budget, static_cast<int>(std::lround(doubled * step))));
    }
  }
  return {points.begin(), points.end()};
}

Result<Curves> ReadCurves(const std::string& path, const std::string& data) {
  if (!std::filesystem::exists(path)) return Error(Code::kNotFound, "there is no folder or file '{}'", path);
  if (!std::filesystem::is_directory(path)) return Unpack(path);
  const auto manifest = ReadManifest(path);
  if (!manifest.ok()) return manifest.status().Within("no campaign");
  return FolderReader(path, *manifest).Read(data);
}

Status Merge(Curves* curves, Curves more) {
  if (curves->setup != more.setup) {
    return Error(Code::kFailedPrecondition, "runs of {} and of {} cannot be compared", Words(curves->setup),
                 Words(more.setup));
  }
  std::set<std::tuple<std::string, std::string, std::uint64_t>> known;
  for (const RunCurve& run : curves->runs) known.emplace(run.problem, run.contender, run.seed);
  const auto is_new = [&](const auto& run) { return !known.contains({run.problem, run.contender, run.seed}); };
  for (RunCurve& run : more.runs) {
    if (!is_new(run)) continue;
    std::erase_if(curves->failures, [&](const RunFailure& failure) {
      return failure.problem == run.problem && failure.contender == run.contender && failure.seed == run.seed;
    });
    curves->runs.push_back(std::move(run));
  }
  for (RunFailure& failure : more.failures) {
    if (is_new(failure)) curves->failures.push_back(std::move(failure));
  }
  for (const std::string& name : more.problems) AddName(&curves->problems, name);
  for (const std::string& name : more.contenders) AddName(&curves->contenders, name);
  return OkStatus();
}

Status PackCurves(const Curves& curves, const std::string& path) {
  std::string text = "problem,contender,seed,budget,workers,commonstart,told,why";
  for (const int point : curves.points) text += fmt::format(",t{}", point);
  const std::vector<int> budgets = AnytimeBudgets(curves.setup.budget);
  for (const int budget : budgets) text += fmt::format(",ms{}", budget);
  if (curves.setup.by_steps) text += StepHeader();
  const Setup& setup = curves.setup;
  const std::string fixed =
      fmt::format("{},{},{},{}", setup.budget, setup.workers, setup.common_start, setup.budget_told ? 1 : 0);
  text += '\n';
  for (const RunCurve& run : curves.runs) {
    text += fmt::format("{},{},{},{},", Cell(run.problem), Cell(run.contender), run.seed, fixed);
    for (const double regret : run.regrets) text += fmt::format(",{:.3f}", regret);
    for (std::size_t i = 0; i < budgets.size(); ++i) {
      text += i < run.milliseconds.size() ? fmt::format(",{:.2g}", run.milliseconds[i]) : ",";
    }
    if (curves.setup.by_steps) text += StepCells(run);
    text += '\n';
  }
  for (const RunFailure& failure : curves.failures) {
    text += fmt::format("{},{},{},{},{}", Cell(failure.problem), Cell(failure.contender), failure.seed, fixed,
                        Cell(failure.why));
    text.append(curves.points.size() + budgets.size() + (curves.setup.by_steps ? kStepColumns : 0), ',');
    text += '\n';
  }
  return WriteCompressed(path, text);
}

}  // namespace qalam::bench
