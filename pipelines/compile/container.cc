// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/container.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "pipelines/compile/image_map.h"
#include "pipelines/compile/quantity.h"
#include "pipelines/engines/admission.h"
#include "pipelines/engines/run_plan.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

const std::string* FindVariable(const Variables& variables, std::string_view name) {
  const auto found =
      std::find_if(variables.rbegin(), variables.rend(), [name](const auto& v) { return v.first == name; });
  return found == variables.rend() ? nullptr : &found->second;
}

std::string VariableName(std::string_view prefix, std::string_view parameter) {
  std::string name(prefix);
  for (const char c : parameter) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name += lower ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_';
  }
  return name;
}

// What every trial finds in its environment, whatever its template says.
Variables TrialVariables(const CompileContext& context) {
  Variables env = {{"KATIB_TRIAL_NAME", context.trial_name},
                   {"QALAM_TRIAL_NAME", context.trial_name},
                   {"QALAM_EXPERIMENT_NAME", context.experiment_name},
                   {"PYTHONUNBUFFERED", "1"}};  // metrics are read as they are printed
  for (const Assignment& assignment : context.assignments) {
    env.emplace_back(VariableName("QALAM_PARAM_", assignment.name), assignment.value);
    env.emplace_back(VariableName("KUBEFLOW_TRAINER_OPT_", assignment.name), assignment.value);
  }
  return env;
}

// Kubernetes' $(NAME), for names that are there; "$$(NAME)" is the text $(NAME). All else stays as it is, so that a
// parameter's value arrives byte for byte.
std::string Expand(const std::string& text, const Variables& variables) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find("$(", at);
    const std::size_t close = open == std::string::npos ? open : text.find(')', open);
    if (close == std::string::npos) return out.append(text, at);
    const std::string* value = FindVariable(variables, std::string_view(text).substr(open + 2, close - open - 2));
    const bool escaped = open > at && text[open - 1] == '$';
    if (value == nullptr) {
      out.append(text, at, open + 2 - at);
      at = open + 2;
    } else if (escaped) {
      out.append(text, at, open - 1 - at).append(text, open, close + 1 - open);
      at = close + 1;
    } else {
      out.append(text, at, open - at).append(*value);
      at = close + 1;
    }
  }
  return out;
}

void WarnOfPlaceholder(const Reader& place, const std::string& text) {
  for (const char* const opening : {"${trialParameters.", "${trialSpec."}) {
    const std::size_t at = text.find(opening);
    if (at == std::string::npos) continue;
    const std::string found = text.substr(at, std::min(text.find('}', at), text.size() - 1) + 1 - at);
    place.Warning(fmt::format("{} is left as it is: trialTemplate.trialParameters has no such name", found));
  }
}

// A downward-API field that is known without a cluster.
std::optional<std::string> FieldValue(const std::string& path, const CompileContext& context) {
  if (path == "metadata.name") return context.trial_name;
  if (path == "metadata.namespace") return context.namespace_name;
  return std::nullopt;
}

void ReadValueFrom(const Reader& variable, const std::string& name, const ImageMapEntry* image,
                   const CompileContext& context, Variables* env) {
  const auto source = variable.Find("valueFrom");
  if (image != nullptr && FindVariable(image->env, name) != nullptr) return;  // the image map says what it is here
  if (const auto field = source->Find("fieldRef")) {
    const std::string path = field->Text("fieldPath");
    if (const auto value = FieldValue(path, context)) {
      env->emplace_back(name, *value);
      return;
    }
    field->Error(fmt::format("{} is not known to the local engine; metadata.name and metadata.namespace are", path));
    return;
  }
  std::string kind = "valueFrom";
  if (source->node().kind == Node::Kind::kMap && !source->entries().empty()) kind = source->entries().front().key;
  source->Error(fmt::format(
      "{} is not read by the local engine: give {} a value, or set it in the env of an image map entry", kind, name));
}

Variables ReadEnv(const Reader& container, const ImageMapEntry* image, const CompileContext& context) {
  Variables env = TrialVariables(context);
  for (const Reader& variable : container.Items("env")) {
    if (!variable.IsMap()) continue;
    const std::string name = variable.Text("name");
    if (name.empty() || name.find('=') != std::string::npos) {
      variable.Error(fmt::format("'{}' cannot name an environment variable", name));
    } else if (variable.Find("valueFrom")) {
      ReadValueFrom(variable, name, image, context, &env);
    } else {
      const std::string value = variable.Text("value");
      WarnOfPlaceholder(variable, value);
      env.emplace_back(name, Expand(value, env));
    }
  }
  for (const Reader& source : container.Items("envFrom")) {
    source.Error("envFrom is not read by the local engine: name the variables in env");
  }
  return env;
}

// The container's own words; {} with a fault said when there are none and no image map gives any.
std::vector<std::string> ReadCommand(const Reader& container, const std::string& image_name, const ImageMapEntry* image,
                                     const Variables& env) {
  std::vector<std::string> argv = container.Texts("command");
  const bool has_command = !argv.empty();
  for (std::string& word : container.Texts("args")) argv.push_back(std::move(word));
  for (std::string& word : argv) {
    WarnOfPlaceholder(container, word);
    word = Expand(word, env);
  }
  const bool mapped = image != nullptr && !image->command_to.empty() && MapCommand(*image, &argv);
  if (has_command || mapped) return argv;
  const std::string where =
      image_name.empty() ? "" : fmt::format(", or command.to in an image map entry for {}", image_name);
  container.Error(
      fmt::format("container {} has no command, and its image's own is not known here: give it one in "
                  "command{} (qalam run --image-map FILE, docs/image-map.md)",
                  container.Text("name"), where));
  return {};
}

