// SPDX-License-Identifier: Apache-2.0
// Pages in Prometheus' text format, with a form feed between them.
#include <algorithm>
#include <map>

#include "tests/fuzz/targets/metrics.h"

namespace qalam::fuzz {

Status TryMetricsPrometheus(std::string_view input) {
  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kPrometheusMetric;
  spec.path = "/metrics";
  ObjectiveSpec objective;
  objective.metric_name = "loss";
  objective.additional_metric_names = {"accuracy{set=\"test\"}"};
  std::vector<std::string_view> pages;
  for (std::string_view rest = input; pages.empty() || !rest.empty();) {
    pages.push_back(rest.substr(0, rest.find('\f')));
    rest.remove_prefix(std::min(pages.back().size() + 1, rest.size()));
  }
  std::vector<MetricPoint> points;
  std::size_t at_half = 0;
  const auto collector = *MakeCollector(spec, objective);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (i == pages.size() / 2) at_half = points.size();
    collector->Feed(pages[i], &points);
  }
  (void)collector->Diagnosis();

  // A page that is shown again says nothing new.
  std::vector<MetricPoint> again;
  collector->Feed(pages.back(), &again);
  if (!again.empty()) return Broken("a page shown again gives new points", Told(again), "");

  // Who begins with what is stored does not report it again when a page still shows it.
  const auto second = *MakeCollector(spec, objective);
  std::map<std::string, std::string> last;
  for (std::size_t i = 0; i < at_half; ++i) second->Know(points[i]), last[points[i].name] = points[i].value;
  std::vector<MetricPoint> resumed;
  second->Feed(pages[pages.size() / 2], &resumed);
  for (const MetricPoint& point : resumed) {
    if (const auto known = last.find(point.name); known != last.end() && known->second == point.value)
      return Broken("after a restart what is stored comes again", Told(resumed), Told(points));
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
