// SPDX-License-Identifier: Apache-2.0
#include "experiment/field_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/diagnostic.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

using enum FieldKind;

constexpr std::array<std::string_view, 1> kApiVersions = {kApiVersion};
constexpr std::array<std::string_view, 1> kKinds = {kExperimentKind};

constexpr Field kSettingFields[] = {
    {.name = "name", .doc = "the setting's name, as `qalam algorithms describe` lists it", .required = true},
    {.name = "value", .doc = "its value; the algorithm checks what it means", .required = true},
};
constexpr FieldGroup kSetting = {kSettingFields};

constexpr Field kStrategyFields[] = {
    {.name = "name", .doc = "the metric whose reports are chosen", .required = true},
    {.name = "value",
     .kind = kWord,
     .doc = "which of a metric's reports counts: the smallest, the largest or the last",
     .required = true,
     .words = kStrategies},
};
constexpr FieldGroup kStrategy = {kStrategyFields};

constexpr Field kObjectiveFields[] = {
    {.name = "type",
     .kind = kWord,
     .doc = "whether a small or a large value of the metric is good",
     .required = true,
     .words = kObjectiveTypes},
    {.name = "goal",
     .kind = kNumber,
     .doc = "a value that is good enough: the experiment ends when a trial reaches it"},
    {.name = "objectiveMetricName", .doc = "the metric to tune, by the name that the trial prints", .required = true},
    {.name = "additionalMetricNames", .kind = kTexts, .doc = "further metrics to collect and show"},
    {.name = "metricStrategies",
     .kind = kList,
     .doc = "which of a metric's reports counts; the direction of the objective where nothing is written",
     .below = &kStrategy},
};
constexpr FieldGroup kObjective = {kObjectiveFields};

constexpr Field kAlgorithmFields[] = {
    {.name = "algorithmName", .doc = "who proposes the trials (`qalam algorithms` lists them)", .required = true},
    {.name = "algorithmSettings", .kind = kList, .doc = "settings of the algorithm", .below = &kSetting},
};
constexpr FieldGroup kAlgorithm = {kAlgorithmFields};

constexpr Field kEarlyStoppingFields[] = {
    {.name = "algorithmName", .doc = "the rule that ends hopeless trials, medianstop for one", .required = true},
    {.name = "algorithmSettings", .kind = kList, .doc = "settings of the rule", .below = &kSetting},
};
constexpr FieldGroup kEarlyStopping = {kEarlyStoppingFields};

constexpr Field kSpaceFields[] = {
    {.name = "min", .doc = "the smallest value of a double or int"},
    {.name = "max", .doc = "the largest value of a double or int"},
    {.name = "step", .doc = "the distance between two values of a double or int", .fallback = "none; 1 for an int"},
    {.name = "list", .kind = kTexts, .doc = "the values of a discrete (numbers) or a categorical (any texts)"},
    {.name = "distribution",
     .kind = kWord,
     .doc = "how the values of a double or int are spread; logUniform for a range of several decades",
     .fallback = "uniform",
     .words = kDistributions},
};
constexpr FieldGroup kSpace = {kSpaceFields};

constexpr Field kParameterFields[] = {
    {.name = "name", .doc = "the parameter's name, once in an experiment", .required = true},
    {.name = "parameterType", .kind = kWord, .doc = "what its values are", .required = true, .words = kParameterTypes},
    {.name = "feasibleSpace", .kind = kMap, .doc = "which values it may take", .required = true, .below = &kSpace},
};
constexpr FieldGroup kParameter = {kParameterFields};

constexpr Field kGraphFields[] = {
    {.name = "numLayers", .kind = kWhole, .doc = "the number of layers of the network", .least = 1},
    {.name = "inputSizes", .kind = kWholes, .doc = "the sizes of the input, dimension by dimension", .least = 1},
    {.name = "outputSizes", .kind = kWholes, .doc = "the sizes of the output, dimension by dimension", .least = 1},
};
constexpr FieldGroup kGraph = {kGraphFields};

constexpr Field kOperationFields[] = {
    {.name = "operationType", .doc = "the kind of operation, convolution for one", .required = true},
    {.name = "parameters", .kind = kList, .doc = "what can vary within the operation", .below = &kParameter},
};
constexpr FieldGroup kOperation = {kOperationFields};

constexpr Field kNasFields[] = {
    {.name = "graphConfig", .kind = kMap, .doc = "the shape of the network", .required = true, .below = &kGraph},
    {.name = "operations",
     .kind = kList,
     .doc = "the operations that a layer may be made of",
     .required = true,
     .below = &kOperation},
};
constexpr FieldGroup kNas = {kNasFields};

constexpr Field kTrialParameterFields[] = {
    {.name = "name",
     .doc = "the NAME of ${trialParameters.NAME} in the template",
     .required = true,
     .pattern = "[^{}]+"},
    {.name = "description", .doc = "what it is, for people"},
    {.name = "reference",
     .doc = "the search parameter whose value it takes, or ${trialSpec.Name}, .Namespace, .Kind, .APIVersion, "
            ".Annotations[KEY], .Labels[KEY]",
     .required = true},
};
constexpr FieldGroup kTrialParameter = {kTrialParameterFields};

