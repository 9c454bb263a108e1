// SPDX-License-Identifier: Apache-2.0
// What the containers of one pod have in common, and what Kubernetes' downward API says of it here.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "pipelines/compile/compile.h"
#include "pipelines/compile/objects.h"
#include "pipelines/compile/reader.h"

namespace qalam {

struct ContainerResources {
  Resources requests, limits;
};

struct PodScope {
  const CompileContext& context;
  std::map<std::string, std::string> labels, annotations;
  std::string service_account = "default", host_name, node_name;
  std::map<std::string, ContainerResources> resources;  // by container
  std::map<std::string, Reader> volumes;                // by name
};

// `metadata`: the pod's, absent where the template has none.
PodScope MakePodScope(const Reader& pod_spec, const std::optional<Reader>& metadata, const CompileContext& context);

// fieldRef. nullopt with a fault said: a field that has no meaning here.
std::optional<std::string> FieldValue(const Reader& field, const PodScope& pod);
// resourceFieldRef; `container` is whose it is when containerName is not written.
std::optional<std::string> ResourceValue(const Reader& field, const std::string& container, const PodScope& pod);

// The ConfigMap or Secret that `reference` names (in `name_field`: "name", "secretName"). nullptr: it is optional, or a
// fault has been said.
const ObjectData* FindObject(Objects::Kind kind, const Reader& reference, const char* name_field, const PodScope& pod);

}  // namespace qalam
