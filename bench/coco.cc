// SPDX-License-Identifier: Apache-2.0
#include "bench/coco.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <utility>

#include "bench/campaign.h"
#include "bench/csv.h"
#include "bench/files.h"
#include "bench/suites.h"

namespace qalam::bench {
namespace {

struct Name {
  int function = 0, dimension = 0, instance = 0;
};

// "bbob/f08/d10/i3"; function 0: it is another problem.
Name Parse(const std::string& problem) {
  Name name;
  int end = 0;
  if (std::sscanf(problem.c_str(), "bbob/f%d/d%d/i%d%n", &name.function, &name.dimension, &name.instance, &end) != 3 ||
      static_cast<std::size_t>(end) != problem.size())
    return {};
  return name;
}

// What one function's files hold in one dimension.
struct Logs {
  std::string by_target, by_time, runs;
};

// Fails of trials are evaluations without a value: nothing is written for them, and the next one counts on.
void Append(const Csv& run, const Name& name, double best_worth, Logs* logs) {
  const std::string head = fmt::format(
      "% function evaluation | noise-free fitness - Fopt ({:.12e}) | best noise-free fitness - Fopt | measured fitness "
      "| "
      "best measured fitness\n",
      best_worth);
  logs->by_target += head;
  logs->by_time += head;
  double best = INFINITY, best_value = INFINITY;
  int target = 1'000;  // fifths of a decade; a line at each that is passed
  for (std::size_t row = 0; row < run.rows(); ++row) {
    const double value = run.Number(row, 3), gap = std::max(0.0, run.Number(row, 4) - best_worth);
    if (std::isnan(value) || std::isnan(gap)) continue;
    best = std::min(best, gap);
    best_value = std::min(best_value, value);
    const std::string line = fmt::format("{} {:+.9e} {:+.9e} {:+.9e} {:+.9e}\n", row + 1, gap, best, value, best_value);
    logs->by_time += line;
    const int reached = best > 0 ? static_cast<int>(std::ceil(5 * std::log10(best))) : -1'000;
    if (reached < target || row + 1 == run.rows()) logs->by_target += line;
    target = std::min(target, reached);
  }
  logs->runs += fmt::format(", {}:{}|{:.1e}", name.instance, run.rows(), std::isfinite(best) ? best : 1e99);
}

}  // namespace

Status WriteCoco(const std::string& folder, const std::string& out) {
  QALAM_TRY(const Manifest manifest, ReadManifest(folder));
  bool any = false;
  for (const ContenderSpec& contender : manifest.contenders) {
    std::map<int, std::map<int, Logs>> functions;  // by function, by dimension
    for (const std::string& problem_name : manifest.problems) {
      const Name name = Parse(problem_name);
      if (name.function == 0) continue;
      QALAM_TRY(const auto problem, MakeProblem(problem_name, ""));
      for (int seed = 1; seed <= manifest.seeds; ++seed) {
        const auto run = Csv::Read(RunFile(folder, problem_name, contender.name, static_cast<std::uint64_t>(seed)));
        if (run.ok() && run->header().size() == 5)
          Append(*run, name, problem->best(), &functions[name.function][name.dimension]);
      }
    }
    const std::string place = out + "/" + PathWord(contender.name);
    for (const auto& [function, dimensions] : functions) {
      std::string info;
      for (const auto& [dimension, logs] : dimensions) {
        const std::string file = fmt::format("data_f{0}/bbobexp_f{0}_DIM{1}", function, dimension);
        info += fmt::format(
            "suite = 'bbob', funcId = {}, DIM = {}, Precision = 1.000e-08, algId = '{}', coco_version = '2.6'\n% qalam "
            "bench\n{}.dat{}\n",
            function, dimension, contender.name, file, logs.runs);
        QALAM_RETURN_IF_ERROR(WriteWhole(place + "/" + file + ".dat", logs.by_target));
        QALAM_RETURN_IF_ERROR(WriteWhole(place + "/" + file + ".tdat", logs.by_time));
        any = true;
      }
      QALAM_RETURN_IF_ERROR(WriteWhole(fmt::format("{}/bbobexp_f{}.info", place, function), info));
    }
  }
  if (!any) return Error(Code::kNotFound, "{} has no run of a BBOB function", folder);
  return OkStatus();
}

}  // namespace qalam::bench
