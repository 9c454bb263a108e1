// SPDX-License-Identifier: Apache-2.0
#include "experiment/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string Assigned(const FeasibleSpace& space) {
  std::string list;
  for (const std::string& value : space.list) list += value + ",";
  return fmt::format("{}..{} step {} list {} {}", space.min, space.max, space.step, list, ToString(space.distribution));
}

// Every field, as text: two specs are equal if these are.
std::string Dump(const ExperimentSpec& spec) {
  std::string out = fmt::format("{}/{}\n", spec.namespace_name, spec.name);
  const auto map = [&](const char* what, const std::map<std::string, std::string>& entries) {
    for (const auto& [key, value] : entries) out += fmt::format("{} {}={}\n", what, key, value);
  };
  const auto algorithm = [&](const AlgorithmSpec& a) {
    out += a.name + ":";
    for (const Setting& s : a.settings) out += fmt::format(" {}={}", s.name, s.value);
    out += "\n";
  };
  map("label", spec.labels);
  map("annotation", spec.annotations);
  for (const ParameterSpec& p : spec.parameters)
    out += fmt::format("{} {} {}\n", p.name, ToString(p.type), Assigned(p.feasible));
  const ObjectiveSpec& o = spec.objective;
  out +=
      fmt::format("{} {} {}\n", static_cast<int>(o.type), o.metric_name, o.goal ? fmt::format("{}", *o.goal) : "none");
  for (const std::string& name : o.additional_metric_names) out += name + "\n";
  for (const auto& [name, strategy] : o.strategies) out += fmt::format("{}: {}\n", name, static_cast<int>(strategy));
  algorithm(spec.algorithm);
  if (spec.early_stopping) algorithm(*spec.early_stopping);
  out += fmt::format("{} {} {} {}\n", spec.parallel_trial_count, spec.max_trial_count.value_or(-1),
                     spec.max_failed_trial_count.value_or(-1), static_cast<int>(spec.resume_policy));
  const TrialTemplate& t = spec.trial_template;
  out += fmt::format("{} {}\n{}/{}/{}\n{}\n{} {} {}\n", t.retain, ToJson(t.trial_spec), t.config_map_namespace,
                     t.config_map_name, t.template_path, t.config_map_text, t.primary_container_name,
                     t.success_condition, t.failure_condition);
  for (const TrialParameterSpec& p : t.parameters) out += fmt::format("{} {} {}\n", p.name, p.description, p.reference);
  map("pod", t.primary_pod_labels);
  const MetricsCollectorSpec& m = spec.metrics_collector;
  out += fmt::format("{} {} {} {}\n", static_cast<int>(m.kind), m.path, m.port, static_cast<int>(m.format));
  for (const std::string& filter : m.filters) out += filter + "\n";
  return out;
}

constexpr std::string_view kEveryField = R"yaml(
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: all
  namespace: team-a
  labels: {owner: ann, round: 3}
  annotations: {note: "a: b"}
  uid: 1234
  creationTimestamp: null
spec:
  objective:
    type: maximize
    goal: 0.99
    objectiveMetricName: accuracy
    additionalMetricNames: [loss, time]
    metricStrategies: [{name: accuracy, value: latest}, {name: loss, value: min}]
  algorithm:
    algorithmName: random
    algorithmSettings: [{name: random_state, value: 10}, {name: flag, value: true}]
  earlyStopping:
    algorithmName: asha
    algorithmSettings: [{name: start_step, value: "2"}]
  parallelTrialCount: 4
  maxTrialCount: 100
  maxFailedTrialCount: 0
  resumePolicy: FromVolume
  metricsCollectorSpec:
    collector: {kind: File}
    source:
      fileSystemPath: {path: /out/metrics.log, kind: File, format: TEXT}
      filter: {metricsFormat: ["(a)=(b)", "(c):(d)"]}
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: 0.0010, max: "1e-1", distribution: logUniform}
    - name: width
      parameterType: int
      feasibleSpace: {min: 16, max: 256, step: 16}
    - name: batch
      parameterType: discrete
      feasibleSpace: {list: [64, "32", 128]}
    - name: opt
      parameterType: categorical
      feasibleSpace: {list: [sgd, 0.10, yes, true]}
  trialTemplate:
    retain: true
    primaryContainerName: main
    primaryPodLabels: {role: master}
    successCondition: s
    failureCondition: f
    trialParameters:
      - {name: rate, description: step size, reference: lr}
      - {name: w, reference: width}
      - {name: b, reference: batch}
      - {name: o, reference: opt}
      - {name: trial, reference: "${trialSpec.Name}"}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec: {args: ["${trialParameters.rate} ${trialParameters.w} ${trialParameters.b}", "${trialParameters.o}", "${trialParameters.trial}"]}
