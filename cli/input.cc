// SPDX-License-Identifier: Apache-2.0
#include "cli/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "algorithms/suggester.h"
#include "cli/launch.h"
#include "cli/objects.h"
#include "cli/origin.h"
#include "cli/services.h"
#include "core/nas_space.h"
#include "earlystop/stopping_rule.h"
#include "experiment/fields.h"
#include "experiment/forms.h"
#include "experiment/metrics/collector.h"
#include "experiment/read.h"
#include "suggest/suggestion_client.h"

namespace qalam {
namespace {

// Reads one byte more than may be there, so that what is too long is seen to be so.
Result<std::string> ReadText(const std::string& name) {
  const int fd = name == "-" ? STDIN_FILENO : open(name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error(Code::kNotFound, "cannot be read: {}", std::strerror(errno));
  std::string text;
  std::array<char, 65'536> buffer;
  ssize_t n = 0;
  while (text.size() <= ReadLimits{}.bytes && (n = read(fd, buffer.data(), buffer.size())) != 0) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const int error = n < 0 ? errno : 0;
  if (fd != STDIN_FILENO) close(fd);
  if (error != 0) return Error(Code::kNotFound, "cannot be read: {}", std::strerror(error));
  return text;
}

InputText& AddText(Input* input, const std::string& name, std::string text) {
  InputText& added = input->texts.emplace_back();
  added.name = name == "-" ? "standard input" : name;
  added.text = std::move(text);
  added.faults.SetFile(added.name);
  return added;
}

// The text of a file; a fault is noted and gives none.
std::optional<std::size_t> Load(Input* input, const std::string& name) {
  Result<std::string> text = ReadText(name);
  InputText& added = AddText(input, name, text.ok() ? *text : "");
  if (!text.ok()) added.faults.Error({}, "", text.status().message());
  return text.ok() ? std::optional(input->texts.size() - 1) : std::nullopt;
}

std::string KindOf(const Node& document) {
  const Node* kind = document.Find("kind");
  return kind == nullptr ? "" : kind->text;
}

const Node* AnnotationOf(const Node& document, std::string_view name) {
  return document.FindPath({"metadata", "annotations", name});
}

// What --suggest-service says comes before what the config says.
void AddServices(const std::vector<std::string>& entries, Services* services, Input* input) {
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || entry.find(':', equals) == std::string::npos) {
      AddText(input, "--suggest-service", "")
          .faults.Error({}, "", fmt::format("'{}' is not ALGORITHM=HOST:PORT", entry));
      continue;
    }
    ServiceSpec service;
    service.endpoint = entry.substr(equals + 1);
    services->suggestions[entry.substr(0, equals)] = std::move(service);
  }
}

std::string FolderOf(const std::string& file) {
  std::error_code error;
  return file == "-" ? std::filesystem::current_path(error).string()
                     : std::filesystem::absolute(file, error).parent_path().string();
}

// The one document of a file; a fault is noted and gives none.
std::optional<Node> LoadDocument(const std::string& file, const char* what, Input* input, std::size_t* at) {
  const auto loaded = Load(input, file);
  if (!loaded) return std::nullopt;
  *at = *loaded;
  InputText& text = input->texts[*at];
  std::vector<Node> documents = ReadDocuments(text.text, &text.faults);
  if (text.faults.HasErrors()) return std::nullopt;
  if (documents.size() == 1) return std::move(documents[0]);
  text.faults.Error({}, "", fmt::format("{} is one document; there are {}", what, documents.size()));
  return std::nullopt;
}

Services ReadServices(const InputOptions& options, const std::string& image_map, Input* input) {
  Services services;
  std::size_t at = 0;
  const std::optional<Node> config =
      options.config.empty() ? std::nullopt : LoadDocument(options.config, "a KatibConfig", input, &at);
  if (config) {
    std::optional<ImageMap> images;
    Diagnostics none;
    if (const Result<Node> map = ReadJson(image_map.empty() ? "{}" : image_map); !image_map.empty() && map.ok())
      images = ReadImageMap(*map, &none);
    ReadKatibConfig(*config, FolderOf(options.config), images ? &*images : nullptr, options.strict, &services,
                    &input->texts[at].faults);
  }
  AddServices(options.services, &services, input);
  return services;
}

// As our own service says it, with what there is to choose from.
std::optional<SettingFault> FaultIn(const SettingsTable& table, const std::string& algorithm, const Setting& setting) {
  const Status status = table.Check(algorithm, std::array{setting});
  if (status.ok()) return std::nullopt;
  const SettingInfo* known = table.Find(setting.name);
  SettingFault fault{.of_name = known == nullptr, .text = status.message()};
  std::vector<std::string> names;
  for (const SettingInfo& row : table.rows()) names.emplace_back(row.name);
  if (known == nullptr) {
    const std::string nearest = NearestWord(setting.name, names);
    const std::string has = names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "));
    fault.text += nearest.empty() ? "; " + has : fmt::format("; did you mean '{}'? ({})", nearest, has);
  } else if (!known->choices.empty()) {
    fault.text += fmt::format("; it is one of {}", fmt::join(known->choices, ", "));
  }
  return fault;
}

std::optional<SettingFault> FaultOfSetting(const std::string& algorithm, const Setting& setting) {
  const AlgorithmInfo* info = FindAlgorithm(algorithm);
  return info == nullptr ? std::nullopt : FaultIn(*info->settings, algorithm, setting);
}

std::optional<SettingFault> FaultOfRuleSetting(const std::string& name, const Setting& setting) {
  const StoppingRuleInfo* info = FindStoppingRule(name);
  return info == nullptr ? std::nullopt : FaultIn(*info->settings, name, setting);
}

// The names that exist for this document: the built-in ones, and those that a service was given for.
SpecContext ContextOf(const Node* document, const Services& services, bool strict) {
  SpecContext context;
  context.strict = strict;
  for (const AlgorithmInfo& algorithm : Algorithms()) context.algorithms.emplace_back(algorithm.name);
  for (const auto& [algorithm, service] : services.suggestions) context.served.push_back(algorithm);
  for (const auto& [rule, service] : services.early_stoppings) context.served_rules.push_back(rule);
  const auto remembered = [&](const char* annotation, const char* section, std::vector<std::string>* names) {
    if (document == nullptr || AnnotationOf(*document, annotation) == nullptr) return;
    const Node* name = document->FindPath({"spec", section, "algorithmName"});
    if (name != nullptr) names->push_back(name->text);
  };
  remembered(kSuggestServiceAnnotation, "algorithm", &context.served);
  remembered(kEarlyStoppingServiceAnnotation, "earlyStopping", &context.served_rules);
  context.algorithms.insert(context.algorithms.end(), context.served.begin(), context.served.end());
  context.rules = context.served_rules;
  for (const StoppingRuleInfo& rule : StoppingRules()) context.rules.emplace_back(rule.name);
  context.setting_fault = &FaultOfSetting;
  context.rule_setting_fault = &FaultOfRuleSetting;
  return context;
}

// An experiment that is in the database goes on with the services that it remembers: their names are known.
void AddRemembered(const Node& document, StoreReader* reader, SpecContext* context) {
  const Node* name = document.FindPath({"metadata", "name"});
  const Node* space = document.FindPath({"metadata", "namespace"});
  if (reader == nullptr || name == nullptr) return;
  const auto stored = reader->FindExperiment(space == nullptr ? "default" : space->text, name->text);
  if (!stored.ok() || !stored->has_value()) return;
  const Result<ExperimentSpec> spec = ReadStored(**stored);
  if (!spec.ok()) return;
  if (spec->annotations.contains(kSuggestServiceAnnotation)) {
    context->algorithms.push_back(spec->algorithm.name);
    context->served.push_back(spec->algorithm.name);
  }
  if (spec->annotations.contains(kEarlyStoppingServiceAnnotation) && spec->early_stopping)
    context->rules.push_back(spec->early_stopping->name), context->served_rules.push_back(spec->early_stopping->name);
}

// Algorithms and rules of the document that the config names, and that nobody here can be.
void AdviseBare(const Node& document, const Services& services, const SpecContext& context, const std::string& config,
                Diagnostics* faults) {
  for (const auto& [section, known] :
       {std::pair{"algorithm", &context.algorithms}, {"earlyStopping", &context.rules}}) {
    const Node* name = document.FindPath({"spec", section, "algorithmName"});
    if (name == nullptr || std::ranges::find(*known, name->text) != known->end()) continue;
    const auto bare = services.bare.find(name->text);
    if (bare == services.bare.end()) continue;
    faults->Warning(name->position, fmt::format("spec.{}.algorithmName", section),
                    BareAdvice(name->text, bare->second, config));
  }
}

std::string ReadImageMapFile(const std::string& file, Input* input) {
  if (file.empty()) return "";
  std::size_t at = 0;
  const std::optional<Node> document = LoadDocument(file, "an image map", input, &at);
  if (!document) return "";
  const std::optional<ImageMap> images = ReadImageMap(*document, &input->texts[at].faults, FolderOf(file));
  return images ? ToJson(ToDocument(*images)) : "";
}

void Override(const InputOptions& options, Node* document) {
  for (Node::Entry& entry : document->entries) {
    if (entry.key != "spec" || entry.value.kind != Node::Kind::kMap) continue;
    if (options.trials) entry.value.Set("maxTrialCount", Node::Int(*options.trials));
    if (options.parallel) entry.value.Set("parallelTrialCount", Node::Int(*options.parallel));
  }
}

void Remember(const Services& services, const std::string& image_map, ExperimentSpec* spec) {
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  if (!error) spec->annotations.try_emplace(kWorkingDirAnnotation, here);
  if (!image_map.empty()) spec->annotations[kImageMapAnnotation] = image_map;
  const auto service = services.suggestions.find(spec->algorithm.name);
  if (service != services.suggestions.end())
    spec->annotations[kSuggestServiceAnnotation] = ServiceText(service->second);
  if (!spec->early_stopping) return;
  const auto rules = services.early_stoppings.find(spec->early_stopping->name);
  if (rules != services.early_stoppings.end())
    spec->annotations[kEarlyStoppingServiceAnnotation] = ServiceText(rules->second);
}

// Faults of a template that may be right elsewhere are warnings: of a kind that this version does not run, of a
// collector whose command is in its image.
void LookAtTemplate(const Request& request, const std::string& trial, const Assignments& values, const Node& manifest,
                    const Resources* capacity, Diagnostics* faults) {
  const std::vector<std::string_view> kinds = CompilableKinds();
  const Node *version = manifest.Find("apiVersion"), *kind = manifest.Find("kind");
  const bool known = version != nullptr && kind != nullptr &&
                     std::ranges::find(kinds, version->text + ' ' + kind->text) != kinds.end();
  Diagnostics found;
  (void)CompileRun(request.spec, trial, values, manifest, &found, capacity, &request.objects);
  for (const Diagnostic& fault : found.all()) {
    const bool collector = fault.field.starts_with("spec.metricsCollectorSpec.collector.customCollector");
    const bool elsewhere = !known || collector || fault.severity == Diagnostic::Severity::kWarning;
    elsewhere ? faults->Warning(fault.position, fault.field, fault.message)
              : faults->Error(fault.position, fault.field, fault.message);
  }
}

std::string Counted(int n, std::string_view word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

}  // namespace

int Input::Count(Diagnostic::Severity severity) const {
  int count = 0;
  for (const InputText& text : texts) {
    for (const Diagnostic& fault : text.faults.all()) count += fault.severity == severity ? 1 : 0;
  }
  return count;
}

std::string Input::Render() const {
  std::string out;
  for (const InputText& text : texts) out += qalam::Render(text.faults, text.text);
  return out;
}

std::string FaultCounts(const Input& input) {
  const int errors = input.Count(Diagnostic::Severity::kError), warnings = input.Count(Diagnostic::Severity::kWarning);
  std::string out = errors > 0 || warnings == 0 ? Counted(errors, "error") : "";
  if (warnings > 0) out += (out.empty() ? "" : ", ") + Counted(warnings, "warning");
  return out;
}

InputOptions InputOf(const FileOptions& options) {
  InputOptions input;
  input.files = options.files;
  input.files.insert(input.files.end(), options.more.begin(), options.more.end());
  input.image_map = options.image_map;
  input.config = options.config;
  input.services = options.services;
  input.strict = options.strict;
  return input;
}

Input ReadFiles(const InputOptions& options) {
  Input input;
  input.to_run = options.to_run;
  const std::string image_map = ReadImageMapFile(options.image_map, &input);
  const Services services = ReadServices(options, image_map, &input);
  struct Found {
    Node document;
    std::size_t text;
  };
  std::vector<Found> experiments;
  std::vector<Node> others;
  Objects objects;
  for (const std::string& file : options.files) {
    const auto at = Load(&input, file);
    if (!at) continue;
    InputText& text = input.texts[*at];
    std::vector<Node> documents = ReadDocuments(text.text, &text.faults);
    if (documents.empty() && !text.faults.HasErrors()) text.faults.Error({}, "", "there is no document in it");
    for (Node& document : documents) {
      if (const std::string kind = KindOf(document); Objects::IsOne(document)) {
        objects.Add(document, &text.faults);
        text.has_secrets = text.has_secrets || Objects::IsSecret(document);
        if (kind == "ConfigMap") others.push_back(std::move(document));
      } else if (kind.empty() || kind == "Experiment") {
        experiments.push_back({std::move(document), *at});
      } else {
        text.faults.Error(document.Find("kind")->position, "kind",
                          fmt::format("'{}' is not read here: an Experiment, or a ConfigMap, Secret or "
                                      "PersistentVolumeClaim that one names{}",
                                      kind, DidYouMean(kind, {"Experiment", "ConfigMap", "Secret"})));
      }
    }
  }
  std::set<std::pair<std::string, std::string>> names;
  for (Found& found : experiments) {
    InputText& text = input.texts[found.text];
    // The database keeps the text, and no Secret that stands in it.
    const std::string source = text.has_secrets ? ToYaml(found.document) : text.text;
    Override(options, &found.document);
    SpecContext context = ContextOf(&found.document, services, options.strict);
    AddRemembered(found.document, options.reader, &context);
    context.documents = &others;
    context.to_run = options.to_run;
    Node experiment;
    std::vector<Fix> fixes;
    if (FormOf(found.document) == Form::kKatib) context.fixes = &fixes;
    std::optional<ExperimentSpec> spec = ReadAnyForm(found.document, context, &text.faults, &experiment);
    text.fixes.insert(text.fixes.end(), fixes.begin(), fixes.end());
    AdviseBare(found.document, services, context, options.config, &text.faults);
    if (!spec) continue;
    if (FormOf(found.document) != Form::kKatib) {
      if (options.trials) spec->max_trial_count = options.trials;
      if (options.parallel) spec->parallel_trial_count = *options.parallel;
    }
    if (!names.emplace(spec->namespace_name, spec->name).second) {
      const Node* name = found.document.FindPath({"metadata", "name"});
      text.faults.Error(name == nullptr ? Position{} : name->position, "metadata.name",
                        fmt::format("there are two experiments named '{}'", spec->name));
    }
    Remember(services, image_map, &*spec);
    input.requests.push_back({*std::move(spec), std::move(experiment), source, found.text, objects});
  }
  return input;
}

Input ReadCommand(const ShortForm& form, const std::string& command_line, const InputOptions& options) {
  Input input;
  const std::string image_map = ReadImageMapFile(options.image_map, &input);
  const Services services = ReadServices(options, image_map, &input);
  InputText& text = AddText(&input, "command line", command_line);
  std::optional<ExperimentSpec> spec = ReadShortForm(form, ContextOf(nullptr, services, options.strict), &text.faults);
  if (!spec) return input;
  Remember(services, image_map, &*spec);
  input.requests.push_back({*std::move(spec), {}, command_line, input.texts.size() - 1});
  return input;
}

Services ReadConfigFile(const std::string& config, Input* input) {
  InputOptions options;
  options.config = config;
  return ReadServices(options, "", input);
}

void Recall(StoreReader& reader, Input* input) {
  for (Request& request : input->requests) {
    ExperimentSpec& spec = request.spec;
    Diagnostics& faults = input->texts[request.text].faults;
    const auto stored = reader.FindExperiment(spec.namespace_name, spec.name);
    if (!stored.ok() || !stored->has_value()) continue;
    const Result<ExperimentSpec> before = ReadStored(**stored);
    if (!before.ok()) {
      faults.Error({}, "", before.status().message());
      continue;
    }
    std::vector<std::string> differing = DifferingFields(*before, spec);
    for (const char* name :
         {kWorkingDirAnnotation, kImageMapAnnotation, kSuggestServiceAnnotation, kEarlyStoppingServiceAnnotation}) {
      const auto remembered = before->annotations.find(name);
      const auto given = spec.annotations.find(name);
      if (name == kImageMapAnnotation && given != spec.annotations.end() &&
          (remembered == before->annotations.end() || remembered->second != given->second)) {
        differing.emplace_back("the image map");
      }
      if (remembered == before->annotations.end()) continue;
      // Where a service is reached may change; where the trials run, and with what, may not.
      const bool service = name == kSuggestServiceAnnotation || name == kEarlyStoppingServiceAnnotation;
      if (!service || given == spec.annotations.end()) spec.annotations[name] = remembered->second;
    }
    for (const char* name : kOriginAnnotations) {
      const auto recorded = before->annotations.find(name);
      spec.annotations.erase(name);
      if (recorded != before->annotations.end()) spec.annotations.insert(*recorded);
    }
    request.known = true;
    if (differing.empty()) continue;
    std::string fields;
    for (const std::string& field : differing) fields += (fields.empty() ? "" : ", ") + field;
    faults.Error({}, "",
                 fmt::format("experiment '{}' exists in this database and differs in: {}. Give the new one "
                             "another name, or use another database (--db FILE). Only parallelTrialCount, "
                             "maxTrialCount and maxFailedTrialCount may be changed",
                             spec.name, fields));
  }
}

void RecallObjects(const std::string& db, Input* input) {
  for (Request& request : input->requests) {
    auto kept = ReadKeptObjects(db, request.spec.namespace_name, request.spec.name);
    Diagnostics& faults = input->texts[request.text].faults;
    if (!kept.ok()) {
      faults.Error({}, "", kept.status().message());
      continue;
    }
    for (const Node& document : request.objects.Documents(request.spec.namespace_name)) kept->Add(document, &faults);
    request.objects = *std::move(kept);
  }
}

Assignments MiddleOf(const ExperimentSpec& spec) {
  if (spec.nas_config) {
    Assignments names;
    for (const std::string& name : NasAssignmentNames(spec.algorithm.name)) names.push_back({name, name});
    return names;
  }
  const auto space = SearchSpace::Create(spec.parameters);
  return space.ok() ? space->Decode(Eigen::VectorXd::Constant(space->dim(), 0.5)) : Assignments();
}

void TryTemplates(Input* input, const Resources* capacity) {
  for (const Request& request : input->requests) {
    Diagnostics& faults = input->texts[request.text].faults;
    if (const auto space = SpaceOf(request.spec); !space.ok()) {
      faults.Error({}, "spec.parameters", space.status().message());
      continue;
    }
    const Node& manifest = request.spec.trial_template.trial_spec;
    // Told already: the ConfigMap is not there.
    if (manifest.kind == Node::Kind::kNull && request.spec.trial_template.config_map_text.empty()) continue;
    const Assignments middle = MiddleOf(request.spec);
    const std::string trial = request.spec.name + "-lint";
    // What an architecture is described by, only its service knows.
    const bool keep = !input->to_run || request.spec.nas_config;
    const Result<Node> rendered = RenderTrial(request.spec, trial, middle, keep ? Unfilled::kKeep : Unfilled::kFault);
    if (!rendered.ok()) {
      faults.Error(manifest.position, "spec.trialTemplate", rendered.status().message());
      continue;
    }
    if (input->to_run) {
      (void)CompileRun(request.spec, trial, middle, *rendered, &faults, capacity, &request.objects);
    } else {
      LookAtTemplate(request, trial, middle, *rendered, capacity, &faults);
    }
  }
}

}  // namespace qalam