constexpr Field kConfigMapFields[] = {
    {.name = "configMapName", .doc = "the name of the ConfigMap that holds the template", .required = true},
    {.name = "configMapNamespace", .doc = "its namespace", .fallback = "the experiment's"},
    {.name = "templatePath", .doc = "the key of the ConfigMap's data", .required = true},
};
constexpr FieldGroup kConfigMap = {kConfigMapFields};

constexpr Field kTemplateFields[] = {
    {.name = "trialSpec", .kind = kObject, .doc = "the manifest of a trial, a batch/v1 Job for one, without a name"},
    {.name = "configMap",
     .kind = kMap,
     .doc = "where the manifest stands instead of trialSpec: in a ConfigMap of the same file or of -f FILE",
     .below = &kConfigMap},
    {.name = "trialParameters",
     .kind = kList,
     .doc = "what may stand as ${trialParameters.NAME} in the manifest",
     .below = &kTrialParameter},
    {.name = "primaryContainerName",
     .doc = "the container whose end is the trial's end, and whose output is read",
     .required = true},
    {.name = "primaryPodLabels",
     .kind = kTextMap,
     .doc = "which pod of a trial holds the primary container",
     .fallback = "Katib's for the kind"},
    {.name = "successCondition",
     .doc = "GJSON path over the finished object; a trial has succeeded when it finds something",
     .fallback = "Katib's for the kind"},
    {.name = "failureCondition",
     .doc = "GJSON path over the finished object; a trial has failed when it finds something",
     .fallback = "Katib's for the kind"},
    {.name = "retain",
     .kind = kFlag,
     .doc = "whether a cluster keeps the object of a trial that has ended",
     .fallback = "false"},
};
constexpr FieldGroup kTemplate = {kTemplateFields};

constexpr Field kCollectorFields[] = {
    {.name = "kind", .kind = kWord, .doc = "how metrics are read", .fallback = "StdOut", .words = kCollectorKinds},
    {.name = "customCollector", .kind = kObject, .doc = "the container that collects the metrics of kind Custom"},
};
constexpr FieldGroup kCollector = {kCollectorFields};

constexpr Field kFileFields[] = {
    {.name = "path",
     .doc = "the file or folder, as the trial sees it",
     .fallback = "/var/log/katib/metrics.log; /var/log/katib/tfevent/ for TensorFlowEvent"},
    {.name = "kind",
     .kind = kWord,
     .doc = "File, or Directory for TensorFlowEvent",
     .fallback = "File; Directory for TensorFlowEvent",
     .words = kPathKinds},
    {.name = "format",
     .kind = kWord,
     .doc = "lines of text or lines of JSON; not for TensorFlowEvent",
     .fallback = "TEXT",
     .words = kFileFormats},
};
constexpr FieldGroup kFile = {kFileFields};

constexpr Field kHttpFields[] = {
    {.name = "path", .doc = "the path that is asked of the trial's server", .fallback = "/metrics"},
    {.name = "port", .kind = kWhole, .doc = "its port, from 1 to 65535", .fallback = "8080", .least = 1},
};
constexpr std::string_view kHttpIgnored[] = {"host", "scheme", "httpHeaders"};
constexpr FieldGroup kHttp = {kHttpFields, kHttpIgnored};

constexpr Field kFilterFields[] = {
    {.name = "metricsFormat",
     .kind = kTexts,
     .doc = "regular expressions (RE2) with two groups, the metric's name and its value",
     .fallback = "[([\\w|-]+)\\s*=\\s*([+-]?\\d*(\\.\\d+)?([Ee][+-]?\\d+)?)]"},
};
constexpr FieldGroup kFilter = {kFilterFields};

constexpr Field kSourceFields[] = {
    {.name = "fileSystemPath",
     .kind = kMap,
     .doc = "the file of kind File and Custom, the folder of kind TensorFlowEvent",
     .below = &kFile},
    {.name = "httpGet", .kind = kMap, .doc = "what kind PrometheusMetric asks", .below = &kHttp},
    {.name = "filter", .kind = kMap, .doc = "how a metric is found in a line of text", .below = &kFilter},
};
constexpr FieldGroup kSource = {kSourceFields};

constexpr Field kMetricsFields[] = {
    {.name = "collector", .kind = kMap, .doc = "how metrics are read", .below = &kCollector},
    {.name = "source", .kind = kMap, .doc = "where they are read", .below = &kSource},
};
constexpr FieldGroup kMetrics = {kMetricsFields};

