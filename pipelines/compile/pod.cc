// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/pod.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "pipelines/compile/container.h"
#include "pipelines/compile/image_map.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 11> kUnused = {
    "nodeSelector",   "nodeName",          "tolerations",      "affinity",      "topologySpreadConstraints",
    "volumes",        "priorityClassName", "runtimeClassName", "schedulerName", "hostNetwork",
    "securityContext"};

// The container that is the trial: the one named, or the only one.
std::optional<Reader> FindPrimary(const Reader& pod_spec, const std::vector<Reader>& containers,
                                  const std::string& name) {
  if (containers.empty()) {
    pod_spec.Error("needs containers: a list with the one that trains");
    return std::nullopt;
  }
  if (name.empty() && containers.size() == 1) return containers.front();
  std::string names;
  for (const Reader& container : containers) {
    if (container.Text("name") == name && !name.empty()) return container;
    names += (names.empty() ? "" : ", ") + container.Text("name");
  }
  pod_spec.Error(
      name.empty()
          ? fmt::format("has several containers ({}): say which one trains in "
                        "trialTemplate.primaryContainerName",
                        names)
          : fmt::format("has no container {}, which trialTemplate.primaryContainerName names; it has {}", name, names));
  return std::nullopt;
}

// Those that run to their end before the pod's containers start, and need nothing that a cluster gives.
void CompileInitContainers(const Reader& pod_spec, const CompileContext& context, Run* run) {
  for (const Reader& container : pod_spec.Items("initContainers")) {
    if (!container.IsMap()) continue;
    const std::string name = container.Text("name");
    if (container.Text("restartPolicy") == "Always") {
      container.Warning(fmt::format("{} is a sidecar, which the local engine does not run yet", name));
    } else if (container.Find("volumeMounts")) {
      container.Warning(fmt::format("{} is not run: it works on volumes, which the local engine does not have", name));
    } else if (auto step = CompileContainer(container, context)) {
      if (!run->steps.empty()) step->depends_on = {run->steps.back().name};
      run->steps.push_back(*std::move(step));
    }
  }
}

// Where the trial's metrics come out.
std::optional<MetricsSource> CompileMetrics(const Reader& primary, const CompileContext& context) {
  MetricsSource source{primary.Text("name"), ""};
  switch (context.collector.kind) {
    case CollectorKind::kStdOut: return source;
    case CollectorKind::kFile:
      source.path = context.collector.path;
      if (const ImageMapEntry* image = FindImage(context.images, primary.Text("image"))) MapPaths(*image, &source.path);
      return source;
    case CollectorKind::kTensorFlowEvent:
    case CollectorKind::kPrometheusMetric:
    case CollectorKind::kPush:
    case CollectorKind::kCustom:
    case CollectorKind::kNone: break;
  }
  primary.Error("the metrics collector of this experiment is not run by the local engine; it takes StdOut and File");
  return std::nullopt;
}

}  // namespace

std::optional<Run> CompilePod(const Reader& pod_spec, const CompileContext& context) {
  if (!pod_spec.IsMap()) return std::nullopt;
  std::vector<Reader> containers;
  for (const Reader& container : pod_spec.Items("containers")) {
    if (container.IsMap()) containers.push_back(container);
  }
  const auto primary = FindPrimary(pod_spec, containers, context.primary_container);
  for (const std::string_view name : kUnused) {
    if (const auto unused = pod_spec.Find(name)) unused->Warning("has no effect in the local engine");
  }
  if (!primary) return std::nullopt;
  Run run;
  CompileInitContainers(pod_spec, context, &run);
  auto step = CompileContainer(*primary, context);
  if (!step) return std::nullopt;
  for (const Reader& container : containers) {
    if (container.path() == primary->path()) continue;
    container.Warning(
        fmt::format("{} is not run: sidecars are not run yet by the local engine", container.Text("name")));
  }
  if (!run.steps.empty()) step->depends_on = {run.steps.back().name};
  run.steps.push_back(*std::move(step));
  run.metrics = CompileMetrics(*primary, context);
  if (const auto grace = pod_spec.Whole("terminationGracePeriodSeconds", 0, kMostSeconds)) {
    for (Step& each : run.steps) each.grace = std::chrono::seconds(*grace);
  }
  if (const auto deadline = pod_spec.Whole("activeDeadlineSeconds", 1, kMostSeconds)) {
    for (Step& each : run.steps) each.timeout = std::chrono::seconds(*deadline);
  }
  return run;
}

}  // namespace qalam
