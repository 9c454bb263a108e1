// SPDX-License-Identifier: Apache-2.0
// From a rendered Job to a run: what is taken, what is refused and with which words.
#include "pipelines/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/rng.h"
#include "experiment/read.h"
#include "pipelines/compile/expand.h"
#include "pipelines/compile/quantity.h"

namespace qalam {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using Severity = Diagnostic::Severity;

Node Yaml(const std::string& text) {
  Diagnostics faults;
  std::vector<Node> documents = ReadDocuments(text, &faults);
  EXPECT_EQ(documents.size(), 1U) << Render(faults, text);
  return documents.empty() ? Node() : documents[0];
}

// "field: message" of each.
std::vector<std::string> Said(const Diagnostics& faults, Severity severity) {
  std::vector<std::string> said;
  for (const Diagnostic& one : faults.all()) {
    if (one.severity == severity) said.push_back(one.field + ": " + one.message);
  }
  return said;
}

struct Compiled {
  std::optional<Run> run;
  Diagnostics faults;
  std::vector<std::string> errors() const { return Said(faults, Severity::kError); }
  std::vector<std::string> warnings() const { return Said(faults, Severity::kWarning); }
  const Step& step() const { return run->steps.back(); }
  // The last of a name is the one that the command sees.
  std::string Env(const std::string& name) const {
    const auto& env = step().env;
    const auto found = std::find_if(env.rbegin(), env.rend(), [&](const auto& v) { return v.first == name; });
    return found == env.rend() ? "(none)" : found->second;
  }
};

class CompileTest : public testing::Test {
 protected:
  CompileTest() {
    context.trial_name = "mnist-bcdf2456";
    context.experiment_name = "mnist";
    context.namespace_name = "kubeflow";
    context.assignments = {{"lr", "0.01"}, {"num-layers", "3"}};
    context.primary_container = "training";
  }
  Compiled Of(const std::string& text) {
    Compiled out;
    out.run = Compile(Yaml(text), context, &out.faults);
    EXPECT_EQ(out.run.has_value(), !out.faults.HasErrors());
    return out;
  }
  // A Job with this container, and these fields of the pod and of the job.
  static std::string Job(const std::string& container, const std::string& pod = "", const std::string& job = "") {
    return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: t}\nspec:\n" + Indent(job, 2) +
           "  template:\n    spec:\n" + Indent(pod, 6) + "      containers:\n" + Indent(Item(container), 8);
  }
  static std::string Item(const std::string& text) { return "- " + Indent(text, 2).substr(2); }
  static std::string Indent(const std::string& text, int by) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      out += std::string(static_cast<std::size_t>(by), ' ') + text.substr(at, end - at) + '\n';
      at = end + 1;
    }
    return out;
  }
  void SetImages(const std::string& text, const std::string& folder = "/maps") {
    Diagnostics faults;
    auto read = ReadImageMap(Yaml(text), &faults, folder);
    ASSERT_TRUE(read) << Render(faults, text);
    images = *std::move(read);
    context.images = &images;
  }

  CompileContext context;
  ImageMap images;
};

TEST_F(CompileTest, AJobBecomesARunOfOneStep) {
  const Compiled job = Of(Job("name: training\ncommand: [python3, train.py]\nargs: ['--lr=0.01', --layers, 3]\n"));
  ASSERT_THAT(job.errors(), IsEmpty());
  ASSERT_EQ(job.run->steps.size(), 1U);
  EXPECT_EQ(job.step().name, "training");
  EXPECT_THAT(job.step().command, ElementsAre("python3", "train.py", "--lr=0.01", "--layers", "3"));
  EXPECT_EQ(job.step().working_dir, "");
  EXPECT_EQ(job.step().retries, 0);
  EXPECT_FALSE(job.step().timeout);
  EXPECT_EQ(job.step().grace, std::chrono::seconds(30));
  ASSERT_TRUE(job.run->metrics);
  EXPECT_EQ(job.run->metrics->step, "training");
  EXPECT_EQ(job.run->metrics->path, "");
}

