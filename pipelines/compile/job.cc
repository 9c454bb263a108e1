// SPDX-License-Identifier: Apache-2.0
// batch/v1 Job: one pod, repeated on failure as often as backoffLimit says. Kubernetes' default of six would repeat
// hopeless trials for minutes, and a trial's failure is a result: without a written limit nothing is repeated.
#include <array>

#include "pipelines/compile/kinds.h"
#include "pipelines/compile/pod.h"

namespace qalam {
namespace {

constexpr long long kMostRetries = 1'000;
constexpr std::array<std::string_view, 4> kSinglePod = {"parallelism", "completions", "completionMode",
                                                        "backoffLimitPerIndex"};

}  // namespace

std::optional<Run> CompileJob(const Reader& manifest, const CompileContext& context) {
  const auto spec = manifest.Find("spec");
  const auto pod_template = spec ? spec->Find("template") : std::nullopt;
  const auto pod_spec = pod_template ? pod_template->Find("spec") : std::nullopt;
  if (!pod_spec) {
    (pod_template ? *pod_template : spec ? *spec : manifest).Error("a Job needs spec.template.spec with containers");
    return std::nullopt;
  }
  for (const std::string_view name : kSinglePod) {
    const auto found = spec->Find(name);
    if (found && found->node().text != "1" && found->node().text != "NonIndexed") {
      found->Warning("has no effect in the local engine: it runs one pod a trial");
    }
  }
  if (const auto suspend = spec->Find("suspend"); suspend && suspend->node().text == "true") {
    suspend->Warning("has no effect: a trial is started when it is its turn");
  }
  std::optional<Run> run = CompilePod(*pod_spec, pod_template->Find("metadata"), context);
  const auto retries = spec->Whole("backoffLimit", 0, kMostRetries);
  const auto deadline = spec->Whole("activeDeadlineSeconds", 1, kMostSeconds);
  if (!run) return std::nullopt;
  for (Step& step : run->steps) {
    if (retries) step.retries = static_cast<int>(*retries);
  }
  ShortenTimeout(deadline, &*run);
  return run;
}

}  // namespace qalam
