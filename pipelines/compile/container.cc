// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/container.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "pipelines/compile/environment.h"
#include "pipelines/compile/image_map.h"
#include "pipelines/compile/resources.h"
#include "pipelines/compile/volumes.h"
#include "pipelines/engines/run_plan.h"
#include "pipelines/path_text.h"

namespace qalam {
namespace {

// The container's own words, and those for other eyes if a Secret is in them; none with a fault said when there are
// none and no image map gives any.
void ReadCommand(const Reader& container, const std::string& image_name, const ImageMapEntry* image,
                 const Variables& env, Step* step) {
  std::vector<std::string> argv = container.Texts("command");
  const bool has_command = !argv.empty();
  for (std::string& word : container.Texts("args")) argv.push_back(std::move(word));
  bool any_secret = false;
  for (const std::string& word : argv) {
    WarnOfPlaceholder(container, word);
    bool secret = false;
    step->command.push_back(Expand(word, env, &secret));
    step->shown_command.push_back(secret ? word : step->command.back());
    any_secret = any_secret || secret;
  }
  bool mapped = false;
  if (image != nullptr && !image->command_to.empty()) {
    mapped = MapCommand(*image, &step->command);
    MapCommand(*image, &step->shown_command);
  }
  if (!any_secret) step->shown_command.clear();
  if (has_command || mapped) return;
  step->command.clear();
  const std::string where =
      image_name.empty() ? "" : fmt::format(", or command.to in an image map entry for {}", image_name);
  container.Error(
      fmt::format("container {} has no command, and its image's own is not known here: give it one in "
                  "command{} (qalam run --image-map FILE, docs/image-map.md)",
                  container.Text("name"), where));
}

// The last of a name is the one that counts; one that holds a secret goes a way of its own.
void TakeVariables(const Variables& variables, const ImageMapEntry* image, Step* step) {
  const std::size_t fixed = step->env.size();
  for (const Variable& variable : variables) {
    if (!variable.secret) {
      step->env.emplace_back(variable.name, variable.value);
    } else if (FindVariable(variables, variable.name) == &variable) {
      step->secret_env.emplace_back(variable.name, variable.value);
    }
  }
  if (image == nullptr) return;
  for (std::size_t i = fixed; i < step->env.size(); ++i) MapPaths(*image, &step->env[i].second);
  for (const auto& [name, value] : image->env) {
    std::erase_if(step->secret_env, [&](const auto& v) { return v.first == name; });
    step->env.emplace_back(name, value);
  }
}

// Things of a container that have no meaning, or none yet, for a process of this machine.
constexpr std::array<std::string_view, 6> kUnused = {"volumeDevices", "livenessProbe", "readinessProbe",
                                                     "startupProbe",  "lifecycle",     "securityContext"};

bool IsThere(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool IsInPath(const std::string& program, const Step& step) {
  const char* const own = std::getenv("PATH");
  std::string_view rest = own != nullptr ? own : "/usr/local/bin:/usr/bin:/bin";
  for (const auto& [name, value] : step.env) {
    if (name == "PATH") rest = value;
  }
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (IsThere(std::string(folder.empty() ? "." : folder) + '/' + program)) return true;
  }
  return false;
}

bool IsMounted(const Step& step, const std::string& path) {
  return std::ranges::any_of(
      step.mounts, [&](const Mount& mount) { return MatchPath(path, 0, mount.path) != std::string_view::npos; });
}

// What the command needs and this machine has not: then it was written for the inside of its image. "": nothing.
std::string MissingHere(const Step& step, const std::string& metrics_path) {
  const std::string metrics_folder = metrics_path.substr(0, metrics_path.rfind('/'));
  const std::vector<std::string>& words = step.shown_command.empty() ? step.command : step.shown_command;
  const std::string& program = words.front();
  if (program.find('/') == std::string::npos && !IsInPath(program, step)) {
    return fmt::format("'{}' is not in PATH", program);
  }
  if (step.working_dir.starts_with('/') && !IsThere(step.working_dir) && !IsMounted(step, step.working_dir)) {
    return fmt::format("its working directory {} is not on this machine", step.working_dir);
  }
  for (const std::string& word : words) {
    const bool is_path = word.starts_with('/') && std::all_of(word.begin(), word.end(), IsPathCharacter);
    if (!is_path || IsThere(word) || IsMounted(step, word)) continue;
    if (!metrics_folder.empty() && MatchPath(word, 0, metrics_folder) != std::string_view::npos) continue;
    return fmt::format("'{}' is not on this machine", word);
  }
  return "";
}

}  // namespace

bool HasCommand(const Reader& container, const CompileContext& context) {
  const ImageMapEntry* const image = FindImage(context.images, container.Text("image"));
  return !container.Items("command").empty() || (image != nullptr && !image->command_to.empty());
}

std::optional<Step> CompileContainer(const Reader& container, const PodScope& pod, Run* run) {
  const CompileContext& context = pod.context;
  Step step;
  step.name = container.Text("name");
  if (!IsStepName(step.name)) {
    container.Error(fmt::format("its name '{}' is to be lower-case letters, digits and '-', at most 63", step.name));
  }
  const std::string image_name = container.Text("image");
  const ImageMapEntry* const image = FindImage(context.images, image_name);
  Variables variables = ReadEnvironment(container, image, pod);
  ReadCommand(container, image_name, image, variables, &step);
  step.working_dir = container.Text("workingDir");
  step.mounts = ReadMounts(container, variables, pod, run);
  const ContainerResources resources = ReadResources(container);
  step.requests = resources.requests;
  step.limits = resources.limits;
  for (const std::string_view name : kUnused) {
    if (const auto unused = container.Find(name)) unused->Warning("has no effect in the local engine");
  }
  if (step.command.empty()) return std::nullopt;
  const Variables own = TrialVariables(context);  // a parameter's value stays as it is
  for (const Variable& variable : own) step.env.emplace_back(variable.name, variable.value);
  variables.erase(variables.begin(), variables.begin() + std::ssize(own));
  TakeVariables(variables, image, &step);
  step.parameters = context.assignments.empty() ? "" : ParametersJson(context);
  if (image != nullptr) {
    for (std::string& word : step.command) MapPaths(*image, &word);
    for (std::string& word : step.shown_command) MapPaths(*image, &word);
    for (Mount& mount : step.mounts) MapPaths(*image, &mount.path);
    MapPaths(*image, &step.working_dir);
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