TEST_F(CompileTest, ATrialFindsItsNameAndParametersInItsEnvironment) {
  const Compiled job = Of(Job("name: training\ncommand: ['true']\n"));
  EXPECT_EQ(job.Env("KATIB_TRIAL_NAME"), "mnist-bcdf2456");
  EXPECT_EQ(job.Env("QALAM_TRIAL_NAME"), "mnist-bcdf2456");
  EXPECT_EQ(job.Env("QALAM_EXPERIMENT_NAME"), "mnist");
  EXPECT_EQ(job.Env("QALAM_PARAM_LR"), "0.01");
  EXPECT_EQ(job.Env("QALAM_PARAM_NUM_LAYERS"), "3");
  EXPECT_EQ(job.Env("KUBEFLOW_TRAINER_OPT_NUM_LAYERS"), "3");
  EXPECT_EQ(job.Env("PYTHONUNBUFFERED"), "1");
}

TEST_F(CompileTest, TheContainersOwnEnvironmentWins) {
  const Compiled job =
      Of(Job("name: training\ncommand: ['true']\nenv:\n- {name: PYTHONUNBUFFERED, value: ''}\n- {name: A, value: b}\n"
             "- name: POD\n  valueFrom: {fieldRef: {fieldPath: metadata.name}}\n"
             "- name: NS\n  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}\n"));
  EXPECT_EQ(job.Env("PYTHONUNBUFFERED"), "");
  EXPECT_EQ(job.Env("A"), "b");
  EXPECT_EQ(job.Env("POD"), "mnist-bcdf2456");
  EXPECT_EQ(job.Env("NS"), "kubeflow");
}

TEST_F(CompileTest, ReferencesToVariablesAreExpandedAsKubernetesDoes) {
  const Compiled job =
      Of(Job("name: training\ncommand: [run, '$(A)/x', '$$(A)', '$(NONE)', '$(', 'a$$b', '$(QALAM_PARAM_LR)']\n"
             "env:\n- {name: A, value: b}\n- {name: C, value: '$(A)c'}\n"));
  EXPECT_THAT(job.step().command, ElementsAre("run", "b/x", "$(A)", "$(NONE)", "$(", "a$b", "0.01"));
  EXPECT_EQ(job.Env("C"), "bc");
}

TEST_F(CompileTest, AValueThatWasProtectedArrivesByteForByteWhateverItHolds) {
  Rng rng(1, "compile.test", 0);
  const std::string_view characters = "$(){}\\'\"`;|&<>*? \t\n/.-=aZ0\xc3\xa9%#!~^,:";
  for (int round = 0; round < 10'000; ++round) {
    std::string text;
    for (std::uint64_t n = rng.Below(24); n > 0; --n) text += characters[rng.Below(characters.size())];
    Node container = Node::Map();
    container.Set("name", Node::String("training"));
    const std::string rendered = ProtectDollars({{"x", text}})[0].value;
    container.Set("command", Node::Sequence()).Add(Node::String(rendered));
    Node& variable = container.Set("env", Node::Sequence()).Add(Node::Map());
    variable.Set("name", Node::String("A"));
    variable.Set("value", Node::String(rendered));
    Node pod = Node::Map();
    pod.Set("containers", Node::Sequence()).Add(container);
    Node manifest = Node::Map();
    manifest.Set("apiVersion", Node::String("batch/v1"));
    manifest.Set("kind", Node::String("Job"));
    manifest.Set("spec", Node::Map()).Set("template", Node::Map()).Set("spec", pod);
    Diagnostics faults;
    const auto run = Compile(manifest, context, &faults);
    ASSERT_TRUE(run);
    ASSERT_EQ(run->steps[0].command[0], text);
    ASSERT_EQ(run->steps[0].env.back(), std::pair(std::string("A"), text));
  }
}

TEST_F(CompileTest, WhatWasNotGivenIsNamedInTheFault) {
  const Compiled job =
      Of(Job("name: training\ncommand: ['true']\nenv:\n- name: TOKEN\n  valueFrom: {secretKeyRef: {name: s, key: k}}\n"
             "- name: NODE\n  valueFrom: {fieldRef: {fieldPath: spec.nodes}}\nenvFrom:\n- configMapRef: {name: c}\n"
             "- secretRef: {name: other, optional: true}\n"));
  EXPECT_THAT(job.errors(),
              ElementsAre(HasSubstr("containers[0].envFrom[0].configMapRef: ConfigMap 'c' was not given: put its "
                                    "document beside the Experiment in the same file, or name its file with -f"),
                          HasSubstr("containers[0].env[0].valueFrom.secretKeyRef: Secret 's' was not given"),
                          HasSubstr("env[1].valueFrom.fieldRef: 'spec.nodes' is no field of a pod")));
}