status: {conditions: []}
)yaml";

TEST(Spec, EveryFieldIsRead) {
  SpecContext context = BuiltIn();
  context.rules = {"asha"};
  const Reading reading = ReadSpec(kEveryField, context);
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_THAT(Lines(reading.faults),
              testing::EndsWith("is not met by a Job that has succeeded: Katib would wait for ever\n"));
  const ExperimentSpec& spec = *reading.spec;
  EXPECT_EQ(spec.namespace_name, "team-a");
  EXPECT_EQ(spec.name, "all");
  EXPECT_THAT(spec.labels, ElementsAre(Pair("owner", "ann"), Pair("round", "3")));
  EXPECT_THAT(spec.annotations, ElementsAre(Pair("note", "a: b")));
  EXPECT_EQ(spec.objective.type, ObjectiveType::kMaximize);
  EXPECT_EQ(spec.objective.goal, 0.99);
  EXPECT_THAT(spec.objective.strategies,
              ElementsAre(Pair("accuracy", MetricStrategy::kLatest), Pair("loss", MetricStrategy::kMin),
                          Pair("time", MetricStrategy::kMax)));
  EXPECT_THAT(spec.algorithm.settings, ElementsAre(Setting{"random_state", "10"}, Setting{"flag", "true"}));
  ASSERT_TRUE(spec.early_stopping);
  EXPECT_EQ(spec.early_stopping->name, "asha");
  EXPECT_THAT(spec.early_stopping->settings, ElementsAre(Setting{"start_step", "2"}));
  EXPECT_EQ(spec.parallel_trial_count, 4);
  EXPECT_EQ(spec.max_trial_count, 100);
  EXPECT_EQ(spec.max_failed_trial_count, 0);
  EXPECT_EQ(spec.resume_policy, ResumePolicy::kFromVolume);
  EXPECT_EQ(spec.metrics_collector.path, "/out/metrics.log");
  EXPECT_THAT(spec.metrics_collector.filters, ElementsAre("(a)=(b)", "(c):(d)"));
  ASSERT_EQ(spec.parameters.size(), 4u);
  EXPECT_EQ(Assigned(spec.parameters[0].feasible), "0.0010..1e-1 step  list  logUniform");
  EXPECT_EQ(Assigned(spec.parameters[1].feasible), "16..256 step 16 list  uniform");
  EXPECT_EQ(Assigned(spec.parameters[2].feasible), ".. step  list 64,32,128, uniform");
  EXPECT_EQ(Assigned(spec.parameters[3].feasible), ".. step  list sgd,0.10,yes,true, uniform");
  EXPECT_TRUE(spec.trial_template.retain);
  EXPECT_EQ(spec.trial_template.success_condition, "s");
  EXPECT_THAT(spec.trial_template.primary_pod_labels, ElementsAre(Pair("role", "master")));
  EXPECT_EQ(spec.trial_template.parameters[0].description, "step size");
  EXPECT_EQ(spec.trial_template.parameters[4].reference, "${trialSpec.Name}");

  Diagnostics faults;
  SpecContext rules;
  rules.rules = {"asha"};
  const auto again = ReadExperiment(ToDocument(spec), rules, &faults);
  ASSERT_TRUE(again) << Lines(faults);
  EXPECT_EQ(Dump(*again), Dump(spec));
}

TEST(Spec, DefaultsAreKatibs) {
  std::string text =
      With(With(With(std::string(kGoodExperiment), "  parallelTrialCount: 2\n", ""), "  maxTrialCount: 12\n", ""),
           "  maxFailedTrialCount: 3\n", "");
  text = With(text, "    goal: 0.001\n", "");
  const Reading reading = ReadSpec(text);
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_EQ(Lines(reading.faults), "");
  const ExperimentSpec& spec = *reading.spec;
  EXPECT_EQ(spec.namespace_name, "default");
  EXPECT_EQ(spec.parallel_trial_count, 3);
  EXPECT_FALSE(spec.max_trial_count);
  EXPECT_FALSE(spec.max_failed_trial_count);
  EXPECT_FALSE(spec.objective.goal);
  EXPECT_EQ(spec.resume_policy, ResumePolicy::kNever);
  EXPECT_THAT(spec.objective.strategies,
              ElementsAre(Pair("accuracy", MetricStrategy::kMin), Pair("loss", MetricStrategy::kMin)));
  EXPECT_EQ(spec.metrics_collector.kind, CollectorKind::kStdOut);
  EXPECT_FALSE(spec.trial_template.retain);
  EXPECT_EQ(spec.trial_template.success_condition, R"(status.conditions.#(type=="Complete")#|#(status=="True")#)");
  EXPECT_EQ(spec.trial_template.failure_condition, R"(status.conditions.#(type=="Failed")#|#(status=="True")#)");
  EXPECT_THAT(spec.trial_template.primary_pod_labels, IsEmpty());
}

