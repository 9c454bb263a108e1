// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/environment.h"

#include <fmt/core.h>

#include <algorithm>

namespace qalam {
namespace {

constexpr std::size_t kLongestVariable = 131'071;  // the kernel's MAX_ARG_STRLEN, less the NUL

std::string VariableName(std::string_view prefix, std::string_view parameter) {
  std::string name(prefix);
  for (const char c : parameter) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
  }
  return name;
}

bool IsVariableName(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos && name.find('\0') == std::string::npos;
}

// configMapKeyRef, secretKeyRef.
void ReadKey(Objects::Kind kind, const Reader& reference, const std::string& name, const PodScope& pod,
             Variables* env) {
  const ObjectData* const data = FindObject(kind, reference, "name", pod);
  if (data == nullptr) return;
  const std::string key = reference.Text("key");
  const auto found = data->find(key);
  if (found == data->end()) {
    if (reference.Text("optional") != "true") {
      reference.Error(fmt::format("{} '{}' has no key '{}'", KindName(kind), reference.Text("name"), key));
    }
  } else if (found->second.find('\0') != std::string::npos) {
    reference.Error(fmt::format("key '{}' of {} '{}' holds a NUL byte, which no variable can: mount it as a volume",
                                key, KindName(kind), reference.Text("name")));
  } else {
    env->push_back({name, found->second, kind == Objects::Kind::kSecret});
  }
}

void ReadValueFrom(const Reader& source, const std::string& name, const std::string& container, const PodScope& pod,
                   Variables* env) {
  if (!source.IsMap()) return;
  std::optional<std::string> value;
  if (const auto field = source.Find("fieldRef")) {
    value = FieldValue(*field, pod);
  } else if (const auto resource = source.Find("resourceFieldRef")) {
    value = ResourceValue(*resource, container, pod);
  } else if (const auto config_map = source.Find("configMapKeyRef")) {
    return ReadKey(Objects::Kind::kConfigMap, *config_map, name, pod, env);
  } else if (const auto secret = source.Find("secretKeyRef")) {
    return ReadKey(Objects::Kind::kSecret, *secret, name, pod, env);
  } else {
    source.Error("takes one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef");
  }
  if (value) env->push_back({name, *std::move(value)});
}

void ReadEnvFrom(const Reader& source, const PodScope& pod, Variables* env) {
  if (!source.IsMap()) return;
  const auto config_map = source.Find("configMapRef"), secret = source.Find("secretRef");
  if (!config_map && !secret) return source.Error("takes configMapRef or secretRef");
  if (config_map && secret) return source.Error("has a configMapRef and a secretRef: one of them, or an entry each");
  const Objects::Kind kind = config_map ? Objects::Kind::kConfigMap : Objects::Kind::kSecret;
  const ObjectData* const data = FindObject(kind, config_map ? *config_map : *secret, "name", pod);
  if (data == nullptr) return;
  const std::string prefix = source.Text("prefix");
  for (const auto& [key, value] : *data) {
    if (!IsVariableName(prefix + key) || value.find('\0') != std::string::npos) {
      source.Warning(fmt::format("key '{}' is left out: it cannot be a variable", key));
    } else {
      env->push_back({prefix + key, value, kind == Objects::Kind::kSecret});
    }
  }
}

bool IsNumber(const ParameterSpec& parameter) { return parameter.type != ParameterType::kCategorical; }

}  // namespace

void WarnOfPlaceholder(const Reader& place, const std::string& text) {
  for (const char* const opening : {"${trialParameters.", "${trialSpec."}) {
    const std::size_t at = text.find(opening);
    if (at == std::string::npos) continue;
    const std::string found = text.substr(at, std::min(text.find('}', at), text.size() - 1) + 1 - at);
    place.Warning(fmt::format("{} is left as it is: trialTemplate.trialParameters has no such name", found));
  }
}