std::int64_t WholeBytes(double bytes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  return static_cast<std::int64_t>(std::ceil(std::min(bytes, static_cast<double>(kMost))));
}

Resources ReadAmounts(const Reader& list, std::vector<std::string>* named) {
  Resources amounts;
  if (!list.IsMap()) return amounts;
  for (const Node::Entry& entry : list.entries()) {
    const Reader item = list.Below(entry);
    const auto quantity = ParseQuantity(entry.value.text);
    if (!quantity.ok()) {
      item.Error(quantity.status().message());
      continue;
    }
    named->push_back(entry.key);
    if (entry.key == "cpu") {
      amounts.cpu = *quantity;
    } else if (entry.key == "memory") {
      amounts.memory = WholeBytes(*quantity);
    } else if (entry.key == "nvidia.com/gpu") {
      if (*quantity != std::floor(*quantity) || *quantity > 1024) {
        item.Error(fmt::format("'{}' is to be a whole number of devices", entry.value.text));
      } else {
        amounts.gpu = static_cast<int>(*quantity);
      }
    } else {
      item.Warning("is not counted by the local engine; cpu, memory and nvidia.com/gpu are");
    }
  }
  return amounts;
}

void ReadResources(const Reader& container, const Resources* capacity, Step* step) {
  const auto resources = container.Find("resources");
  if (!resources || !resources->IsMap()) return;
  std::vector<std::string> limited, requested;
  const auto limits = resources->Find("limits"), requests = resources->Find("requests");
  if (limits) step->limits = ReadAmounts(*limits, &limited);
  if (requests) step->requests = ReadAmounts(*requests, &requested);
  const auto named = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const auto settle = [&](std::string_view name, auto* request, const auto& limit) {
    if (!named(requested, name)) *request = limit;  // Kubernetes' default
    if (named(limited, name) && named(requested, name) && *request > limit) {
      requests->Error(fmt::format("asks for more {} than limits allows", name));
    }
  };
  settle("cpu", &step->requests.cpu, step->limits.cpu);
  settle("memory", &step->requests.memory, step->limits.memory);
  settle("nvidia.com/gpu", &step->requests.gpu, step->limits.gpu);
  if (capacity == nullptr) return;
  const Status fits = CheckCapacity(step->name, step->requests, *capacity);
  if (!fits.ok()) resources->Error(fits.message());
}

// Things of a container that have no meaning, or none yet, for a process of this machine.
constexpr std::array<std::string_view, 7> kUnused = {
    "volumeMounts", "volumeDevices", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext"};

bool IsThere(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool IsInPath(const std::string& program, const Variables& env) {
  const std::string* set = FindVariable(env, "PATH");
  const char* const own = std::getenv("PATH");
  std::string_view rest = own != nullptr ? own : "/usr/local/bin:/usr/bin:/bin";
  if (set != nullptr) rest = *set;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (IsThere(std::string(folder.empty() ? "." : folder) + '/' + program)) return true;
  }
  return false;
}

// What the command needs and this machine has not: then it was written for the inside of its image. "": nothing.
std::string MissingHere(const Step& step, const std::string& metrics_path) {
  const std::string metrics_folder = metrics_path.substr(0, metrics_path.rfind('/'));
  const std::string& program = step.command.front();
  if (program.find('/') == std::string::npos && !IsInPath(program, step.env)) {
    return fmt::format("'{}' is not in PATH", program);
  }
  if (step.working_dir.starts_with('/') && !IsThere(step.working_dir)) {
    return fmt::format("its working directory {} is not on this machine", step.working_dir);
  }
  for (const std::string& word : step.command) {
    const bool is_path = word.starts_with('/') && std::all_of(word.begin(), word.end(), IsPathCharacter);
    if (!is_path || IsThere(word)) continue;
    if (!metrics_folder.empty() && MatchPath(word, 0, metrics_folder) != std::string_view::npos) continue;
    return fmt::format("'{}' is not on this machine", word);
  }
  return "";
}

}  // namespace

std::optional<Step> CompileContainer(const Reader& container, const CompileContext& context) {
  Step step;
  step.name = container.Text("name");
  if (!IsStepName(step.name)) {
    container.Error(fmt::format("its name '{}' is to be lower-case letters, digits and '-', at most 63", step.name));
  }
  const std::string image_name = container.Text("image");
  const ImageMapEntry* const image = FindImage(context.images, image_name);
  step.env = ReadEnv(container, image, context);
  step.command = ReadCommand(container, image_name, image, step.env);
  step.working_dir = container.Text("workingDir");
  ReadResources(container, context.capacity, &step);
  for (const std::string_view name : kUnused) {
    if (const auto unused = container.Find(name)) unused->Warning("has no effect in the local engine");
  }
  if (step.command.empty()) return std::nullopt;
  if (image != nullptr) {
    for (std::string& word : step.command) MapPaths(*image, &word);
    const std::size_t fixed = TrialVariables(context).size();  // a parameter's value stays as it is
    for (std::size_t i = fixed; i < step.env.size(); ++i) MapPaths(*image, &step.env[i].second);
    MapPaths(*image, &step.working_dir);
    step.env.insert(step.env.end(), image->env.begin(), image->env.end());
  }
  const std::string missing = image_name.empty() ? "" : MissingHere(step, context.collector.path);
  if (!missing.empty()) {
    step.hint = image == nullptr ? fmt::format(
                                       "{}, and image {} is not run here: say what stands for it with --image-map FILE "
                                       "(docs/image-map.md)",
                                       missing, image_name)
                                 : fmt::format("{}; see the image map's entry {}", missing, image->image);
    container.Warning(step.hint);
  }
  return step;
}

}  // namespace qalam