TEST(Spec, DefaultsOfATemplateFollowItsKind) {
  const auto template_of = [](const char* kind) {
    return ReadSpec(Changed("kind: Job", fmt::format("kind: {}", kind))).spec->trial_template;
  };
  for (const char* kind : {"TFJob", "PyTorchJob", "XGBoostJob", "MPIJob"}) {
    const TrialTemplate t = template_of(kind);
    EXPECT_EQ(t.success_condition, R"(status.conditions.#(type=="Succeeded")#|#(status=="True")#)") << kind;
    EXPECT_THAT(t.primary_pod_labels, ElementsAre(Pair("training.kubeflow.org/job-role", "master"))) << kind;
  }
  const TrialTemplate train = template_of("TrainJob");
  EXPECT_EQ(train.success_condition, R"(status.conditions.#(type=="Complete")#|#(status=="True")#)");
  EXPECT_THAT(train.primary_pod_labels, ElementsAre(Pair("batch.kubernetes.io/job-completion-index", "0"),
                                                    Pair("jobset.sigs.k8s.io/replicatedjob-name", "node")));
}

TEST(Spec, AFileCollectorHasKatibsPath) {
  const Reading reading =
      ReadSpec(Changed("  trialTemplate:", "  metricsCollectorSpec: {collector: {kind: File}}\n  trialTemplate:"));
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_EQ(reading.spec->metrics_collector.path, "/var/log/katib/metrics.log");
  EXPECT_EQ(reading.spec->metrics_collector.format, FileFormat::kText);
}

// Katib's Python SDK (search.categorical) puts the list where the distribution belongs.
TEST(Spec, AListInThePlaceOfTheDistributionIsTheList) {
  const Reading reading = ReadSpec(Changed("list: [sgd, adam]", "distribution: [sgd, adam]"));
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_EQ(Lines(reading.faults), "");
  EXPECT_THAT(reading.spec->parameters[2].feasible.list, ElementsAre("sgd", "adam"));
}

TEST(Spec, FieldsThatAreNullAreAbsent) {
  std::string text = With(std::string(kGoodExperiment), "maxTrialCount: 12", "maxTrialCount: null");
  text = With(text, "maxFailedTrialCount: 3", "nasConfig: null\n  earlyStopping:\n  metricsCollectorSpec: ~");
  const Reading reading = ReadSpec(text);
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_FALSE(reading.spec->max_trial_count);
  EXPECT_FALSE(reading.spec->early_stopping);
}

TEST(Spec, YamlAndJsonOfTheSameContentGiveTheSameSpec) {
  for (const std::filesystem::directory_entry& entry :
       std::filesystem::recursive_directory_iterator(DataFile("katib"))) {
    if (entry.path().extension() != ".yaml" || entry.path().string().find("/golden/") != std::string::npos) continue;
    SCOPED_TRACE(entry.path().string());
    const std::string text = ReadFile(entry.path().string());
    Diagnostics faults;
    const std::vector<Node> documents = ReadDocuments(text, &faults);
    ASSERT_FALSE(documents.empty()) << Lines(faults);
    const Reading yaml = ReadSpec(text, {}), json = ReadSpec(ToJson(documents[0]), {}),
                  pretty = ReadSpec(ToJson(documents[0], 2), {}), printed = ReadSpec(ToYaml(documents[0]), {});
    for (const Reading* other : {&json, &pretty, &printed}) {
      ASSERT_EQ(yaml.spec.has_value(), other->spec.has_value()) << Lines(other->faults);
      EXPECT_EQ(yaml.faults.all().size(), other->faults.all().size());
      if (yaml.spec) {
        EXPECT_EQ(Dump(*yaml.spec), Dump(*other->spec));
      }
    }
  }
}

