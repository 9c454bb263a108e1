// SPDX-License-Identifier: Apache-2.0
// spec.trialTemplate: the manifest of a trial, and how parameters get into it.
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "core/nas_space.h"
#include "experiment/gjson.h"
#include "experiment/placeholders.h"
#include "experiment/spec_sections.h"
#include "experiment/verdict.h"

namespace qalam {
namespace {

bool IsShell(std::string_view program) {
  const std::string_view name = program.substr(program.rfind('/') + 1);  // npos + 1 is 0
  return name == "sh" || name == "bash" || name == "dash" || name == "ash" || name == "zsh" || name == "ksh";
}

bool MeansNothingToAShell(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./:=,@%+-").find(c) != std::string_view::npos;
  });
}

// The template as it will be rendered, wherever it came from.
struct Source {
  Node tree;
  std::string path;                 // "spec.trialTemplate.trialSpec", or the field that names the ConfigMap's text
  std::optional<Position> outside;  // a ConfigMap's text has no places in the Experiment: this one is shown
  Position PlaceOf(const Position& position) const { return outside.value_or(position); }
};

class TemplateReader {
 public:
  TemplateReader(Fields* fields, const SpecContext& context, const std::string& stored_text, ExperimentSpec* experiment)
      : fields_(*fields),
        context_(context),
        stored_text_(stored_text),
        experiment_(*experiment),
        out_(experiment->trial_template) {}

  void Read() {
    out_.retain = fields_.Flag("retain").value_or(false);
    ReadParameters();
    ReadSource();
    out_.primary_pod_labels = fields_.TextMap("primaryPodLabels");
    out_.primary_container_name = fields_.Text("primaryContainerName").value_or("");
    out_.success_condition = fields_.Text("successCondition").value_or("");
    out_.failure_condition = fields_.Text("failureCondition").value_or("");
    if (out_.primary_container_name.empty()) {
      fields_.Error("primaryContainerName",
                    "is missing: the container whose end is the trial's, and whose output is read");
    }
    if (source_) {
      CheckManifest();
      FillConditions();
      CheckCondition("successCondition", out_.success_condition);
      CheckCondition("failureCondition", out_.failure_condition);
      CheckReferences();
      CheckPlaceholders();
      WarnOfShells(source_->tree, source_->path);
    }
    fields_.Finish();
  }

 private:
  FaultList& faults() { return fields_.faults(); }
  void ErrorAt(const Position& position, std::string path, std::string message) {
    faults().Error(position, std::move(path), std::move(message));
  }

  void ReadParameters() {
    std::set<std::string> references;
    for (const ListItem& item : fields_.List("trialParameters")) {
      Fields fields(item, &faults());
      TrialParameterSpec parameter;
      parameter.name = fields.Text("name").value_or("");
      parameter.description = fields.Text("description").value_or("");
      parameter.reference = fields.Text("reference").value_or("");
      fields.Finish();
      if (!fields.present()) continue;
      const bool first = Find(parameter.name) == nullptr;
      const bool braces = parameter.name.find_first_of("{}") != std::string::npos;
      if (parameter.name.empty() || !first || braces) names_are_good_ = false;
      if (parameter.name.empty()) {
        fields.Error("name", "is missing: the NAME of ${trialParameters.NAME}");
      } else if (braces) {
        fields.Error("name", fmt::format("'{}' cannot hold '{{' or '}}'", parameter.name));
      } else if (!first) {
        fields.Error("name", fmt::format("'{}' is there twice", parameter.name));
      }
      if (parameter.reference.empty()) {
        fields.Error("reference", "is missing: the search parameter whose value it takes");
      } else if (!references.insert(parameter.reference).second) {
        fields.Error("reference", fmt::format("'{}' is referred to twice; use one trial parameter in both places",
                                              parameter.reference));
      }
      out_.parameters.push_back(std::move(parameter));
      places_.push_back(fields.At("reference"));
      paths_.push_back(item.path);
    }
  }

  void ReadSource() {
    const Node* manifest = fields_.Take("trialSpec");
    Fields config_map = fields_.Map("configMap");
    if (manifest != nullptr && config_map.present()) {
      fields_.Error("configMap", "trialSpec is there too: a template has one source");
    } else if (manifest != nullptr) {
      if (manifest->kind == Node::Kind::kMap) {
        out_.trial_spec = *manifest;
        source_ = Source{*manifest, fields_.Path("trialSpec"), std::nullopt};
      } else {
        fields_.Error("trialSpec", fmt::format("must be a manifest, found {}", Describe(*manifest)));
      }
    } else if (config_map.present()) {
      ReadConfigMap(&config_map);
    } else if (fields_.Take("configMap") == nullptr) {
      fields_.Error("trialSpec", "is missing: the manifest of a trial, a batch/v1 Job for one");
    }
  }

