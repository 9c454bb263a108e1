// SPDX-License-Identifier: Apache-2.0
// What holds of every collector, whatever a trial prints: the points do not depend on where the bytes were cut, and
// one that begins where another stopped goes on as that one would have.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/metrics/collector.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

inline std::string Told(const std::vector<MetricPoint>& points) {
  std::string out;
  for (const MetricPoint& p : points) {
    out += fmt::format("{}={} at {} step {}\n", p.name, p.value, p.time.time_since_epoch().count(),
                       p.step ? std::to_string(*p.step) : "none");
  }
  return out;
}

inline Status TryCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective, std::string_view output) {
  Result<std::unique_ptr<Collector>> whole = MakeCollector(spec, objective);
  const bool taken = std::ranges::all_of(spec.filters, [](const std::string& f) { return CheckFilter(f).ok(); });
  if (whole.ok() != taken) return Broken("the check of a filter and its use disagree", whole.status().message(), "");
  if (!whole.ok()) return OkStatus();
  std::vector<MetricPoint> points;
  (*whole)->Feed(output, &points);
  (*whole)->Finish(&points);
  (void)(*whole)->Diagnosis();

  for (const std::size_t cut : {output.size() / 3, output.size() / 2, output.empty() ? 0 : output.size() - 1}) {
    std::vector<MetricPoint> pieces;
    Collector& first = **(whole = MakeCollector(spec, objective));
    first.Feed(output.substr(0, cut), &pieces);
    const std::int64_t consumed = first.consumed();
    if (consumed < 0 || consumed > static_cast<std::int64_t>(cut))
      return Broken("consumed() is not within what was fed", std::to_string(consumed), std::to_string(cut));
    std::vector<MetricPoint> resumed = pieces;
    Result<std::unique_ptr<Collector>> second = MakeCollector(spec, objective, consumed, first.lines());
    (*second)->Feed(output.substr(static_cast<std::size_t>(consumed)), &resumed);
    (*second)->Finish(&resumed);
    first.Feed(output.substr(cut), &pieces);
    first.Finish(&pieces);
    if (Told(pieces) != Told(points)) return Broken("cut in two, other points come out", Told(pieces), Told(points));
    if (Told(resumed) != Told(points)) return Broken("after a restart, other points", Told(resumed), Told(points));
    if ((*second)->lines() != first.lines() || (*second)->consumed() != first.consumed())
      return Broken("after a restart, another place", std::to_string((*second)->lines()),
                    std::to_string(first.lines()));
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
