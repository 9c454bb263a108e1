// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/pod.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "pipelines/compile/container.h"
#include "pipelines/compile/kinds.h"
#include "pipelines/compile/metrics.h"
#include "pipelines/engines/admission.h"

namespace qalam {
namespace {

constexpr std::array<std::string_view, 10> kUnused = {
    "nodeSelector",      "nodeName",         "tolerations",   "affinity",    "topologySpreadConstraints",
    "priorityClassName", "runtimeClassName", "schedulerName", "hostNetwork", "securityContext"};

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

// As Kubernetes wants it: steps and their folders are called by these names.
void CheckNamesDiffer(const Reader& pod_spec) {
  std::set<std::string_view> names;
  for (const std::string_view list : {"initContainers", "containers"}) {
    const Node* containers = pod_spec.node().Find(list);
    for (std::size_t i = 0; containers != nullptr && i < containers->items.size(); ++i) {
      const Node* name = containers->items[i].Find("name");
      if (name == nullptr || name->text.empty() || names.insert(name->text).second) continue;
      pod_spec.faults()->Error(name->position, fmt::format("{}.{}[{}].name", pod_spec.path(), list, i),
                               fmt::format("another container of this pod is called '{}' too: each wants a name of its "
                                           "own",
                                           name->text));
    }
  }
}

bool IsSidecarAmongInits(const Reader& container) { return container.Text("restartPolicy") == "Always"; }

// One that is not run is left out with a warning: a trial can do without what only stands beside it.
void CompileSidecar(const Reader& container, const PodScope& pod, bool restarts, const std::vector<std::string>& after,
                    Run* run) {
  if (!HasCommand(container, pod.context)) {
    return container.Warning(
        fmt::format("{} is left out: it has no command, and its image's own is not known here; command in it, or "
                    "command.to in an image map entry (docs/image-map.md), gives it one",
                    container.Text("name")));
  }
  auto step = CompileContainer(container, pod, run);
  if (!step) return;
  step->sidecar = true;
  step->restarts = restarts;
  step->depends_on = after;
  if (step->requests.gpu > 0) {
    container.Error(fmt::format("{} is a sidecar: let the container that trains ask for devices", step->name));
  }
  run->steps.push_back(*std::move(step));
}

std::vector<std::string> LastOf(const Run& run) {
  return run.steps.empty() ? std::vector<std::string>() : std::vector{run.steps.back().name};
}

// Each runs to its end before the next, and before the pod's containers; one that restarts always is a sidecar, which
// only has to be started.
void CompileInitContainers(const Reader& pod_spec, const PodScope& pod, Run* run) {
  for (const Reader& container : pod_spec.Items("initContainers")) {
    if (!container.IsMap()) continue;
    if (IsSidecarAmongInits(container)) {
      CompileSidecar(container, pod, true, LastOf(*run), run);
    } else if (auto step = CompileContainer(container, pod, run)) {
      step->depends_on = LastOf(*run);
      run->steps.push_back(*std::move(step));
    }
  }
}

// A pod is admitted as a whole: the trial's container asks for its sidecars too.
void SumRequests(Step* primary, Run* run) {
  for (Step& step : run->steps) {
    if (!step.sidecar) continue;
    primary->requests.cpu += step.requests.cpu;
    primary->requests.memory += step.requests.memory;
    step.requests = Resources();
  }
}

void CheckFits(const Reader& container, const Step& step, const Resources* capacity) {
  if (capacity == nullptr) return;
  const Status fits = CheckCapacity(step.name, step.requests, *capacity);
  const auto resources = container.Find("resources");
  if (!fits.ok()) (resources ? *resources : container).Error(fits.message());
}

}  // namespace

void ShortenTimeout(std::optional<long long> seconds, Run* run) {
  if (!seconds) return;
  const std::chrono::seconds limit(*seconds);
  run->timeout = run->timeout ? std::min(*run->timeout, limit) : limit;
}

std::optional<Run> CompilePod(const Reader& pod_spec, const std::optional<Reader>& metadata,
                              const CompileContext& context) {
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
  CheckNamesDiffer(pod_spec);
  const PodScope pod = MakePodScope(pod_spec, metadata, context);
  Run run;
  CompileInitContainers(pod_spec, pod, &run);
  const std::vector<std::string> after = LastOf(run);
  const bool restarts = pod_spec.Text("restartPolicy") == "OnFailure";
  for (const Reader& container : containers) {
    if (container.path() != primary->path()) CompileSidecar(container, pod, restarts, after, &run);
  }
  auto step = CompileContainer(*primary, pod, &run);
  if (!step) return std::nullopt;
  step->depends_on = after;
  CompileMetrics(*primary, pod, &*step, &run);
  SumRequests(&*step, &run);
  CheckFits(*primary, *step, context.capacity);
  run.steps.push_back(*std::move(step));
  if (const auto grace = pod_spec.Whole("terminationGracePeriodSeconds", 0, kMostSeconds)) {
    for (Step& each : run.steps) each.grace = std::chrono::seconds(*grace);
  }
  ShortenTimeout(pod_spec.Whole("activeDeadlineSeconds", 1, kMostSeconds), &run);
  return run;
}

// Its restartPolicy is not ours to follow: what fails is a result, and Always, which is what none means, never ends.
std::optional<Run> CompileBarePod(const Reader& manifest, const CompileContext& context) {
  const auto spec = manifest.Find("spec");
  if (!spec) {
    manifest.Error("a Pod needs spec with containers");
    return std::nullopt;
  }
  return CompilePod(*spec, manifest.Find("metadata"), context);
}

}  // namespace qalam