  void ReadConfigMap(Fields* fields) {
    out_.config_map_name = fields->Text("configMapName").value_or("");
    out_.config_map_namespace = fields->Text("configMapNamespace").value_or(experiment_.namespace_name);
    out_.template_path = fields->Text("templatePath").value_or("");
    fields->Finish();
    if (out_.config_map_name.empty()) fields->Error("configMapName", "is missing: the name of the ConfigMap");
    if (out_.template_path.empty()) fields->Error("templatePath", "is missing: the key of the ConfigMap's data");
    if (out_.config_map_name.empty() || out_.template_path.empty()) return;
    const std::optional<std::string> text = TemplateText(fields);
    if (!text) return;
    Result<Node> tree = ReadTextTemplate(*text);
    const std::string path = fields->Path("templatePath");
    if (!tree.ok()) {
      fields->Error("templatePath", fmt::format("the template '{}': {}", out_.template_path, tree.status().message()));
    } else if (tree->kind != Node::Kind::kMap) {
      fields->Error("templatePath",
                    fmt::format("the template '{}' must be a manifest, found {}", out_.template_path, Describe(*tree)));
    } else {
      out_.config_map_text = *text;
      source_ = Source{*std::move(tree), path, fields->At("templatePath")};
    }
  }

  std::optional<std::string> TemplateText(Fields* fields) {
    const std::string wanted = fmt::format("{}/{}", out_.config_map_namespace, out_.config_map_name);
    std::vector<std::string> there;
    static const std::vector<Node> none;
    for (const Node& document : context_.documents == nullptr ? none : *context_.documents) {
      const Node* kind = document.Find("kind");
      const Node* name = document.FindPath({"metadata", "name"});
      const Node* space = document.FindPath({"metadata", "namespace"});
      if (kind == nullptr || kind->text != "ConfigMap" || name == nullptr) continue;
      there.push_back(fmt::format("{}/{}", space == nullptr ? "default" : space->text, name->text));
      if (there.back() != wanted) continue;
      const Node* data = document.Find("data");
      const Node* text = data == nullptr ? nullptr : data->Find(out_.template_path);
      if (text != nullptr && text->kind == Node::Kind::kString) return text->text;
      std::vector<std::string> keys;
      if (data != nullptr) std::ranges::transform(data->entries, std::back_inserter(keys), &Node::Entry::key);
      fields->Error("templatePath", fmt::format("ConfigMap {} has no text '{}'{}", wanted, out_.template_path,
                                                DidYouMean(out_.template_path, keys)));
      return std::nullopt;
    }
    if (!stored_text_.empty()) return stored_text_;
    fields->NotHere("configMapName",
                    fmt::format("ConfigMap {} is not among the documents; hand it in with -f FILE{}", wanted,
                                there.empty() ? "" : fmt::format(" (there are: {})", JoinWords(there))));
    return std::nullopt;
  }

  void CheckManifest() {
    const Node& tree = source_->tree;
    for (const char* key : {"apiVersion", "kind"}) {
      const Node* word = tree.Find(key);
      if (word != nullptr && word->kind == Node::Kind::kString && !word->text.empty()) continue;
      manifest_is_good_ = false;
      ErrorAt(source_->PlaceOf(word == nullptr ? tree.position : word->position),
              fmt::format("{}.{}", source_->path, key),
              fmt::format("a manifest needs {}, as in  apiVersion: batch/v1  kind: Job", key));
    }
    const Node* metadata = tree.Find("metadata");
    if (metadata != nullptr && metadata->kind != Node::Kind::kMap && metadata->kind != Node::Kind::kNull) {
      ErrorAt(source_->PlaceOf(metadata->position), source_->path + ".metadata",
              fmt::format("must be a map of fields, found {}", Describe(*metadata)));
    }
    for (const char* key : {"name", "namespace"}) {
      const Node* given = tree.FindPath({"metadata", key});
      if (given == nullptr || given->text.empty()) continue;
      ErrorAt(source_->PlaceOf(given->position), fmt::format("{}.metadata.{}", source_->path, key),
              fmt::format("the {} of a trial is made when it starts: leave it out", key));
    }
  }

  void FillConditions() {
    if (!manifest_is_good_) return;
    const std::string& kind = source_->tree.Find("kind")->text;
    const KindDefaults* defaults = FindKindDefaults(kind);
    if (defaults != nullptr) {
      if (out_.success_condition.empty()) out_.success_condition = defaults->success;
      if (out_.failure_condition.empty()) out_.failure_condition = defaults->failure;
      if (out_.primary_pod_labels.empty()) out_.primary_pod_labels = defaults->pod_labels;
      return;
    }
    if (out_.success_condition.empty()) {
      fields_.Error("successCondition", fmt::format("is missing: for kind '{}' there is no default", kind));
    }
    if (out_.failure_condition.empty()) {
      fields_.Error("failureCondition", fmt::format("is missing: for kind '{}' there is no default", kind));
    }
  }