TEST_F(CompileTest, AnImageMapMayGiveWhatASecretWould) {
  SetImages("images: [{image: 'trainer', env: {TOKEN: here}}]");
  const Compiled job = Of(Job(
      "name: training\nimage: trainer:v1\ncommand: ['true']\nenv:\n- name: TOKEN\n  valueFrom: {secretKeyRef: {}}\n"));
  ASSERT_THAT(job.errors(), IsEmpty());
  EXPECT_EQ(job.Env("TOKEN"), "here");
}

TEST_F(CompileTest, ResourcesAreReadAndRequestsDefaultToLimits) {
  const Compiled job =
      Of(Job("name: training\ncommand: ['true']\nresources:\n  limits: {memory: 1Gi, cpu: '0.5', nvidia.com/gpu: 2}\n"
             "  requests: {cpu: 250m}\n"));
  ASSERT_THAT(job.errors(), IsEmpty());
  EXPECT_EQ(job.step().limits.memory, 1LL << 30);
  EXPECT_DOUBLE_EQ(job.step().limits.cpu, 0.5);
  EXPECT_DOUBLE_EQ(job.step().requests.cpu, 0.25);
  EXPECT_EQ(job.step().requests.memory, 1LL << 30);
  EXPECT_EQ(job.step().requests.gpu, 2);
}

TEST_F(CompileTest, BadResourcesAreFaultsInTheirPlace) {
  const Compiled job = Of(
      Job("name: training\ncommand: ['true']\nresources:\n  limits: {memory: 1GiB, cpu: '-1', nvidia.com/gpu: '0.5'}\n"
          "  requests: {memory: 2Gi}\n"));
  EXPECT_THAT(job.errors(), ElementsAre(HasSubstr("resources.limits.memory: '1GiB' has an unknown suffix"),
                                        HasSubstr("resources.limits.cpu: '-1' is negative"),
                                        HasSubstr("nvidia.com/gpu: '0.5' is to be a whole number")));
  const Compiled more =
      Of(Job("name: training\ncommand: ['true']\nresources: {limits: {cpu: 1, ephemeral-storage: 1Gi}, requests: {cpu: "
             "2}}\n"));
  EXPECT_THAT(more.errors(), ElementsAre(HasSubstr("resources.requests: asks for more cpu than limits allows")));
  EXPECT_THAT(more.warnings(), ElementsAre(HasSubstr("ephemeral-storage: is not counted")));
}

TEST_F(CompileTest, DeadlinesGraceAndRetriesAreThoseOfTheJobAndItsPod) {
  const Compiled job = Of(Job("name: training\ncommand: ['true']\nworkingDir: /tmp\n",
                              "activeDeadlineSeconds: 60\nterminationGracePeriodSeconds: 5\n",
                              "activeDeadlineSeconds: 90\nbackoffLimit: 2\n"));
  ASSERT_THAT(job.errors(), IsEmpty());
  EXPECT_EQ(job.run->timeout, std::chrono::seconds(60));  // the shorter one
  EXPECT_EQ(job.step().grace, std::chrono::seconds(5));
  EXPECT_EQ(job.step().retries, 2);
  EXPECT_EQ(job.step().working_dir, "/tmp");
  EXPECT_THAT(Of(Job("name: training\ncommand: ['true']\n", "", "backoffLimit: -1\n")).errors(),
              ElementsAre(HasSubstr("spec.backoffLimit: '-1' is to be a whole number, at least 0")));
}

TEST_F(CompileTest, WithoutACommandItSaysHowToGiveOne) {
  const Compiled job = Of(Job("name: training\nimage: ghcr.io/x/y:1\nargs: [--lr=1]\n"));
  ASSERT_EQ(job.errors().size(), 1U);
  EXPECT_THAT(job.errors()[0], HasSubstr("container training has no command"));
  EXPECT_THAT(job.errors()[0], HasSubstr("image map entry for ghcr.io/x/y:1"));
  EXPECT_THAT(job.errors()[0], HasSubstr("--image-map"));
}

