// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/pod_scope.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>

#include "pipelines/compile/quantity.h"
#include "pipelines/compile/resources.h"
#include "pipelines/engines/admission.h"

namespace qalam {
namespace {

using TextMap = std::map<std::string, std::string>;

TextMap ReadTextMap(const Reader& metadata, const char* field) {
  TextMap map;
  const auto found = metadata.Find(field);
  if (!found || !found->IsMap()) return map;
  for (const Node::Entry& entry : found->entries()) map[entry.key] = found->Text(entry.key);
  return map;
}

std::string MachineName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 && *name != '\0' ? name : "localhost";
}

// A pod's uid, always the same for the same trial.
std::string UidOf(const std::string& trial) {
  std::uint64_t halves[2] = {14695981039346656037ULL, 1099511628211ULL};
  for (std::uint64_t& half : halves) {
    for (const char c : trial) half = (half ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", halves[0] >> 32, halves[0] >> 16 & 0xffff,
                     halves[0] & 0xfff, halves[1] >> 52, halves[1] & 0xffffffffffffULL);
}

// As the downward API prints a map: name="value", a line each.
std::string MapText(const TextMap& map) {
  std::string text;
  for (const auto& [name, value] : map) {
    std::string quoted;
    for (const char c : value)
      quoted += c == '"' || c == '\\' ? fmt::format("\\{}", c) : c == '\n' ? "\\n" : std::string(1, c);
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : "\n", name, quoted);
  }
  return text;
}

// metadata.labels['team'].
std::optional<std::string> Subscript(const std::string& path, const std::string& of) {
  const std::string open = of + "['";
  if (!path.starts_with(open) || !path.ends_with("']")) return std::nullopt;
  return path.substr(open.size(), path.size() - open.size() - 2);
}

std::optional<double> AmountOf(const ContainerResources& of, const std::string& name) {
  if (name == "limits.cpu") return of.limits.cpu > 0 ? of.limits.cpu : Admission::ThisMachine().cpu;
  if (name == "limits.memory") {
    return static_cast<double>(of.limits.memory > 0 ? of.limits.memory : Admission::ThisMachine().memory);
  }
  if (name == "requests.cpu") return of.requests.cpu;
  if (name == "requests.memory") return static_cast<double>(of.requests.memory);
  return std::nullopt;
}

}  // namespace

PodScope MakePodScope(const Reader& pod_spec, const std::optional<Reader>& metadata, const CompileContext& context) {
  PodScope pod{context, {}, {}, "default", context.trial_name, MachineName(), {}, {}};
  if (metadata && metadata->IsMap()) {
    pod.labels = ReadTextMap(*metadata, "labels");
    pod.annotations = ReadTextMap(*metadata, "annotations");
  }
  pod.labels["katib.kubeflow.org/experiment"] = context.experiment_name;
  for (const char* const name : {"katib.kubeflow.org/trial", "batch.kubernetes.io/job-name", "job-name"}) {
    pod.labels[name] = context.trial_name;
  }
  if (const std::string name = pod_spec.Text("serviceAccountName"); !name.empty()) pod.service_account = name;
  if (const std::string name = pod_spec.Text("hostname"); !name.empty()) pod.host_name = name;
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Reader& container : pod_spec.Items(list)) {
      if (container.node().kind != Node::Kind::kMap) continue;
      Diagnostics said_elsewhere;
      const Reader quiet(container.node(), container.path(), &said_elsewhere);
      pod.resources[quiet.Text("name")] = ReadResources(quiet);
    }
  }
  for (const Reader& volume : pod_spec.Items("volumes")) {
    if (!volume.IsMap()) continue;
    const std::string name = volume.Text("name");
    if (!pod.volumes.emplace(name, volume).second) volume.Error(fmt::format("two volumes are named '{}'", name));
  }
  return pod;
}

std::optional<std::string> FieldValue(const Reader& field, const PodScope& pod) {
  const std::string path = field.Text("fieldPath");
  if (const auto key = Subscript(path, "metadata.labels")) {
    const auto found = pod.labels.find(*key);
    return found == pod.labels.end() ? "" : found->second;
  }
  if (const auto key = Subscript(path, "metadata.annotations")) {
    const auto found = pod.annotations.find(*key);
    return found == pod.annotations.end() ? "" : found->second;
  }
  if (path == "metadata.name") return pod.context.trial_name;
  if (path == "metadata.namespace") return pod.context.namespace_name;
  if (path == "metadata.uid") return UidOf(pod.context.trial_name);
  if (path == "metadata.labels") return MapText(pod.labels);
  if (path == "metadata.annotations") return MapText(pod.annotations);
  if (path == "spec.nodeName") return pod.node_name;
  if (path == "spec.serviceAccountName") return pod.service_account;
  if (path == "status.podIP" || path == "status.podIPs" || path == "status.hostIP" || path == "status.hostIPs") {
    return "127.0.0.1";
  }
  field.Error(
      fmt::format("'{}' is no field of a pod that a command may ask for; these are: metadata.name, "
                  "metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], "
                  "spec.nodeName, spec.serviceAccountName, status.podIP, status.hostIP",
                  path));
  return std::nullopt;
}

std::optional<std::string> ResourceValue(const Reader& field, const std::string& container, const PodScope& pod) {
  const std::string named = field.Text("containerName"), resource = field.Text("resource");
  const auto found = pod.resources.find(named.empty() ? container : named);
  if (found == pod.resources.end()) {
    field.Error(fmt::format("there is no container '{}'", named));
    return std::nullopt;
  }
  const auto amount = AmountOf(found->second, resource);
  if (!amount) {
    field.Error(fmt::format("'{}' is not known here; limits.cpu, limits.memory, requests.cpu and requests.memory are",
                            resource));
    return std::nullopt;
  }
  double divisor = 1;
  if (const std::string text = field.Text("divisor"); !text.empty() && text != "0") {
    const auto parsed = ParseQuantity(text);
    if (!parsed.ok()) {
      field.Error(parsed.status().message());
      return std::nullopt;
    }
    divisor = *parsed;
  }
  return fmt::format("{:.0f}", std::ceil(*amount / divisor - 1e-9));
}

const ObjectData* FindObject(Objects::Kind kind, const Reader& reference, const char* name_field, const PodScope& pod) {
  const std::string name = reference.Text(name_field);
  const Objects* const objects = pod.context.objects;
  const ObjectData* const found = objects == nullptr ? nullptr : objects->Find(kind, pod.context.namespace_name, name);
  if (found == nullptr && reference.Text("optional") != "true") {
    reference.Error(
        fmt::format("{} '{}' was not given: put its document beside the Experiment in the same file, or name "
                    "its file with -f",
                    KindName(kind), name));
  }
  return found;
}

}  // namespace qalam
