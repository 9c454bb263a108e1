// SPDX-License-Identifier: Apache-2.0
#include "cli/services.h"

#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/decimal.h"
#include "experiment/fields.h"
#include "experiment/read.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

constexpr const char* kApiVersion = "config.kubeflow.org/v1beta1";

std::string Absolute(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

// "30s", "1500ms", "2m", "1h".
std::optional<milliseconds> ParseDuration(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number <= 0) return std::nullopt;
  const std::string_view word(unit, static_cast<std::size_t>(end - unit));
  const double scale = word == "ms" ? 1 : word == "s" ? 1e3 : word == "m" ? 60e3 : word == "h" ? 3600e3 : 0;
  if (scale == 0 || number * scale < 1 || number * scale > 24 * 3600e3) return std::nullopt;
  return milliseconds(static_cast<long>(number * scale));
}

// Empty: it is one.
std::string EndpointFault(const std::string& endpoint) {
  if (endpoint.starts_with("unix:")) return endpoint.size() > 5 ? "" : "has no path after 'unix:'";
  const std::size_t colon = endpoint.rfind(':');
  int port = 0;
  const char* const end = endpoint.data() + endpoint.size();
  if (colon != std::string::npos && colon > 0) {
    const auto [at, error] = std::from_chars(endpoint.data() + colon + 1, end, port);
    if (error == std::errc() && at == end && port > 0 && port < 65'536) return "";
  }
  return fmt::format("'{}' is no address: it must be HOST:PORT, or unix:PATH for a socket", endpoint);
}

class ConfigReader {
 public:
  ConfigReader(std::string folder, const ImageMap* images, Services* services)
      : folder_(std::move(folder)), images_(images), services_(*services) {}

  void Read(const Node& document, FaultList* faults) {
    Fields config(&document, "", {}, faults);
    if (!config.present()) return;
    const auto api = config.Text("apiVersion");
    if (!api) {
      config.Error("apiVersion", fmt::format("is missing: it must be {}", kApiVersion));
    } else if (*api != kApiVersion) {
      config.NotOneOf("apiVersion", *api, {kApiVersion});
    }
    if (const auto kind = config.Text("kind"); kind != "KatibConfig") {
      config.Error("kind", kind ? fmt::format("'{}' is not read here: it must be KatibConfig", *kind)
                                : "is missing: it must be KatibConfig");
    }
    Fields runtime = config.Map("runtime");
    ReadEntries(&runtime, "suggestions", &services_.suggestions);
    ReadEntries(&runtime, "earlyStoppings", &services_.early_stoppings);
    for (const ListItem& item : runtime.List("metricsCollectors")) {
      Fields collector(item, faults);
      collector.Finish({"kind", "image", "imagePullPolicy", "resource", "resources", "waitAllProcesses"});
    }
    runtime.Finish();
    config.Finish({"init", "metadata"});
  }

 private:
  void ReadEntries(Fields* runtime, const char* key, std::map<std::string, ServiceSpec>* into) {
    std::map<std::string, int> seen;
    for (const ListItem& item : runtime->List(key)) {
      Fields entry(item, &runtime->faults());
      if (!entry.present()) continue;
      const std::optional<std::string> name = entry.Text("algorithmName");
      if (!name || name->empty()) {
        entry.Error("algorithmName", "is missing: the name that an Experiment's algorithmName says");
      } else if (!seen.emplace(*name, entry.At("algorithmName").line).second) {
        entry.Error("algorithmName", fmt::format("'{}' has an entry at line {} already", *name, seen[*name]));
      }
      const std::string image = entry.Text("image").value_or("");
      std::optional<ServiceSpec> service = ReadService(&entry, image);
      // Of the pod that Katib makes: none of it means anything to a process.
      entry.Finish({"imagePullPolicy",
                    "imagePullSecrets",
                    "resource",
                    "resources",
                    "name",
                    "ports",
                    "volumeMounts",
                    "volumeMountPath",
                    "persistentVolumeClaimSpec",
                    "persistentVolumeSpec",
                    "persistentVolumeLabels",
                    "serviceAccountName",
                    "securityContext",
                    "livenessProbe",
                    "readinessProbe",
                    "startupProbe",
                    "lifecycle",
                    "envFrom",
                    "terminationMessagePath",
                    "terminationMessagePolicy",
                    "stdin",
                    "tty"});
      if (!name || name->empty()) continue;
      if (service) {
        (*into)[*name] = *std::move(service);
      } else if (!image.empty()) {
        services_.bare.emplace(*name, image);
      }
    }
  }

  std::optional<ServiceSpec> ReadService(Fields* entry, const std::string& image) {
    ServiceSpec service;
    const std::vector<std::string> command = entry->Texts("command"), args = entry->Texts("args");
    service.command = command;
    if (!command.empty()) service.command.insert(service.command.end(), args.begin(), args.end());
    service.env = ReadEnv(entry);
    service.working_dir = Absolute(folder_, entry->Text("workingDir").value_or("."));
    if (const auto endpoint = entry->Text("endpoint")) {
      if (const std::string fault = EndpointFault(*endpoint); !fault.empty()) entry->Error("endpoint", fault);
      service.endpoint = endpoint->starts_with("unix:") ? "unix:" + Absolute(folder_, endpoint->substr(5)) : *endpoint;
    }
    ReadDuration(entry, "startup", &service.startup);
    ReadDuration(entry, "deadline", &service.deadline);
    service.restarts = entry->Count("restarts").value_or(service.restarts);
    if (service.restarts < 0) entry->Error("restarts", fmt::format("{} must not be negative", service.restarts));
    service.shared = entry->Flag("shared").value_or(false);
    if (service.command.empty() && service.endpoint.empty()) {
      const ImageMapEntry* mapped = FindImage(images_, image);
      if (mapped == nullptr || mapped->command_to.empty()) {
        if (image.empty()) {
          entry->Error("algorithmName",
                       "needs one of: command (a list of words: the program to start), endpoint (HOST:PORT of one that "
                       "runs), image (with --image-map)");
        }
        return std::nullopt;
      }
      service.command = mapped->command_to;
      service.env.insert(service.env.end(), mapped->env.begin(), mapped->env.end());
    }
    for (std::string& word : service.command) {
      if (word.starts_with("./") || word.starts_with("../")) word = Absolute(folder_, word);
    }
    return service;
  }

  static void ReadDuration(Fields* entry, const char* key, milliseconds* into) {
    const auto text = entry->Text(key);
    if (!text) return;
    const auto duration = ParseDuration(*text);
    if (!duration) return entry->Error(key, fmt::format("'{}' is no duration: 500ms, 30s, 2m, at most 24h", *text));
    *into = *duration;
  }

  // Kubernetes' list of {name, value}, or a map.
  std::vector<std::pair<std::string, std::string>> ReadEnv(Fields* entry) {
    std::vector<std::pair<std::string, std::string>> env;
    const Node* node = entry->Take("env");
    if (node != nullptr && node->kind == Node::Kind::kMap) {
      for (auto& [name, value] : entry->TextMap("env")) env.emplace_back(name, value);
      return env;
    }
    for (const ListItem& item : entry->List("env")) {
      Fields variable(item, &entry->faults());
      const auto name = variable.Text("name");
      if (variable.present() && (!name || name->empty())) variable.Error("name", "is missing: the variable's name");
      if (variable.Take("valueFrom") != nullptr)
        variable.Warning("valueFrom", "is not followed here: a command inherits the variables of qalam");
      const auto value = variable.Text("value");
      variable.Finish();
      if (name && value) env.emplace_back(*name, *value);
    }
    return env;
  }

  const std::string folder_;
  const ImageMap* images_;
  Services& services_;
};

}  // namespace