TEST_F(CompileTest, ThePrimaryContainerIsTheOneThatIsNamed) {
  const std::string two = "name: sidecar\ncommand: [side]\n";
  std::string text = Job(two) + Indent(Item("name: training\ncommand: ['true']\n"), 8);
  const Compiled job = Of(text);
  ASSERT_THAT(job.errors(), IsEmpty());
  EXPECT_THAT(job.step().command, ElementsAre("true"));
  EXPECT_THAT(job.warnings(), IsEmpty());
  ASSERT_EQ(job.run->steps.size(), 2U);
  EXPECT_TRUE(job.run->steps[0].sidecar);
  EXPECT_FALSE(job.run->steps[0].restarts);
  context.primary_container = "trainer";
  EXPECT_THAT(Of(text).errors(), ElementsAre(HasSubstr("has no container trainer, which "
                                                       "trialTemplate.primaryContainerName names; it has sidecar, "
                                                       "training")));
  context.primary_container = "";
  EXPECT_THAT(Of(text).errors(), ElementsAre(HasSubstr("has several containers (sidecar, training)")));
  EXPECT_THAT(Of(Job(two)).step().command, ElementsAre("side"));
}

TEST_F(CompileTest, InitContainersAreEarlierStepsAndOneThatRestartsIsASidecar) {
  const Compiled job =
      Of(Job("name: training\ncommand: ['true']\nresources: {requests: {cpu: 1}}\n",
             "restartPolicy: OnFailure\ninitContainers:\n- {name: fetch, command: [fetch]}\n"
             "- {name: proxy, command: [p], restartPolicy: Always, resources: {requests: {cpu: 500m}}}\n"
             "- {name: unpack, command: [unpack]}\n") +
         Indent(Item("name: beside\ncommand: [b]\n"), 8) + Indent(Item("name: mesh\nimage: mesh:1\n"), 8));
  ASSERT_THAT(job.errors(), IsEmpty());
  ASSERT_EQ(job.run->steps.size(), 5U);
  EXPECT_THAT(job.run->steps[0].depends_on, IsEmpty());
  EXPECT_THAT(job.run->steps[1].depends_on, ElementsAre("fetch"));
  EXPECT_TRUE(job.run->steps[1].sidecar && job.run->steps[1].restarts);
  EXPECT_EQ(job.run->steps[1].requests.cpu, 0);
  EXPECT_THAT(job.run->steps[2].depends_on, ElementsAre("proxy"));
  EXPECT_FALSE(job.run->steps[2].sidecar);
  EXPECT_TRUE(job.run->steps[3].sidecar && job.run->steps[3].restarts);
  EXPECT_THAT(job.run->steps[4].depends_on, ElementsAre("unpack"));
  EXPECT_EQ(job.run->metrics->step, "training");
  EXPECT_EQ(job.step().requests.cpu, 1.5);  // a pod is admitted as a whole
  EXPECT_THAT(job.warnings(), ElementsAre(HasSubstr("mesh is left out: it has no command")));
}

TEST_F(CompileTest, WhatALocalEngineWillNotDoIsSaid) {
  const Compiled job = Of(Job("name: training\ncommand: ['true', '${trialParameters.lr}']\nvolumeMounts: []\n",
                              "tolerations: []\nnodeSelector: {a: b}\n", "parallelism: 2\ncompletions: 1\n"));
  EXPECT_THAT(job.errors(), IsEmpty());
  EXPECT_THAT(job.warnings(), Contains(HasSubstr("spec.parallelism: has no effect")));
  EXPECT_THAT(job.warnings(), Contains(HasSubstr("spec.template.spec.tolerations: has no effect")));
  EXPECT_THAT(job.warnings(), Contains(HasSubstr("spec.template.spec.nodeSelector: has no effect")));
  EXPECT_THAT(job.warnings(), Contains(HasSubstr("${trialParameters.lr} is left as it is")));
  EXPECT_EQ(job.warnings().size(), 4U);
}

