// SPDX-License-Identifier: Apache-2.0
// qalam bench latency: what a suggestion costs in processor time and memory when there are many observations.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "bench/files.h"
#include "bench/latency.h"
#include "bench/roster.h"
#include "cli/bench_home.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

struct LatencyVerbOptions {
  std::vector<std::string> algorithms;
  std::string observations = "100,1000,10000", dimensions = "6,20", out, home;
  std::optional<int> suggestions, limit;
};

// "100,1000": whole numbers from `least` on.
Result<std::vector<int>> Numbers(const std::string& option, const std::string& text, int least, int most) {
  std::vector<int> numbers;
  for (const std::string& word : bench::SplitNames(text)) {
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size() || number < least || number > most)
      return InvalidArgument("{}: '{}' is no whole number from {} to {}", option, word, least, most);
    numbers.push_back(number);
  }
  if (numbers.empty()) return InvalidArgument("{} wants numbers, separated by commas", option);
  std::ranges::sort(numbers);
  return numbers;
}

// A table for each number of parameters: a row for each contender, a pair of columns for each number of observations.
std::string Tables(const std::vector<bench::LatencyRow>& rows, const std::vector<int>& observations) {
  std::string text;
  std::vector<std::string> heads = {"CONTENDER"};
  for (const int n : observations) heads.push_back(fmt::format("MS AT {}", n));
  for (const int n : observations) heads.push_back(fmt::format("MB AT {}", n));
  for (std::size_t i = 0; i < rows.size();) {
    const int dimension = rows[i].key.dimension;
    Table table(heads);
    for (; i < rows.size() && rows[i].key.dimension == dimension; i += observations.size()) {
      std::vector<std::string> times = {rows[i].key.contender.name}, memory;
      for (std::size_t k = 0; k < observations.size(); ++k) {
        const bench::LatencyRow& row = rows[i + k];
        times.push_back(row.latency ? fmt::format("{} ({})", ShortNumber(1e3 * row.latency->median),
                                                  ShortNumber(1e3 * row.latency->worst))
                                    : Fit(row.fault, 40));
        memory.push_back(row.latency && row.latency->memory > 0 ? fmt::format("{:.0f}", 1e-6 * row.latency->memory)
                                                                : "-");
      }
      times.insert(times.end(), memory.begin(), memory.end());
      table.Row(std::move(times));
    }
    text += fmt::format("{}{} parameters: the median suggestion (and the worst)\n{}", text.empty() ? "" : "\n",
                        dimension, table.Text());
  }
  return text;
}

int LatencyVerb(const LatencyVerbOptions& options) {
  const auto observations = Numbers("--observations", options.observations, 0, 100'000'000);
  if (!observations.ok()) return Complain(observations.status());
  const auto dimensions = Numbers("--dimensions", options.dimensions, 2, 100);
  if (!dimensions.ok()) return Complain(dimensions.status());

  bench::RosterOptions known;
  known.home = BenchHome(options.home);
  known.logs = (options.out.empty() ? std::filesystem::temp_directory_path().string() : options.out) + "/logs";
  bench::LatencyOptions measured;
  measured.suggestions = options.suggestions.value_or(measured.suggestions);
  measured.limit = std::chrono::seconds(options.limit.value_or(static_cast<int>(measured.limit.count())));
  known.timeout = measured.limit;
  bench::Roster roster(std::move(known));
  measured.make = [&roster](const auto& spec, const bench::Problem& problem, std::uint64_t seed, const auto& budget,
                            int workers) { return roster.Make(spec, problem, seed, budget, workers); };
  std::vector<bench::ContenderSpec> contenders;
  for (const std::string& list : options.algorithms) {
    for (const std::string& name : bench::SplitNames(list)) {
      auto spec = roster.Parse(name);
      if (!spec.ok()) return Complain(spec.status());
      contenders.push_back(*std::move(spec));
    }
  }

  std::vector<bench::LatencyRow> rows;
  for (const int dimension : *dimensions) {
    for (const bench::ContenderSpec& contender : contenders) {
      std::string passed;  // once it has taken too long, more would take longer
      for (const int n : *observations) {
        bench::LatencyRow row{{contender, dimension, n}, {}, passed};
        if (passed.empty()) {
          auto latency = bench::MeasureLatency(row.key, measured);
          if (latency.ok()) {
            row.latency = *latency;
          } else {
            row.fault = Printable(FirstLine(latency.status().message()));
            if (latency.status().code() == Code::kDeadlineExceeded) passed = row.fault;
          }
        }
        rows.push_back(std::move(row));
      }
    }
  }
  Print(Tables(rows, *observations));
  if (!options.out.empty()) {
    for (const auto& [name, text] :
         {std::pair("/latency.csv", bench::LatencyCsv(rows)), std::pair("/latency.html", bench::LatencyHtml(rows))}) {
      const Status written = bench::WriteWhole(options.out + name, text);
      if (!written.ok()) return Complain(written);
    }
    Print(fmt::format("\nwrote {0}/latency.csv and {0}/latency.html\n", options.out));
  }
  return std::ranges::any_of(rows, [](const bench::LatencyRow& row) { return row.latency.has_value(); })
             ? kDone
             : kExperimentFailed;
}

}  // namespace

Verb MakeBenchLatencyVerb() {
  const auto o = std::make_shared<LatencyVerbOptions>();
  Verb verb{"latency", "what a suggestion costs, in processor time and memory, when there are many observations"};
  verb.Option("-a,--algorithms", &o->algorithms, "NAME, NAME(SETTING=VALUE,...), separated by commas")
      .Type("NAMES")
      .Required();
  verb.Option("--observations", &o->observations, "told of before the first suggestion").Type("N,...");
  verb.Option("--dimensions", &o->dimensions, "how many parameters").Type("D,...");
  verb.Option("--suggestions", &o->suggestions, "of each measurement, after the first one (default: 20)")
      .AtLeast(1)
      .Type("N");
  verb.Option("--limit", &o->limit, "of each measurement (default: 120)").AtLeast(1).Type("SECONDS");
  verb.Option("--out", &o->out, "folder for latency.csv and latency.html").Type("DIR");
  verb.Option("--home", &o->home, "the folder bench/ of Qalam's sources: tables and peers").Type("DIR");
  verb.run = [o](const Invocation&) { return LatencyVerb(*o); };
  return verb;
}

}  // namespace qalam