Variables TrialVariables(const CompileContext& context) {
  Variables env = {{"KATIB_TRIAL_NAME", context.trial_name},
                   {"QALAM_TRIAL_NAME", context.trial_name},
                   {"QALAM_EXPERIMENT_NAME", context.experiment_name},
                   {"PYTHONUNBUFFERED", "1"}};  // metrics are read as they are printed
  if (const std::string& address = context.report_address; !address.empty()) {
    const std::size_t colon = address.rfind(':');
    env.push_back({"QALAM_DB_MANAGER", address});
    env.push_back({"QALAM_EARLY_STOPPING", address});  // SetTrialStatus is served there too
    std::string rules;                                 // a line each, as Katib's collectors take them in -stop-rule
    for (const EarlyStoppingRule& rule : context.rules) {
      rules += fmt::format("{}{};{};{};{}", rules.empty() ? "" : "\n", rule.name, rule.value, ToString(rule.comparison),
                           rule.start_step);
    }
    if (!rules.empty()) env.push_back({"QALAM_STOP_RULES", rules});
    env.push_back(
        {"KATIB_DB_MANAGER_SERVICE_NAMESPACE", ""});  // Katib's Go programs then take the next two as they are
    env.push_back({"KATIB_DB_MANAGER_SERVICE_IP", address.substr(0, colon)});
    env.push_back({"KATIB_DB_MANAGER_SERVICE_PORT", address.substr(colon + 1)});
  }
  if (!context.checkpoint.own.empty()) {
    env.push_back({"QALAM_CHECKPOINT_DIR", context.checkpoint.own});
    env.push_back({"QALAM_RESUME_FROM", context.checkpoint.from});  // empty, so that a template may name it always
  }
  for (const Assignment& assignment : context.assignments) {
    for (const char* const prefix : {"QALAM_PARAM_", "KUBEFLOW_TRAINER_OPT_"}) {
      std::string name = VariableName(prefix, assignment.name);
      // No command could be started with a longer one: it stands in the file of parameters.
      if (name.size() + 1 + assignment.value.size() > kLongestVariable) continue;
      env.push_back({std::move(name), assignment.value});
    }
  }
  return env;
}

Variables ReadEnvironment(const Reader& container, const ImageMapEntry* image, const PodScope& pod) {
  Variables env = TrialVariables(pod.context);
  for (const Reader& source : container.Items("envFrom")) ReadEnvFrom(source, pod, &env);
  for (const Reader& variable : container.Items("env")) {
    if (!variable.IsMap()) continue;
    const std::string name = variable.Text("name");
    if (!IsVariableName(name)) {
      variable.Error(fmt::format("'{}' cannot name an environment variable", name));
    } else if (const auto source = variable.Find("valueFrom")) {
      if (!variable.Text("value").empty())
        variable.Error(fmt::format("'{}' has a value and a valueFrom: one of them", name));
      const bool mapped =
          image != nullptr && std::ranges::any_of(image->env, [&](const auto& v) { return v.first == name; });
      if (!mapped) ReadValueFrom(*source, name, container.Text("name"), pod, &env);
    } else {
      const std::string value = variable.Text("value");
      WarnOfPlaceholder(variable, value);
      Variable made{name, "", false};
      made.value = Expand(value, env, &made.secret);
      env.push_back(std::move(made));
    }
  }
  return env;
}

namespace {

// -?digits(.digits)?(e[+-]?digits)?
bool IsJsonNumber(std::string_view text) {
  const auto digits = [&text] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count > 0;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('0') && text.size() > 1 && text[1] >= '0' && text[1] <= '9') return false;
  if (!digits()) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!digits()) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!digits()) return false;
  }
  return text.empty();
}

}  // namespace

std::string ParametersJson(const CompileContext& context) {
  Node json = Node::Map();
  for (const Assignment& assignment : context.assignments) {
    // What a trial is told of a parameter that is not there may be any text.
    const bool number = IsJsonNumber(assignment.value) && context.parameters != nullptr &&
                        std::ranges::any_of(*context.parameters, [&](const ParameterSpec& parameter) {
                          return parameter.name == assignment.name && IsNumber(parameter);
                        });
    json.Set(assignment.name, Node::Scalar(number ? Node::Kind::kFloat : Node::Kind::kString, assignment.value));
  }
  return ToJson(json) + "\n";
}

}  // namespace qalam