void ReadKatibConfig(const Node& document, const std::string& folder, const ImageMap* images, bool strict,
                     Services* services, Diagnostics* faults) {
  FaultList list(strict);
  ConfigReader(folder, images, services).Read(document, &list);
  list.MoveTo(faults);
}

std::string BareAdvice(const std::string& algorithm, const std::string& image, const std::string& config) {
  return fmt::format(
      "{} names an image alone for '{}' ({}), and images are not run here: add to its entry a command (command: "
      "[python3, ./service.py, \"{{port}}\"]) or the endpoint of one that runs (endpoint: 127.0.0.1:6789), or give its "
      "image a command in --image-map",
      config, algorithm, image);
}

std::string ServiceText(const ServiceSpec& service) {
  ServiceSpec plain;
  plain.endpoint = service.endpoint;
  plain.working_dir = service.working_dir;
  if (service.command.empty() && service == plain) return service.endpoint;
  Node node = Node::Map();
  if (!service.endpoint.empty()) node.Set("endpoint", Node::String(service.endpoint));
  if (!service.command.empty()) {
    Node& command = node.Set("command", Node::Sequence());
    for (const std::string& word : service.command) command.Add(Node::String(word));
    if (!service.env.empty()) {
      Node& env = node.Set("env", Node::Map());
      for (const auto& [name, value] : service.env) env.Set(name, Node::String(value));
    }
    node.Set("workingDir", Node::String(service.working_dir));
    node.Set("startup", Node::String(fmt::format("{}ms", service.startup.count())));
    node.Set("restarts", Node::Int(service.restarts));
    if (service.shared) node.Set("shared", Node::Bool(true));
  }
  node.Set("deadline", Node::String(fmt::format("{}ms", service.deadline.count())));
  return ToJson(node);
}

Result<ServiceSpec> ParseService(const std::string& text) {
  ServiceSpec service;
  if (!text.starts_with('{')) {
    service.endpoint = text;
    return service;
  }
  QALAM_TRY(const Node node, ReadJson(text));
  // The same fields as an entry of a KatibConfig, read by the same code.
  Node entry = node;
  entry.Set("algorithmName", Node::String("a"));
  Node list = Node::Sequence();
  list.Add(std::move(entry));
  Node runtime = Node::Map();
  runtime.Set("suggestions", std::move(list));
  Node config = Node::Map();
  config.Set("apiVersion", Node::String(kApiVersion));
  config.Set("kind", Node::String("KatibConfig"));
  config.Set("runtime", std::move(runtime));
  Services services;
  Diagnostics faults;
  ReadKatibConfig(config, "/", nullptr, false, &services, &faults);
  if (faults.HasErrors() || services.suggestions.empty())
    return InvalidArgument("'{}' says no service: {}", text, Render(faults));
  return services.suggestions.begin()->second;
}

}  // namespace qalam