  void CheckCondition(const char* key, const std::string& condition) {
    if (condition.empty()) return;
    const Result<GjsonPath> path = GjsonPath::Parse(condition);
    if (!path.ok() && path.status().code() == Code::kUnimplemented) {
      fields_.Warning(key, path.status().message() + ": where trials are processes, their end decides");
    } else if (!path.ok()) {
      fields_.Error(key, fmt::format("{}; a condition is written as  {}", path.status().message(),
                                     FindKindDefaults("Job")->success));
    } else if (const std::string odd = OddCondition(source_->tree, key, *path); manifest_is_good_ && !odd.empty()) {
      fields_.Warning(key, odd);
    }
  }

  void CheckReferences() {
    std::vector<std::string> names;
    std::ranges::transform(experiment_.parameters, std::back_inserter(names), &ParameterSpec::name);
    const std::string& algorithm = experiment_.algorithm.name;
    if (experiment_.nas_config && std::ranges::find(context_.served, algorithm) == context_.served.end())
      names = NasAssignmentNames(algorithm);
    // Whose own name is wrong cannot be referred to: one fault is enough.
    const bool known = !names.empty() && std::ranges::none_of(names, &std::string::empty) &&
                       std::set<std::string_view>(names.begin(), names.end()).size() == names.size();
    std::set<std::string_view> referred;
    for (std::size_t i = 0; i < out_.parameters.size(); ++i) {
      const std::string& reference = out_.parameters[i].reference;
      const std::string path = paths_[i] + ".reference";
      referred.insert(reference);
      if (reference.empty()) continue;
      if (reference.starts_with(kMetaReferenceStart)) {
        CheckMetaReference(reference, path, places_[i]);
      } else if (known && std::ranges::find(names, reference) == names.end()) {
        ErrorAt(places_[i], path,
                fmt::format("there is no search parameter '{}'{}", reference, DidYouMean(reference, names)));
      }
    }
    if (out_.parameters.empty() || faults().HasErrors()) return;
    for (const std::string& name : names) {
      if (referred.contains(name)) continue;
      fields_.Warning("trialParameters",
                      fmt::format("no trial parameter refers to '{}': it reaches the trial only by the "
                                  "environment",
                                  name));
    }
  }

  void CheckMetaReference(const std::string& reference, const std::string& path, const Position& position) {
    const auto meta = ParseMetaReference(reference);
    if (!meta) {
      ErrorAt(position, path,
              fmt::format("'{}' is not known: after ${{trialSpec. comes Name, Namespace, Kind, APIVersion, "
                          "Annotations[key] or Labels[key]",
                          reference));
      return;
    }
    const bool labels = meta->kind == MetaReference::Kind::kLabels;
    if (!labels && meta->kind != MetaReference::Kind::kAnnotations) return;
    const char* map = labels ? "labels" : "annotations";
    const Node* found = source_->tree.FindPath({"metadata", map, meta->key});
    if (found == nullptr || !found->IsScalar() || found->kind == Node::Kind::kNull) {
      ErrorAt(position, path, fmt::format("the template's metadata.{} has no '{}'", map, meta->key));
    }
  }