// What becomes of each of Katib's own files in this version: "" if it can run, else what the fault names. It is a
// warning for those who only look.
const std::map<std::string, std::string>& Outcomes() {
  static const std::map<std::string, std::string> outcomes = {
      {"argo/argo-workflow.yaml", ""},
      {"early-stopping/median-stop.yaml",
       "17:20: error: spec.earlyStopping.algorithmName: early-stopping rule 'medianstop' is one of Katib's"},
      {"fpga/xgboost-example.yaml", ""},
      {"hp-tuning/bayesian-optimization.yaml",
       "13:20: error: spec.algorithm.algorithmName: algorithm 'bayesianoptimization' is one of Katib's"},
      {"hp-tuning/grid.yaml", ""},
      {"hp-tuning/hyperband.yaml",
       "15:20: error: spec.algorithm.algorithmName: algorithm 'hyperband' is one of Katib's"},
      {"hp-tuning/hyperopt-distribution.yaml", ""},
      {"hp-tuning/multivariate-tpe.yaml",
       "13:20: error: spec.algorithm.algorithmName: algorithm 'multivariate-tpe' is one of Katib's"},
      {"hp-tuning/random.yaml", ""},
      {"hp-tuning/simple-pbt.yaml", "17:20: error: spec.algorithm.algorithmName: algorithm 'pbt' is one of Katib's"},
      {"hp-tuning/sobol.yaml", ""},
      {"hp-tuning/tpe.yaml", "13:20: error: spec.algorithm.algorithmName: algorithm 'tpe' is one of Katib's"},
      {"kubeflow-trainer/trainjob-pytorch.yaml", ""},
      {"kubeflow-training-operator/pytorchjob-mnist.yaml", ""},
      {"kubeflow-training-operator/tfjob-mnist-with-summaries.yaml", ""},
      {"kubeflow-training-operator/xgboostjob-lightgbm.yaml", ""},
      {"metrics-collector/custom-metrics-collector.yaml", ""},
      {"metrics-collector/file-metrics-collector-with-json-format.yaml", ""},
      {"metrics-collector/file-metrics-collector.yaml", ""},
      {"nas/darts-cpu.yaml", "22:20: error: spec.algorithm.algorithmName: algorithm 'darts' is one of Katib's"},
      {"nas/darts-gpu.yaml", "22:20: error: spec.algorithm.algorithmName: algorithm 'darts' is one of Katib's"},
      {"nas/enas-cpu.yaml", "25:20: error: spec.algorithm.algorithmName: algorithm 'enas' is one of Katib's"},
      {"resume-experiment/from-volume-resume.yaml", ""},
      {"support/invalid-experiment.yaml",
       "14:20: error: spec.algorithm.algorithmName: algorithm 'invalid-algorithm' is not known"},
      {"support/valid-experiment.yaml", ""},
      {"tekton/pipeline-run.yaml", ""},
      {"trial-template/trial-configmap-source.yaml",
       "15:20: error: spec.algorithm.algorithmName: algorithm 'cmaes' is one of Katib's"},
      // Not Experiments.
      {"support/katib-config.yaml", "2:7: error: kind: 'KatibConfig' is not read here"},
      {"support/trial-templates.yaml", "3:7: error: kind: 'ConfigMap' is not read here"},
  };
  return outcomes;
}

TEST(KatibsExamples, AllOfThemHaveAnExpectedOutcome) {
  std::vector<std::string> files;
  for (const std::filesystem::directory_entry& entry :
       std::filesystem::recursive_directory_iterator(DataFile("katib"))) {
    if (entry.path().extension() == ".yaml" && entry.path().string().find("/golden/") == std::string::npos)
      files.push_back(std::filesystem::relative(entry.path(), DataFile("katib")).string());
  }
  std::ranges::sort(files);
  std::vector<std::string> expected;
  for (const auto& [file, outcome] : Outcomes()) expected.push_back(file);
  EXPECT_EQ(files, expected);
}