TEST_F(CompileTest, OtherKindsAreRefusedWithTheOnesThatWork) {
  EXPECT_THAT(
      Of("apiVersion: kubeflow.org/v1\nkind: TFJob\nspec: {}\n").errors(),
      ElementsAre(
          "kind: TFJob (kubeflow.org/v1) is not run by the local engine: training kinds become local processes in "
          "a later version; until then it takes batch/v1 Job, v1 Pod"));
  EXPECT_EQ(Of("kind: Job\nspec: {}\n").errors().size(), 1U);
  EXPECT_THAT(Of("spec: {}\n").errors(), ElementsAre(HasSubstr("a template without a kind")));
  EXPECT_THAT(Of("[1]").errors(), ElementsAre(HasSubstr("is to be a map")));
  EXPECT_THAT(CompilableKinds(), ElementsAre("batch/v1 Job", "v1 Pod"));
}

TEST_F(CompileTest, ShapesThatAreWrongAreFaultsNotCrashes) {
  for (const char* text :
       {"{apiVersion: batch/v1, kind: Job}", "{apiVersion: batch/v1, kind: Job, spec: 3}",
        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: {}}}}}",
        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: []}}}}",
        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [3]}}}}",
        "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: [1]}}}", "{apiVersion: [], kind: {}, spec: {}}"}) {
    EXPECT_FALSE(Of(std::string("---\n") + text).errors().empty()) << text;
  }
  EXPECT_THAT(Of(Job("name: training\ncommand: sh\n")).errors(), Contains(HasSubstr("command: is to be a list")));
  EXPECT_THAT(Of(Job("name: training\ncommand: [[a]]\n")).errors(), Contains(HasSubstr("command[0]: is to be text")));
  EXPECT_THAT(Of(Job("name: training\ncommand: [a]\nenv: [3, {value: x}]\n")).errors().size(), 2U);
  context.primary_container = "Bad_Name";
  EXPECT_THAT(Of(Job("name: Bad_Name\ncommand: [a]\n")).errors(), Contains(HasSubstr("'Bad_Name' is to be")));
}

TEST_F(CompileTest, FaultsThatWereThereBeforeDoNotCount) {
  Diagnostics faults;
  faults.Error({}, "", "of another document");
  EXPECT_TRUE(Compile(Yaml(Job("name: training\ncommand: ['true']\n")), context, &faults));
}

TEST_F(CompileTest, MetricsComeFromTheOutputOrAFile) {
  context.collector.kind = CollectorKind::kFile;
  context.collector.path = "/katib/mnist.log";
  EXPECT_EQ(Of(Job("name: training\ncommand: ['true']\n")).run->metrics->path, "/katib/mnist.log");
}

TEST_F(CompileTest, MetricsComeFromAFolderOfEventsOrAPage) {
  context.collector.kind = CollectorKind::kTensorFlowEvent;
  context.collector.path = "/logs/mnist/";
  const MetricsSource events = *Of(Job("name: training\ncommand: ['true']\n")).run->metrics;
  EXPECT_EQ(events.kind, MetricsSource::Kind::kEvents);
  EXPECT_EQ(events.path, "/logs/mnist");
  context.collector.kind = CollectorKind::kPrometheusMetric;
  context.collector.path = "/metrics";
  context.collector.port = 8080;
  const MetricsSource page = *Of(Job("name: training\ncommand: ['true']\n")).run->metrics;
  EXPECT_EQ(page.kind, MetricsSource::Kind::kPage);
  EXPECT_EQ(page.port, 8080);
}

TEST_F(CompileTest, ATrialThatReportsItselfIsToldWhere) {
  context.collector.kind = CollectorKind::kPush;
  context.report_address = "127.1.2.3:6789";
  context.rules = {{"loss", "0.5", Comparison::kGreater, 4}, {"accuracy", "0.1", Comparison::kLess, 1}};
  const auto job = Of(Job("name: training\ncommand: ['true']\n"));
  EXPECT_FALSE(job.run->metrics);
  ASSERT_TRUE(job.run->reports);
  EXPECT_EQ(job.run->reports->host, "katib-db-manager.kubeflow");
  EXPECT_EQ(job.run->reports->address, "127.1.2.3");
  const auto& env = job.step().env;
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"QALAM_DB_MANAGER", "127.1.2.3:6789"},
                                          {"QALAM_EARLY_STOPPING", "127.1.2.3:6789"},
                                          {"QALAM_STOP_RULES", "loss;0.5;greater;4\naccuracy;0.1;less;1"}}) {
    const auto found = std::ranges::find(env, name, &std::pair<std::string, std::string>::first);
    ASSERT_NE(found, env.end()) << name;
    EXPECT_EQ(found->second, value);
  }
}

