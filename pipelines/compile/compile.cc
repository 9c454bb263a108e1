// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/compile.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "pipelines/compile/checkpoint.h"
#include "pipelines/compile/expand.h"
#include "pipelines/compile/kinds.h"

namespace qalam {
namespace {

struct Kind {
  std::string_view name;  // apiVersion, a space, kind
  std::optional<Run> (*compile)(const Reader& manifest, const CompileContext& context);
};

constexpr std::array kKinds = {
    Kind{"batch/v1 Job", &CompileJob},
    Kind{"v1 Pod", &CompileBarePod},
};

// Kinds that people bring from a cluster, and what becomes of them here.
struct Known {
  std::string_view kind, fate;
};
constexpr std::string_view kTraining = "training kinds become local processes in a later version; until then";
constexpr std::string_view kWorkflow = "workflows become steps in a later version; until then";
constexpr std::array kKnown = {
    Known{"PyTorchJob", kTraining},
    Known{"TFJob", kTraining},
    Known{"XGBoostJob", kTraining},
    Known{"PaddleJob", kTraining},
    Known{"JAXJob", kTraining},
    Known{"MPIJob", kTraining},
    Known{"TrainJob", kTraining},
    Known{"Workflow", kWorkflow},
    Known{"PipelineRun", kWorkflow},
    Known{"CronJob", "a trial runs once:"},
    Known{"Deployment", "a trial ends, which a Deployment does not:"},
};

std::string KnownKinds() {
  std::string list;
  for (const Kind& kind : kKinds) list.append(list.empty() ? "" : ", ").append(kind.name);
  return list;
}

std::optional<Run> CompileKind(const Reader& manifest, const CompileContext& context) {
  const std::string version = manifest.Text("apiVersion"), name = manifest.Text("kind");
  for (const Kind& kind : kKinds) {
    if (kind.name == version + ' ' + name) return kind.compile(manifest, context);
  }
  const auto at = manifest.Find("kind");
  const std::string found = name.empty()      ? "a template without a kind"
                            : version.empty() ? name
                                              : fmt::format("{} ({})", name, version);
  const auto known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.kind == name; });
  (at ? *at : manifest)
      .Error(known == kKnown.end()
                 ? fmt::format("{} is not run by the local engine; it takes {}", found, KnownKinds())
                 : fmt::format("{} is not run by the local engine: {} it takes {}", found, known->fate, KnownKinds()));
  return std::nullopt;
}

}  // namespace

std::vector<std::string_view> CompilableKinds() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kKinds) names.push_back(kind.name);
  return names;
}

std::optional<Run> Compile(const Node& manifest, const CompileContext& context, Diagnostics* faults) {
  Diagnostics own;
  const Reader reader(manifest, "", &own);
  std::optional<Run> run;
  if (reader.IsMap()) run = CompileKind(reader, context);
  AddAll(own, faults);
  if (own.HasErrors()) return std::nullopt;
  if (run) RestoreDollars(&*run);
  if (run) AddCheckpoint(context.checkpoint, &*run);
  return run;
}

}  // namespace qalam
