// SPDX-License-Identifier: Apache-2.0
// Building the Experiment that another form says, piece by piece, with the place of each piece.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiment/forms.h"
#include "experiment/spec_sections.h"

namespace qalam {

inline Node Placed(Node node, const Position& position) {
  node.position = position;
  return node;
}
inline Node TextAt(std::string text, const Position& position) {
  return Placed(Node::String(std::move(text)), position);
}

class ExperimentBuilder {
 public:
  explicit ExperimentBuilder(const Position& top) : top_(top) {
    spec_ = parameters_ = settings_ = Node::Map();
    parameters_ = settings_ = Node::Sequence();
    objective_ = algorithm_ = template_ = Node::Map();
  }

  void Name(std::string name, const Position& at, std::string field) {
    name_ = TextAt(std::move(name), at);
    Was("metadata.name", std::move(field));
  }
  // A field of the objective, the algorithm, the template, or right below spec; and what it was called in the file.
  void Objective(const char* key, Node value, std::string field) { Set(&objective_, "objective", key, value, field); }
  void Algorithm(const char* key, Node value, std::string field) { Set(&algorithm_, "algorithm", key, value, field); }
  void Spec(const char* key, Node value, std::string field) {
    Was(std::string("spec.") + key, std::move(field));
    spec_.Set(key, std::move(value));
  }
  void Setting(const std::string& name, Node value, std::string field) {
    Was("spec.algorithm.algorithmSettings[" + std::to_string(settings_.items.size()) + "]", std::move(field));
    Node& item = settings_.Add(Placed(Node::Map(), value.position));
    item.Set("name", TextAt(name, value.position));
    item.Set("value", std::move(value));
  }
  void Parameter(const std::string& name, const std::string& type, Node space, const Position& at, std::string field) {
    Was("spec.parameters[" + std::to_string(parameters_.items.size()) + "]", std::move(field));
    Node& item = parameters_.Add(Placed(Node::Map(), at));
    item.Set("name", TextAt(name, at));
    item.Set("parameterType", TextAt(type, at));
    item.Set("feasibleSpace", Placed(std::move(space), at));
  }
  // On what the parameter depends: "optimizer == sgd, else 0".
  void Condition(const std::string& parameter, std::string condition, const Position& at, std::string field) {
    Was("metadata.annotations." + std::string(kConditionsAnnotation) + "." + parameter, std::move(field));
    conditions_.Set(parameter, TextAt(std::move(condition), at));
  }
  // The manifest of a trial, and the parameters that its command names.
  void Template(Node manifest, const std::vector<std::string>& used, std::string container, const Position& at,
                std::string field) {
    Was("spec.trialTemplate", std::move(field));
    template_ = Placed(Node::Map(), at);
    template_.Set("primaryContainerName", TextAt(std::move(container), at));
    Node& parameters = template_.Set("trialParameters", Node::Sequence());
    for (const std::string& name : used) {
      Node& item = parameters.Add(Placed(Node::Map(), at));
      item.Set("name", TextAt(name, at));
      item.Set("reference", TextAt(name, at));
    }
    template_.Set("trialSpec", Placed(std::move(manifest), at));
  }

  Rewritten Take() {
    Node experiment = Placed(Node::Map(), top_);
    experiment.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
    experiment.Set("kind", Node::String("Experiment"));
    Node& metadata = experiment.Set("metadata", Placed(Node::Map(), top_));
    metadata.Set("name", std::move(name_));
    if (!conditions_.entries.empty()) {
      Node& annotations = metadata.Set("annotations", Placed(Node::Map(), top_));
      annotations.Set(std::string(kConditionsAnnotation), std::move(conditions_));
    }
    Node& spec = experiment.Set("spec", Placed(Node::Map(), top_));
    spec.Set("objective", Placed(std::move(objective_), top_));
    if (!settings_.items.empty()) algorithm_.Set("algorithmSettings", std::move(settings_));
    spec.Set("algorithm", Placed(std::move(algorithm_), top_));
    for (Node::Entry& entry : spec_.entries) spec.Set(entry.key, std::move(entry.value));
    spec.Set("parameters", Placed(std::move(parameters_), top_));
    spec.Set("trialTemplate", std::move(template_));
    return {std::move(experiment), std::move(fields_)};
  }

 private:
  void Was(std::string katib, std::string own) { fields_.emplace_back(std::move(katib), std::move(own)); }
  void Set(Node* map, const char* section, const char* key, Node& value, std::string& field) {
    Was(std::string("spec.") + section + "." + key, std::move(field));
    map->Set(key, std::move(value));
  }

  Position top_;
  Node name_, objective_, algorithm_, settings_, parameters_, template_, spec_;
  Node conditions_ = Node::Map();  // read by experiment/spec_conditions.cc
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace qalam
