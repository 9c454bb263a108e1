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

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kFixedColumns = 8;  // of a packed file: those before the points

// Random search's median after one trial: the yardstick that regret is measured with.
double RandomMedian(const Problem& problem) {
  constexpr std::uint64_t kPoints = 1'001;
  std::vector<double> worths;
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    Rng rng(20'260'101, "bench.median", i);
    Eigen::VectorXd unit(problem.space().dim());
    for (double& u : unit) u = rng.Uniform();
    const double worth = problem.Worth(problem.space().Decode(unit));
    if (std::isfinite(worth)) worths.push_back(worth);
  }
  return Median(std::move(worths));
}

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
      const double median = problem.ok() ? RandomMedian(**problem) : kNan;
      for (const std::string& contender : curves_.contenders) {
        for (int seed = 1; seed <= manifest_.seeds; ++seed) {
          const auto number = static_cast<std::uint64_t>(seed);
          const Status read = problem.ok() ? ReadRun(**problem, median, contender, number) : problem.status();
          if (!read.ok()) curves_.failures.push_back({name, contender, number, read.message()});
        }
      }
    }
    return std::move(curves_);
  }

 private:
  Status ReadRun(const Problem& problem, double median, const std::string& contender, std::uint64_t seed) {
    const std::string path = RunFile(folder_, problem.name(), contender, seed);
    if (!std::filesystem::exists(path)) {
      const auto why = ReadWhole(path + ".failed");
      return Status(Code::kNotFound, why.ok() ? why->substr(0, why->find('\n')) : "it has not been run");
    }
    QALAM_TRY(const Csv table, Csv::Read(path));
    if (table.header().size() != 5) return Error(Code::kDataLoss, "{} is no table of trials", path);
    RunCurve run{problem.name(), contender, seed, ReadAt(table, curves_.points), {}};
    for (double& regret : run.regrets) regret = LogRegret(regret, problem.best(), median);
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

Result<Curves> Unpack(const std::string& path) {
  QALAM_TRY(const Csv table, Csv::Read(path));
  const auto& header = table.header();
  Curves curves;
  for (std::size_t c = kFixedColumns; c < header.size() && header[c][0] == 't'; ++c) {
    int point = 0;
    std::from_chars(header[c].data() + 1, header[c].data() + header[c].size(), point);
    curves.points.push_back(point);
  }
  const bool whole =
      !curves.points.empty() && header[0] == "problem" && table.rows() > 0 &&
      header.size() == kFixedColumns + curves.points.size() + AnytimeBudgets(curves.points.back()).size();
  if (!whole) return Error(Code::kDataLoss, "{} holds no curves", path);
  const auto number = [&](std::size_t row, std::size_t column) { return static_cast<int>(table.Number(row, column)); };
  curves.setup = {number(0, 3), number(0, 4), number(0, 5), number(0, 6) != 0};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string &problem = table.Text(row, 0), &contender = table.Text(row, 1), &why = table.Text(row, 7);
    const auto seed = static_cast<std::uint64_t>(table.Number(row, 2));
    if (curves.problems.empty() || curves.problems.back() != problem) AddName(&curves.problems, problem);
    AddName(&curves.contenders, contender);
    if (!why.empty()) {
      curves.failures.push_back({problem, contender, seed, why});
      continue;
    }
    RunCurve run{problem, contender, seed, {}, {}};
    for (std::size_t c = kFixedColumns; c < header.size(); ++c) {
      auto& values = c < kFixedColumns + curves.points.size() ? run.regrets : run.milliseconds;
      if (const double value = table.Number(row, c); !std::isnan(value)) values.push_back(value);
    }
    if (run.regrets.size() != curves.points.size())
      return Error(Code::kDataLoss, "{}: the run of line {} has gaps", path, row + 2);
    curves.runs.push_back(std::move(run));
  }
  return curves;
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
    text += '\n';
  }
  for (const RunFailure& failure : curves.failures) {
    text += fmt::format("{},{},{},{},{}", Cell(failure.problem), Cell(failure.contender), failure.seed, fixed,
                        Cell(failure.why));
    text.append(curves.points.size() + budgets.size(), ',');
    text += '\n';
  }
  return WriteCompressed(path, text);
}

}  // namespace qalam::bench