  void CheckPlaceholders() {
    std::vector<std::string> names;
    std::ranges::transform(out_.parameters, std::back_inserter(names), &TrialParameterSpec::name);
    std::set<std::string> used;
    VisitTemplateStrings(source_->tree, source_->path, [&](const TemplateString& string) {
      const Position position = source_->PlaceOf(string.position);
      for (const std::string_view name : PlaceholdersIn(string.text)) {
        used.emplace(name);
        if (Find(name) != nullptr || !names_are_good_) continue;
        const std::string fault = fmt::format("'{}{}}}' is not declared in trialParameters", kPlaceholderStart, name);
        if (source_->outside && DidYouMean(name, names).empty()) {  // a template of several experiments
          faults().NotHere(position, string.path, fault + ": a trial would get it as it stands");
        } else {
          ErrorAt(position, string.path, fault + DidYouMean(name, names));
        }
      }
      if (HasOpenPlaceholder(string.text)) {
        faults().Warning(position, string.path, "a '${' is not closed by '}': nothing is put in its place");
      }
      if (string.text.find(kMetaReferenceStart) != std::string_view::npos) {
        faults().Warning(position, string.path,
                         "${trialSpec...} is not replaced here: make it the reference of a trial "
                         "parameter, and use that");
      }
    });
    if (faults().HasErrors()) return;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (used.contains(names[i])) continue;
      faults().Warning(places_[i], paths_[i],
                       fmt::format("'{}{}}}' does not occur in the template: its value gets in by the "
                                   "environment only",
                                   kPlaceholderStart, names[i]));
    }
  }

  const TrialParameterSpec* Find(std::string_view name) const {
    const auto found = std::ranges::find(out_.parameters, name, &TrialParameterSpec::name);
    return found == out_.parameters.end() ? nullptr : &*found;
  }

  // sh -c "... ${trialParameters.x}": the value would be read as a program.
  void WarnOfShells(const Node& node, const std::string& path) {
    for (std::size_t i = 0; i < node.items.size(); ++i) WarnOfShells(node.items[i], fmt::format("{}[{}]", path, i));
    for (const Node::Entry& entry : node.entries) WarnOfShells(entry.value, fmt::format("{}.{}", path, entry.key));
    std::vector<ListItem> argv;
    for (const char* key : {"command", "args"}) {
      const Node* list = node.Find(key);
      if (list == nullptr) continue;
      for (std::size_t i = 0; i < list->items.size(); ++i) {
        argv.push_back({&list->items[i], fmt::format("{}.{}[{}]", path, key, i)});
      }
    }
    if (argv.empty() || !IsShell(argv[0].node->text)) return;
    for (std::size_t i = 1; i + 1 < argv.size(); ++i) {
      const std::string& flag = argv[i].node->text;
      if (!flag.starts_with('-')) return;
      if (!flag.starts_with("--") && flag.find('c') != std::string::npos) return WarnOfScript(argv[i + 1]);
    }
  }

  void WarnOfScript(const ListItem& script) {
    for (const std::string_view name : PlaceholdersIn(script.node->text)) {
      const TrialParameterSpec* parameter = Find(name);
      if (parameter == nullptr) continue;
      const auto search = std::ranges::find(experiment_.parameters, parameter->reference, &ParameterSpec::name);
      if (search == experiment_.parameters.end()) continue;
      const auto bad = std::ranges::find_if_not(search->feasible.list, MeansNothingToAShell);
      if (bad == search->feasible.list.end()) continue;
      faults().Warning(
          source_->PlaceOf(script.node->position), script.path,
          fmt::format("the value '{}' of '{}' would be read by the shell as part of its program; write \"$1\" in "
                      "the script, and after it the arguments  sh  and  {}{}}}",
                      *bad, parameter->reference, kPlaceholderStart, name));
    }
  }

  Fields& fields_;
  const SpecContext& context_;
  const std::string& stored_text_;
  ExperimentSpec& experiment_;
  TrialTemplate& out_;
  std::vector<Position> places_;    // of the references, beside out_.parameters
  std::vector<std::string> paths_;  // of the trial parameters
  std::optional<Source> source_;
  bool names_are_good_ = true;    // of the trial parameters
  bool manifest_is_good_ = true;  // it has apiVersion and kind
};

}  // namespace

const KindDefaults* FindKindDefaults(std::string_view kind) {
  static constexpr std::string_view kComplete = R"(status.conditions.#(type=="Complete")#|#(status=="True")#)";
  static constexpr std::string_view kFailed = R"(status.conditions.#(type=="Failed")#|#(status=="True")#)";
  static constexpr std::string_view kSucceeded = R"(status.conditions.#(type=="Succeeded")#|#(status=="True")#)";
  static const std::map<std::string, std::string> master = {{"training.kubeflow.org/job-role", "master"}};
  static const std::vector<KindDefaults> defaults = {
      {"Job", kComplete, kFailed, {}},
      {"TFJob", kSucceeded, kFailed, master},
      {"PyTorchJob", kSucceeded, kFailed, master},
      {"XGBoostJob", kSucceeded, kFailed, master},
      {"MPIJob", kSucceeded, kFailed, master},
      {"TrainJob",
       kComplete,
       kFailed,
       {{"jobset.sigs.k8s.io/replicatedjob-name", "node"}, {"batch.kubernetes.io/job-completion-index", "0"}}},
  };
  const auto found = std::ranges::find(defaults, kind, &KindDefaults::kind);
  return found == defaults.end() ? nullptr : &*found;
}

void ReadTrialTemplate(Fields* spec, const SpecContext& context, const std::string& stored_text,
                       ExperimentSpec* experiment) {
  Fields fields = spec->Map("trialTemplate");
  if (fields.present()) {
    TemplateReader(&fields, context, stored_text, experiment).Read();
  } else if (spec->Take("trialTemplate") == nullptr) {
    spec->Error("trialTemplate", "is missing: what a trial runs");
  }
}

}  // namespace qalam
