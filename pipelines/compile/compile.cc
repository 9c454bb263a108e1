// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/compile.h"

#include <fmt/core.h>

#include <array>

#include "pipelines/compile/kinds.h"

namespace qalam {
namespace {

struct Kind {
  std::string_view name;  // apiVersion, a space, kind
  std::optional<Run> (*compile)(const Reader& manifest, const CompileContext& context);
};

constexpr std::array kKinds = {
    Kind{"batch/v1 Job", &CompileJob},
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
  (at ? *at : manifest).Error(fmt::format("{} is not run by the local engine; it takes {}", found, KnownKinds()));
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
  return run;
}

}  // namespace qalam