constexpr Field kSpecFields[] = {
    {.name = "objective", .kind = kMap, .doc = "what is made small or large", .required = true, .below = &kObjective},
    {.name = "algorithm", .kind = kMap, .doc = "how trials are chosen", .required = true, .below = &kAlgorithm},
    {.name = "earlyStopping", .kind = kMap, .doc = "when a hopeless trial is ended", .below = &kEarlyStopping},
    {.name = "parallelTrialCount", .kind = kWhole, .doc = "how many trials at once", .fallback = "3", .least = 1},
    {.name = "maxTrialCount", .kind = kWhole, .doc = "how many trials in all", .fallback = "no limit", .least = 1},
    {.name = "maxFailedTrialCount",
     .kind = kWhole,
     .doc = "at how many failed trials the experiment fails",
     .fallback = "no limit",
     .least = 0},
    {.name = "resumePolicy",
     .kind = kWord,
     .doc = "whether an experiment that ended by maxTrialCount goes on when that is raised",
     .fallback = "Never",
     .words = kResumePolicies},
    {.name = "parameters", .kind = kList, .doc = "what is tuned; nasConfig instead for networks", .below = &kParameter},
    {.name = "nasConfig", .kind = kMap, .doc = "the space of a search for a network's architecture", .below = &kNas},
    {.name = "trialTemplate", .kind = kMap, .doc = "what a trial runs", .required = true, .below = &kTemplate},
    {.name = "metricsCollectorSpec", .kind = kMap, .doc = "where a trial's metrics come out", .below = &kMetrics},
};
constexpr FieldGroup kSpec = {kSpecFields};

constexpr Field kMetadataFields[] = {
    {.name = "name",
     .doc = "the experiment's name: small letters, digits and '-', at most 40",
     .required = true,
     .pattern = "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"},
    {.name = "namespace",
     .doc = "the experiment's namespace",
     .fallback = "default",
     .pattern = "([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?"},
    {.name = "labels", .kind = kTextMap, .doc = "labels; every trial has them too"},
    {.name = "annotations",
     .kind = kTextMap,
     .doc = "annotations; qalam.dev/... are ours: qalam.dev/conditions has a line for each parameter that is there "
            "only while "
            "another one has certain values, as in  momentum: optimizer == sgd, else 0"},
};
// Made by a server, and there when an Experiment was exported from one. With generateName alone a cluster makes a name.
constexpr std::string_view kMetadataIgnored[] = {
    "uid",           "resourceVersion",   "generation",   "creationTimestamp",
    "managedFields", "deletionTimestamp", "generateName", "deletionGracePeriodSeconds",
    "finalizers",    "ownerReferences",   "selfLink"};
constexpr FieldGroup kMetadata = {kMetadataFields, kMetadataIgnored};

constexpr Field kRootFields[] = {
    {.name = "apiVersion", .kind = kWord, .doc = "the version of this format", .required = true, .words = kApiVersions},
    {.name = "kind", .kind = kWord, .doc = "what the document is", .required = true, .words = kKinds},
    {.name = "metadata", .kind = kMap, .doc = "name, namespace, labels", .required = true, .below = &kMetadata},
    {.name = "spec", .kind = kMap, .doc = "what the experiment is to do", .required = true, .below = &kSpec},
};
constexpr std::string_view kRootIgnored[] = {"status"};
constexpr FieldGroup kRoot = {kRootFields, kRootIgnored};

}  // namespace

std::string_view ToString(FieldKind kind) {
  switch (kind) {
    case kText: return "text";
    case kWord: return "word";
    case kWhole: return "whole number";
    case kNumber: return "number";
    case kFlag: return "true or false";
    case kTexts: return "list of texts";
    case kWholes: return "list of whole numbers";
    case kTextMap: return "map of texts";
    case kMap: return "map";
    case kList: return "list of maps";
    case kObject: return "object";
  }
  return "";
}

const Field* FieldGroup::Find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

std::vector<std::string> FieldGroup::Names() const {
  std::vector<std::string> names;
  for (const Field& field : fields) names.emplace_back(field.name);
  return names;
}

const FieldGroup& ExperimentFields() { return kRoot; }

Result<const Field*> FindField(std::string_view path) {
  const std::string whole(path);
  if (path == "experiment") path = "";
  if (path.starts_with("experiment.")) path.remove_prefix(std::string_view("experiment.").size());
  const FieldGroup* group = &kRoot;
  const Field* field = nullptr;
  std::string done = "experiment";
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(part.size() + 1, path.size()));
    const std::string_view name = part.substr(0, part.find('['));
    if (group == nullptr)
      return Error(Code::kNotFound, "{} is a {}: it has no field '{}'", done, ToString(field->kind), name);
    field = group->Find(name);
    if (field == nullptr) {
      const std::string nearest = NearestWord(name, group->Names());
      return Error(Code::kNotFound, "{} has no field '{}'{}", done, name,
                   nearest.empty() ? fmt::format("; it has {}", JoinWords(group->Names()))
                                   : fmt::format("; did you mean '{}'?", nearest));
    }
    group = field->below;
    done += fmt::format(".{}", name);
  }
  if (field == nullptr) return Error(Code::kNotFound, "'{}' names no field; begin with experiment.spec", whole);
  return field;
}

}  // namespace qalam