TEST_F(CompileTest, ACustomCollectorIsASidecarThatSharesTheFolder) {
  context.collector.kind = CollectorKind::kCustom;
  context.collector.path = "/katib/mnist.log";
  context.collector.custom = Yaml("name: reader\nimage: x\ncommand: [sh]\n");
  const auto job = Of(Job("name: training\ncommand: ['true']\n"));
  ASSERT_EQ(job.run->steps.size(), 2u);
  const Step& reader = job.run->steps[0];
  EXPECT_TRUE(reader.sidecar);
  EXPECT_EQ(job.run->metrics->step, "reader");
  ASSERT_EQ(reader.mounts.size(), 1u);
  EXPECT_EQ(reader.mounts[0].path, "/katib");
  EXPECT_EQ(job.run->steps[1].mounts.at(0).volume, reader.mounts[0].volume);
  context.collector.custom = Yaml("name: reader\nimage: x\n");
  EXPECT_THAT(
      Of(Job("name: training\ncommand: ['true']\n")).errors(),
      ElementsAre(HasSubstr("spec.metricsCollectorSpec.collector.customCollector: container reader has no command")));
}

TEST_F(CompileTest, AnImageMapReplacesCommandsAndPaths) {
  SetImages(R"(
images:
- image: other
  command: {to: [never]}
- image: "ghcr.io/kubeflow/katib/pytorch-mnist-*"
  command:
    from: [python3]
    to: [/usr/bin/python3, -u, ./wrap.py]
  env: {OMP_NUM_THREADS: 1}
  paths:
    /opt/pytorch-mnist/: stand-in
    /data: /srv/data
)");
  const Compiled job =
      Of(Job("name: training\nimage: ghcr.io/kubeflow/katib/pytorch-mnist-cpu:latest\n"
             "command: [python3, /opt/pytorch-mnist/mnist.py, '--data=/data/x:/data', /opt/pytorch-mnist2/y]\n"
             "workingDir: /opt/pytorch-mnist\nenv: [{name: D, value: /data}, {name: OMP_NUM_THREADS, value: 4}]\n"));
  ASSERT_THAT(job.errors(), IsEmpty());
  EXPECT_THAT(job.step().command, ElementsAre("/usr/bin/python3", "-u", "/maps/wrap.py", "/maps/stand-in/mnist.py",
                                              "--data=/srv/data/x:/srv/data", "/opt/pytorch-mnist2/y"));
  EXPECT_EQ(job.step().working_dir, "/maps/stand-in");
  EXPECT_EQ(job.Env("D"), "/srv/data");
  EXPECT_EQ(job.Env("OMP_NUM_THREADS"), "1");
}

TEST_F(CompileTest, AnImageMapMayStandForTheImagesOwnEntryPoint) {
  SetImages("images: [{image: 'quay.io:5000/me/train', command: {to: [python3, train.py]}}]");
  EXPECT_THAT(Of(Job("name: training\nimage: quay.io:5000/me/train@sha256:00\nargs: [--x]\n")).step().command,
              ElementsAre("python3", "train.py", "--x"));
  EXPECT_THAT(Of(Job("name: training\nimage: quay.io:5000/me/train\n")).step().command,
              ElementsAre("python3", "train.py"));
  EXPECT_FALSE(Of(Job("name: training\nimage: quay.io:5000/me/train2\n")).run);
}

TEST_F(CompileTest, AParametersValueIsNotAPathOfTheImage) {
  SetImages("images: [{image: i, paths: {/opt: /local}}]");
  context.assignments = {{"p", "/opt/value"}};
  EXPECT_EQ(Of(Job("name: training\nimage: i\ncommand: ['true']\n")).Env("QALAM_PARAM_P"), "/opt/value");
}

