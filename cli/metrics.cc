// SPDX-License-Identifier: Apache-2.0
// qalam metrics: counters for Prometheus, under Katib's names, in its text format.
#include <fmt/core.h>

#include <array>
#include <string_view>
#include <utility>

#include "cli/lookup.h"
#include "cli/verbs.h"
#include "store/counters.h"

namespace qalam {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kHelp = {{
    {"katib_experiment_created_total", "experiments created"},
    {"katib_experiment_deleted_total", "experiments deleted"},
    {"katib_experiment_failed_total", "experiments that failed"},
    {"katib_experiment_succeeded_total", "experiments that succeeded"},
    {"katib_experiments_current", "experiments that are there, by status"},
    {"katib_trial_created_total", "trials created"},
    {"katib_trial_deleted_total", "trials deleted, with their experiments"},
    {"katib_trial_failed_total", "trials that failed"},
    {"katib_trial_metrics_unavailable_total", "trials that ended without their objective metric"},
    {"katib_trial_succeeded_total", "trials that succeeded"},
    {"katib_trials_current", "trials that are there, by status"},
    {"qalam_trials_repeated_current", "trials with the assignments of an earlier one of their experiment"},
}};

std::string Text(const std::vector<Sample>& samples) {
  std::string out;
  std::string_view before;
  for (const Sample& sample : samples) {
    if (sample.name != before) {
      for (const auto& [name, help] : kHelp)
        if (name == sample.name)
          out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                             name.ends_with("_total") ? "counter" : "gauge");
    }
    before = sample.name;
    out += fmt::format("{}{{namespace=\"{}\"{}}} {}\n", sample.name, sample.namespace_name,
                       sample.status.empty() ? "" : fmt::format(",status=\"{}\"", sample.status), sample.value);
  }
  return out;
}

int MetricsVerb(const std::string& db) {
  const Result<std::vector<Sample>> samples = ReadCounters(db);
  if (!samples.ok()) return Complain(samples.status());
  Print(Text(*samples));
  return kDone;
}

}  // namespace

Verb MakeMetricsVerb() {
  const auto db = std::make_shared<std::string>(kDefaultDatabase);
  Verb metrics{"metrics", "counters for Prometheus, under Katib's names"};
  AddDatabase(&metrics, db.get());
  metrics.run = [db](const Invocation&) { return MetricsVerb(*db); };
  return metrics;
}

}  // namespace qalam