TEST(KatibsExamples, EachReadsOrNamesWhatThisVersionLacks) {
  Diagnostics ignored;
  const std::vector<Node> documents = ReadDocuments(ReadFile(DataFile("katib/support/trial-templates.yaml")), &ignored);
  SpecContext context = BuiltIn();
  context.documents = &documents;
  context.strict = true;  // Katib's own files have no field that is unknown here
  for (const auto& [file, outcome] : Outcomes()) {
    SCOPED_TRACE(file);
    const std::string text = ReadFile(DataFile("katib/" + file));
    context.to_run = true;
    Reading reading = ReadSpec(text, context);
    if (!outcome.empty()) {
      EXPECT_FALSE(reading.spec);
      EXPECT_THAT("\n" + Lines(reading.faults), HasSubstr("\n" + outcome));
      if (file.starts_with("support/")) continue;  // wrong on purpose, or no Experiment
    }
    context.to_run = false;
    reading = ReadSpec(text, context);
    ASSERT_TRUE(reading.spec) << Lines(reading.faults);
    Diagnostics faults;
    const auto again = ReadExperiment(ToDocument(*reading.spec), context, &faults);
    ASSERT_TRUE(again) << Lines(faults);
    EXPECT_EQ(Dump(*again), Dump(*reading.spec));
    EXPECT_THAT(DifferingFields(*again, *reading.spec), IsEmpty());
  }
}

// With a version that has all of Katib's algorithms, only what cannot run for another reason is refused.
TEST(KatibsExamples, AnAlgorithmThatIsThereIsTaken) {
  SpecContext context;
  context.algorithms = {"random", "tpe", "multivariate-tpe", "grid", "hyperband", "bayesianoptimization", "cmaes",
                        "sobol",  "pbt"};
  for (const char* file : {"hyperband", "simple-pbt", "tpe", "multivariate-tpe", "bayesian-optimization"}) {
    const Reading reading = ReadSpec(ReadFile(DataFile(fmt::format("katib/hp-tuning/{}.yaml", file))), context);
    EXPECT_TRUE(reading.spec) << file << "\n" << Lines(reading.faults);
  }
}

// The ConfigMap of Katib's manifests uses a parameter that the example does not declare; Katib refuses it too.
TEST(KatibsExamples, TheConfigMapExampleLacksAParameter) {
  Diagnostics ignored;
  const std::vector<Node> documents = ReadDocuments(ReadFile(DataFile("katib/support/trial-templates.yaml")), &ignored);
  SpecContext context;
  context.documents = &documents;
  const Reading reading = ReadSpec(ReadFile(DataFile("katib/trial-template/trial-configmap-source.yaml")), context);
  EXPECT_EQ(Lines(reading.faults),
            "54:21: error: spec.trialTemplate.configMap.templatePath.spec.template.spec.containers[0].command[5]: "
            "'${trialParameters.momentum}' is not declared in trialParameters: a trial would get it as it stands\n");
  context.to_run = false;  // the template may serve other experiments too
  EXPECT_TRUE(ReadSpec(ReadFile(DataFile("katib/trial-template/trial-configmap-source.yaml")), context).spec);
}

TEST(DifferingFields, NamesWhatDiffersAndLeavesBudgetsOut) {
  const ExperimentSpec spec = *ReadSpec(kGoodExperiment).spec;
  ExperimentSpec other = spec;
  other.parallel_trial_count = 7;
  other.max_trial_count.reset();
  other.max_failed_trial_count = 9;
  other.labels["x"] = "y";
  EXPECT_THAT(DifferingFields(spec, other), IsEmpty());
  other.objective.goal = 0.5;
  other.algorithm.name = "grid";
  other.parameters[0].feasible.max = "0.1";
  other.early_stopping = AlgorithmSpec{"medianstop", {}};
  other.parameters[2].feasible.list.push_back("ftrl");
  EXPECT_THAT(DifferingFields(spec, other),
              ElementsAre("spec.objective.goal", "spec.algorithm.algorithmName", "spec.parameters[0].feasibleSpace.max",
                          "spec.parameters[2].feasibleSpace.list", "spec.earlyStopping"));
}

TEST(DifferingFields, AStoredManifestDoesNotDifferFromItsFile) {
  // Numbers that YAML writes in ways that JSON does not.
  const std::string text = Changed(
      "restartPolicy: Never", "restartPolicy: Never\n            odd: [.5, 5., +1, 0x1F, 0644, True, ~, .inf, 1e3]");
  const Reading file = ReadSpec(text);
  ASSERT_TRUE(file.spec) << Lines(file.faults);
  const Result<Node> stored = ReadJson(ToJson(ToDocument(*file.spec)));
  ASSERT_TRUE(stored.ok());
  Diagnostics faults;
  const auto again = ReadExperiment(*stored, {}, &faults);
  ASSERT_TRUE(again) << Lines(faults);
  EXPECT_THAT(DifferingFields(*file.spec, *again), IsEmpty());
  EXPECT_EQ(Dump(*file.spec), Dump(*again));
}

}  // namespace
}  // namespace qalam
