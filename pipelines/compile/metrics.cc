// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/metrics.h"

#include <fmt/core.h>

#include <algorithm>

#include "pipelines/compile/container.h"
#include "pipelines/compile/image_map.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

constexpr const char* kVolume = "metrics-volume";  // as Katib names it
constexpr const char* kDbManager = "katib-db-manager.kubeflow";

// The folder of the metrics file, or the folder that is named.
std::string FolderOf(const MetricsCollectorSpec& collector) {
  std::string folder = collector.path;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return collector.directory ? folder : folder.substr(0, folder.rfind('/'));
}

// Both see the same folder there: a volume that the trial mounts already, or one made for them.
void ShareFolder(const std::string& folder, Step* trial, Step* collector, Run* run) {
  if (folder.empty()) return;
  const auto covers = [&](const Mount& mount) { return MatchPath(folder, 0, mount.path) != std::string_view::npos; };
  if (std::ranges::any_of(collector->mounts, covers)) return;
  const auto mounted = std::ranges::find_if(trial->mounts, covers);
  if (mounted != trial->mounts.end()) {
    collector->mounts.push_back(*mounted);
    return;
  }
  Volume volume;
  volume.name = kVolume;
  run->volumes.push_back(volume);
  for (Step* step : {trial, collector}) step->mounts.push_back({kVolume, folder, "", false});
}

void CompileCollector(const PodScope& pod, const Reader& primary, Step* trial, Run* run) {
  const MetricsCollectorSpec& spec = pod.context.collector;
  const Reader container(spec.custom, "spec.metricsCollectorSpec.collector.customCollector", primary.faults());
  auto step = CompileContainer(container, pod, run);
  if (!step) return;
  step->sidecar = true;
  step->depends_on = trial->depends_on;
  ShareFolder(FolderOf(spec), trial, &*step, run);
  run->metrics = MetricsSource{.step = step->name};
  run->steps.push_back(*std::move(step));
}

}  // namespace

void CompileMetrics(const Reader& primary, const PodScope& pod, Step* step, Run* run) {
  const CompileContext& context = pod.context;
  MetricsSource source{.step = primary.Text("name")};
  const auto lead_to = [&](const std::string& path) {
    source.path = path;
    if (const ImageMapEntry* image = FindImage(context.images, primary.Text("image"))) MapPaths(*image, &source.path);
    while (source.path.size() > 1 && source.path.ends_with('/')) source.path.pop_back();
  };
  const auto report = [&] {
    if (context.report_address.empty()) return;
    const std::string host = context.report_address.substr(0, context.report_address.find(':'));
    run->reports = ReportPlace{kDbManager, host, context.namespace_name};
  };
  switch (context.collector.kind) {
    case CollectorKind::kStdOut: break;
    case CollectorKind::kFile: lead_to(context.collector.path); break;
    case CollectorKind::kTensorFlowEvent:
      source.kind = MetricsSource::Kind::kEvents;
      lead_to(context.collector.path);
      break;
    case CollectorKind::kPrometheusMetric:
      source.kind = MetricsSource::Kind::kPage;
      source.path = context.collector.path;
      source.port = context.collector.port;
      break;
    case CollectorKind::kPush:
    case CollectorKind::kNone: return report();
    case CollectorKind::kCustom: report(); return CompileCollector(pod, primary, step, run);
  }
  run->metrics = std::move(source);
}

}  // namespace qalam
