// SPDX-License-Identifier: Apache-2.0
// The Experiment: from document to ExperimentSpec with Katib's defaults and all faults at once, and back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"
#include "core/experiment.h"

namespace qalam {

struct Fix;  // experiment/fields.h

// What is wrong with a setting of an algorithm.
struct SettingFault {
  bool of_name = false;  // else of its value
  std::string text;
};

struct SpecContext {
  std::vector<std::string> algorithms;  // names that exist; empty: anything is accepted, rules and collectors too
  std::vector<std::string> served;      // those of them whose settings are the business of a service
  std::optional<SettingFault> (*setting_fault)(const std::string& algorithm, const Setting& setting) = nullptr;
  std::vector<std::string> rules;         // early-stopping rules that exist
  std::vector<std::string> served_rules;  // as `served`
  std::optional<SettingFault> (*rule_setting_fault)(const std::string& rule, const Setting& setting) = nullptr;
  bool strict = false;  // unknown fields are errors, not warnings
  bool to_run = true;   // false: what is correct but cannot run here (an algorithm that is not built) is a warning
  std::vector<Fix>* fixes = nullptr;             // where not null: what could be mended in the text
  const std::vector<Node>* documents = nullptr;  // further documents (-f): ConfigMaps with trial templates
};

// Reads `document` (apiVersion kubeflow.org/v1beta1, kind Experiment), fills defaults, checks everything that can be
// checked without running. nullopt: there are errors in `faults`. Warnings may come with a spec.
std::optional<ExperimentSpec> ReadExperiment(const Node& document, const SpecContext& context, Diagnostics* faults);

// `qalam run -p lr=log(1e-5,1e-1) ... -- command`: the same, from the command line.
struct ShortForm {
  std::string name;                     // empty: made from the command's name
  std::vector<std::string> parameters;  // "lr=log(1e-5,1e-1)", "opt=sgd,adam", "layers=int(1,8)", "x=real(0,1)"
  std::string minimize, maximize;       // one of them: the metric
  std::optional<double> goal;
  std::string algorithm = "random";
  std::vector<std::string> settings;  // "random_state=7"
  int trials = 0, parallel = 0;       // 0: default
  std::vector<std::string> command;   // "{lr}" is replaced in each argument; "{{" is a brace
  std::string working_dir;            // where the command runs; empty: a folder of the trial's own
};
std::optional<ExperimentSpec> ReadShortForm(const ShortForm& form, const SpecContext& context, Diagnostics* faults);

// The effective Experiment: every default filled in. ReadExperiment of it gives an equal spec.
Node ToDocument(const ExperimentSpec& spec);

// Fields in which two specs differ ("spec.objective.goal"), for "exists with another spec". Budget fields
// (parallelTrialCount, maxTrialCount, maxFailedTrialCount) are not among them: they may be edited.
std::vector<std::string> DifferingFields(const ExperimentSpec& a, const ExperimentSpec& b);

// <experiment>-<8 characters>: a function of (uid, ordinal), so doing it twice is doing it once. `salt` makes another
// when that is taken.
std::string TrialName(const std::string& experiment, const std::string& uid, std::uint64_t ordinal, std::uint64_t salt);

// What becomes of a placeholder for which there is no value.
enum class Unfilled { kFault, kKeep };

// What a trial is told: its assignments, and for a parameter that is not active the value that its condition has for
// that, if it has one. In the order of the parameters.
Assignments ToldAssignments(const ExperimentSpec& spec, const Assignments& assignments);

// The trial's manifest: every ${trialParameters.X} replaced inside parsed strings, metadata.name and namespace set.
// One of a parameter that is not active becomes what the trial is told instead, or an empty text. INVALID_ARGUMENT
// names the placeholder.
Result<Node> RenderTrial(const ExperimentSpec& spec, const std::string& trial_name, const Assignments& assignments,
                         Unfilled unfilled = Unfilled::kFault);

}  // namespace qalam
