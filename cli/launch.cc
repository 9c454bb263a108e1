// SPDX-License-Identifier: Apache-2.0
#include "cli/launch.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/input.h"
#include "cli/objects.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "pipelines/compile/expand.h"
#include "suggest/suggestion_client.h"

namespace qalam {
namespace {

std::string Annotation(const ExperimentSpec& spec, const char* name) {
  const auto found = spec.annotations.find(name);
  return found == spec.annotations.end() ? "" : found->second;
}

// Read again for each experiment, not for each trial.
Result<const ImageMap*> ImagesOf(const ExperimentSpec& spec) {
  static std::map<std::string, ImageMap> known;  // of the loop's thread
  const std::string text = Annotation(spec, kImageMapAnnotation);
  if (text.empty()) return nullptr;
  if (const auto found = known.find(text); found != known.end()) return &found->second;
  QALAM_TRY(const Node document, ReadJson(text));
  Diagnostics faults;
  std::optional<ImageMap> images = ReadImageMap(document, &faults);
  if (!images) return InvalidArgument("annotation {}: {}", kImageMapAnnotation, Render(faults));
  return &known.emplace(text, *std::move(images)).first->second;
}

CheckpointPlaces CheckpointPlacesOf(const std::string& db, const ExperimentSpec& spec, const Trial& trial) {
  const std::string folder = std::filesystem::absolute(CheckpointsFolder(db)).lexically_normal().string();
  CheckpointPlaces places{folder + '/' + trial.name, "", ""};
  if (const auto from = trial.labels.find(kResumeFromLabel); from != trial.labels.end())
    places.from = folder + '/' + from->second;
  if (spec.algorithm.name != "pbt") return places;
  for (const Setting& setting : spec.algorithm.settings) {
    if (setting.name == "suggestion_trial_dir") places.mount = setting.value;
  }
  while (places.mount.ends_with('/')) places.mount.pop_back();
  if (!places.mount.starts_with('/')) places.mount.clear();
  return places;
}

}  // namespace

Result<ExperimentSpec> ReadStored(const Experiment& record) {
  QALAM_TRY(const Node document, ReadJson(record.manifest));
  Diagnostics faults;
  std::optional<ExperimentSpec> spec = ReadExperiment(document, {}, &faults);
  if (!spec)
    return Error(Code::kDataLoss, "the stored experiment '{}' cannot be read: {}", record.name, Render(faults));
  return *std::move(spec);
}

std::optional<Run> CompileRun(const ExperimentSpec& spec, const std::string& trial_name, const Assignments& assignments,
                              const Node& manifest, Diagnostics* faults, const Resources* capacity,
                              const Objects* objects, const TrialPlaces& places) {
  const Result<const ImageMap*> images = ImagesOf(spec);
  if (!images.ok()) {
    faults->Error({}, "", images.status().message());
    return std::nullopt;
  }
  CompileContext context;
  context.trial_name = trial_name;
  context.experiment_name = spec.name;
  context.namespace_name = spec.namespace_name;
  const Assignments told = ToldAssignments(spec, assignments);
  context.assignments = told;
  context.primary_container = spec.trial_template.primary_container_name;
  context.collector = spec.metrics_collector;
  context.images = *images;
  context.capacity = capacity;
  context.objects = objects;
  context.report_address = places.report_address;
  context.rules = places.rules;
  context.parameters = &spec.parameters;
  context.checkpoint = places.checkpoint;
  std::optional<Run> run;
  if (!HasDollars(told)) {
    run = Compile(manifest, context, faults);
  } else if (const auto protected_manifest = RenderTrial(spec, trial_name, ProtectDollars(told));
             protected_manifest.ok()) {
    run = Compile(*protected_manifest, context, faults);
  } else {
    faults->Error({}, "spec.trialTemplate", protected_manifest.status().message());
  }
  if (const std::string here = Annotation(spec, kWorkingDirAnnotation); run && !here.empty()) {
    for (Step& step : run->steps) {
      step.working_dir = step.working_dir.empty() ? here : (std::filesystem::path(here) / step.working_dir).string();
    }
  }
  return run;
}

Result<Run> CompileTrial(const std::string& db, const ExperimentSpec& spec, const Trial& trial, const Node& manifest,
                         const std::string& report_address) {
  Diagnostics faults;
  QALAM_TRY(const Objects objects, ReadKeptObjects(db, spec.namespace_name, spec.name));
  std::optional<Run> run =
      CompileRun(spec, trial.name, trial.assignments, manifest, &faults, nullptr, &objects,
                 {CheckpointPlacesOf(db, spec, trial), report_address, trial.early_stopping_rules});
  if (!run) return InvalidArgument("{}", Render(faults));
  return *std::move(run);
}

Result<std::string> FindShim() {
  std::error_code error;
  const char* named = std::getenv("QALAM_SHIM");
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string shim = named != nullptr ? named : (program.parent_path() / "qalam-shim").string();
  if (access(shim.c_str(), X_OK) == 0) return shim;
  return Error(Code::kNotFound,
               "{} cannot be run: qalam needs the program qalam-shim beside it (or named by QALAM_SHIM)", shim);
}

std::string RunsFolder(const std::string& db) { return db + ".d/runs"; }
std::string CheckpointsFolder(const std::string& db) { return db + ".d/checkpoints"; }
std::string PluginsFolder(const std::string& db) { return db + ".d/plugins"; }
std::string SocketPath(const std::string& db) { return db + ".sock"; }

const StepRecord* ChooseStep(const std::vector<StepRecord>& steps, const std::string& step) {
  const StepRecord* chosen = nullptr;
  for (const StepRecord& record : steps) {
    if (!step.empty() && record.step != step) continue;
    if (record.state == StepState::kWaiting) continue;
    if (chosen == nullptr || record.started >= chosen->started) chosen = &record;
  }
  return chosen;
}

}  // namespace qalam