TEST_F(CompileTest, ACommandOfTheImagesInsidePointsToTheImageMap) {
  const Compiled job = Of(Job("name: training\nimage: ghcr.io/a/b\ncommand: [sh, /opt/no-such/train.sh]\n"));
  EXPECT_THAT(job.step().hint, HasSubstr("'/opt/no-such/train.sh' is not on this machine, and image ghcr.io/a/b is not "
                                         "run here: say what stands for it with --image-map"));
  EXPECT_THAT(job.warnings(), ElementsAre(HasSubstr(job.step().hint)));
  EXPECT_THAT(Of(Job("name: training\nimage: x\ncommand: [no-such-program-4]\n")).step().hint, HasSubstr("in PATH"));
  EXPECT_EQ(Of(Job("name: training\nimage: x\ncommand: [sh, -c, 'echo /opt/no-such']\n")).step().hint, "");
  EXPECT_EQ(Of(Job("name: training\ncommand: [sh, /opt/no-such/train.sh]\n")).step().hint, "");
  context.collector.kind = CollectorKind::kFile;
  context.collector.path = "/no-such/metrics.log";
  EXPECT_EQ(Of(Job("name: training\nimage: x\ncommand: [sh, --log, /no-such/metrics.log]\n")).step().hint, "");
}

TEST(ImageMapTest, FaultsAreInTheirPlaceAndAllAtOnce) {
  const std::string text = R"(images:
- command: {from: [a]}
- image: x
  comand: {}
  paths: {opt: here, /a: ""}
other: 1
)";
  Diagnostics faults;
  EXPECT_FALSE(ReadImageMap(Yaml(text), &faults));
  EXPECT_THAT(Said(faults, Severity::kError),
              testing::UnorderedElementsAre(
                  HasSubstr("other: is not a field"), HasSubstr("images[0]: needs the field image"),
                  HasSubstr("images[0].command: needs the field to"),
                  HasSubstr("images[1].comand: is not a field of an image map; did you mean "
                            "'command'?"),
                  HasSubstr("images[1].paths: 'opt' is not absolute"), HasSubstr("images[1].paths: '/a' has no path")));
  Diagnostics none;
  EXPECT_FALSE(ReadImageMap(Yaml("[]"), &none));
}

TEST(ImageMapTest, ADocumentOfItReadsBackAsEqualAnywhere) {
  const std::string text =
      "images: [{image: 'a*', command: {from: [p], to: [./q, r]}, env: {A: '1'}, paths: {/x: y, /z: /w}}, {image: b}]";
  Diagnostics faults;
  const auto first = ReadImageMap(Yaml(text), &faults, "/home/me/maps");
  ASSERT_TRUE(first);
  EXPECT_THAT(first->at(0).command_to, ElementsAre("/home/me/maps/q", "r"));
  EXPECT_THAT(first->at(0).paths, ElementsAre(Pair("/x", "/home/me/maps/y"), Pair("/z", "/w")));
  const auto again = ReadImageMap(ToDocument(*first), &faults, "/elsewhere");
  ASSERT_TRUE(again);
  EXPECT_TRUE(SameValue(ToDocument(*first), ToDocument(*again)));
}

TEST(QuantityTest, KubernetesSpellingsAreRead) {
  const std::vector<std::pair<std::string, double>> good = {{"0.5", 0.5},
                                                            {"500m", 0.5},
                                                            {"1Gi", 1073741824.0},
                                                            {"1e3", 1000},
                                                            {"128974848", 128974848},
                                                            {"129M", 129e6},
                                                            {"123Mi", 123.0 * 1048576},
                                                            {"1E", 1e18},
                                                            {"1E3", 1000},
                                                            {"2k", 2000},
                                                            {"1.5Ki", 1536},
                                                            {".5", 0.5},
                                                            {"5.", 5},
                                                            {"+1", 1},
                                                            {"1e-3", 0.001},
                                                            {"1u", 1e-6},
                                                            {"3n", 3e-9},
                                                            {"1e+2", 100},
                                                            {"0", 0},
                                                            {"1Ti", 1099511627776.0}};
  for (const auto& [text, value] : good) {
    const auto parsed = ParseQuantity(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status().message();
    EXPECT_DOUBLE_EQ(*parsed, value) << text;
  }
  for (const std::string text : {"", " ", "x", "1GiB", "1 Gi", "1gi", "-1", "1..2", "1.2.3", "m", "0x10", "1e", "e3",
                                 "1e400", "nan", "inf", "1,5", "++1", "1e3m"}) {
    const auto parsed = ParseQuantity(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("'" + text + "'"));
  }
}

}  // namespace
}  // namespace qalam
