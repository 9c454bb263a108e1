// SPDX-License-Identifier: Apache-2.0
// What a pod names beside itself: ConfigMaps, Secrets, fields, volumes. From the rendered manifest to the run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "experiment/read.h"
#include "pipelines/compile/compile.h"
#include "pipelines/engines/volumes.h"

namespace qalam {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kObjects = R"yaml(
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {epochs: "3", dir/is: "no variable", mode: fast}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: kubeflow}
data: {token: aHVudGVyMg==, blob: AAEC}
stringData: {user: ann}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: elsewhere}
stringData: {token: wrong}
)yaml";

std::vector<Node> Documents(const std::string& text) {
  Diagnostics faults;
  std::vector<Node> documents = ReadDocuments(text, &faults);
  EXPECT_FALSE(faults.HasErrors()) << Render(faults, text);
  return documents;
}

class PodTest : public testing::Test {
 protected:
  PodTest() {
    context.trial_name = "mnist-bcdf2456";
    context.experiment_name = "mnist";
    context.namespace_name = "kubeflow";
    context.assignments = {{"lr", "0.010"}, {"opt", "3"}};
    context.parameters = &parameters;
    context.objects = &objects;
    parameters = {{"lr", ParameterType::kDouble, {}}, {"opt", ParameterType::kCategorical, {}}};
    Diagnostics faults;
    for (const Node& document : Documents(kObjects)) objects.Add(document, &faults);
    EXPECT_FALSE(faults.HasErrors()) << Render(faults);
  }
  // Faults that were said; the run is in `run`.
  std::string Compiled(const std::string& text) {
    Diagnostics faults;
    run = Compile(Documents(text)[0], context, &faults);
    return Render(faults);
  }
  std::string Env(const std::string& name) const {
    for (const auto* variables : {&run->steps.back().secret_env, &run->steps.back().env}) {
      const auto found = std::find_if(variables->rbegin(), variables->rend(), [&](auto& v) { return v.first == name; });
      if (found != variables->rend()) return found->second;
    }
    return "(none)";
  }
  bool IsSecret(const std::string& name) const {
    return std::ranges::any_of(run->steps.back().secret_env, [&](const auto& v) { return v.first == name; });
  }

  CompileContext context;
  std::vector<ParameterSpec> parameters;
  Objects objects;
  std::optional<qalam::Run> run;
};

constexpr const char* kPod = R"yaml(apiVersion: v1
kind: Pod
metadata: {name: t, labels: {team: vision}, annotations: {"note": "a \"b\""}}
spec:
)yaml";

TEST_F(PodTest, VariablesComeFromConfigMapsAndSecretsAsInACluster) {
  ASSERT_EQ(Compiled(std::string(kPod) + R"yaml(
  containers:
  - name: main
    command: [run, --user=$(USER_NAME), --password=$(TOKEN)]
    envFrom:
    - {prefix: S_, configMapRef: {name: settings}}
    - {secretRef: {name: none, optional: true}}
    env:
    - {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
    - {name: USER_NAME, valueFrom: {secretKeyRef: {name: keys, key: user}}}
    - {name: MODE, valueFrom: {configMapKeyRef: {name: settings, key: mode}}}
    - {name: NOT, valueFrom: {configMapKeyRef: {name: settings, key: nothing, optional: true}}}
    - {name: URL, value: 'http://$(TOKEN)@host'}
    - {name: S_epochs, value: "4"}
)yaml"),
            "");
  EXPECT_EQ(Env("S_mode"), "fast");
  EXPECT_EQ(Env("S_epochs"), "4");  // env wins
  EXPECT_EQ(Env("MODE"), "fast");
  EXPECT_EQ(Env("NOT"), "(none)");
  EXPECT_EQ(Env("TOKEN"), "hunter2");
  EXPECT_EQ(Env("URL"), "http://hunter2@host");
  EXPECT_TRUE(IsSecret("TOKEN") && IsSecret("URL") && IsSecret("USER_NAME"));
  EXPECT_FALSE(IsSecret("MODE"));
  const Step& step = run->steps.back();
  EXPECT_THAT(step.command, ElementsAre("run", "--user=ann", "--password=hunter2"));
  EXPECT_THAT(step.shown_command, ElementsAre("run", "--user=$(USER_NAME)", "--password=$(TOKEN)"));
  for (const auto& [name, value] : step.env) EXPECT_THAT(value, testing::Not(HasSubstr("hunter2"))) << name;
}

TEST_F(PodTest, FieldsOfThePodAreThoseOfTheTrial) {
  ASSERT_EQ(Compiled(std::string(kPod) + R"yaml(
  serviceAccountName: trainer
  containers:
  - name: main
    command: [run]
    resources: {limits: {cpu: 1500m, memory: 64Mi}}
    env:
    - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: NS, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
    - {name: TEAM, valueFrom: {fieldRef: {fieldPath: "metadata.labels['team']"}}}
    - {name: TRIAL, valueFrom: {fieldRef: {fieldPath: "metadata.labels['katib.kubeflow.org/trial']"}}}
    - {name: NOTE, valueFrom: {fieldRef: {fieldPath: "metadata.annotations['note']"}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: ACCOUNT, valueFrom: {fieldRef: {fieldPath: spec.serviceAccountName}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: MILLI, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
    - {name: MIB, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi, containerName: main}}}
)yaml"),
            "");
  EXPECT_EQ(Env("POD"), "mnist-bcdf2456");
  EXPECT_EQ(Env("NS"), "kubeflow");
  EXPECT_EQ(Env("TEAM"), "vision");
  EXPECT_EQ(Env("TRIAL"), "mnist-bcdf2456");
  EXPECT_EQ(Env("NOTE"), "a \"b\"");
  EXPECT_EQ(Env("IP"), "127.0.0.1");
  EXPECT_EQ(Env("ACCOUNT"), "trainer");
  EXPECT_NE(Env("NODE"), "");
  EXPECT_EQ(Env("CPU"), "2");
  EXPECT_EQ(Env("MILLI"), "1500");
  EXPECT_EQ(Env("MIB"), "64");
}

TEST_F(PodTest, ParametersAreAFileOfJsonWhereNumbersAreNumbers) {
  ASSERT_EQ(Compiled(std::string(kPod) + "  containers: [{name: main, command: [run]}]\n"), "");
  EXPECT_EQ(run->steps[0].parameters, "{\"lr\":0.010,\"opt\":\"3\"}\n");
}

TEST_F(PodTest, AValueThatNoVariableCanHoldStandsInTheFileAlone) {
  context.assignments = {{"opt", std::string(200'000, 'x')}};
  ASSERT_EQ(Compiled(std::string(kPod) + "  containers: [{name: main, command: [run]}]\n"), "");
  EXPECT_EQ(Env("QALAM_PARAM_OPT"), "(none)");
  EXPECT_EQ(run->steps[0].parameters.size(), 200'000U + std::string("{\"opt\":\"\"}\n").size());
}

TEST_F(PodTest, VolumesAreFolders) {
  ASSERT_EQ(Compiled(std::string(kPod) + R"yaml(
  containers:
  - name: main
    command: [run]
    volumeMounts:
    - {name: work, mountPath: /work/}
    - {name: data, mountPath: /data, readOnly: true}
    - {name: models, mountPath: /models, subPathExpr: "of/$(KATIB_TRIAL_NAME)"}
    - {name: conf, mountPath: /conf}
    - {name: keys, mountPath: /keys}
    - {name: all, mountPath: /all}
    - {name: shm, mountPath: /dev/shm}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: data, hostPath: {path: /srv/data, type: DirectoryOrCreate}}
  - {name: models, persistentVolumeClaim: {claimName: models}}
  - {name: conf, configMap: {name: settings, items: [{key: mode, path: a/mode, mode: 0400}]}}
  - {name: keys, secret: {secretName: keys}}
  - {name: shm, emptyDir: {medium: Memory}}
  - name: all
    projected:
      sources:
      - configMap: {name: settings, items: [{key: epochs, path: epochs}]}
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}
  - {name: unused, nfs: {server: s, path: /}}
)yaml"),
            "");
  const auto volume = [&](const std::string& name) { return *std::ranges::find(run->volumes, name, &Volume::name); };
  EXPECT_EQ(run->volumes.size(), 6U);
  EXPECT_EQ(volume("work").kind, Volume::Kind::kScratch);
  EXPECT_EQ(volume("data").path, "/srv/data");
  EXPECT_EQ(volume("data").make, Volume::Make::kFolder);
  EXPECT_EQ(volume("models").path, "kubeflow/models");
  ASSERT_EQ(volume("conf").files.size(), 1U);
  EXPECT_EQ(volume("conf").files[0].path, "a/mode");
  EXPECT_EQ(volume("conf").files[0].mode, 0400);
  EXPECT_TRUE(volume("keys").secret);
  ASSERT_EQ(volume("keys").files.size(), 3U);
  EXPECT_EQ(volume("keys").files[0].content, std::string("\0\1\2", 3));
  EXPECT_FALSE(volume("all").secret);
  EXPECT_THAT(volume("all").files[1].content, HasSubstr("team=\"vision\""));

  const auto placed = PlaceMounts(*run, run->steps[0], {"/r", "/v"});
  const auto at = [&](const std::string& to) { return *std::ranges::find(placed, to, &PlacedMount::to); };
  EXPECT_EQ(placed.size(), 6U);
  EXPECT_EQ(at("/work").from, "/r/work");
  EXPECT_TRUE(at("/data").read_only);
  EXPECT_EQ(at("/models").from, "/v/kubeflow/models/of/mnist-bcdf2456");
  EXPECT_TRUE(at("/conf").read_only);
  EXPECT_EQ(ResolveMounts(placed, "/work/a/b"), "/r/work/a/b");
  EXPECT_EQ(ResolveMounts(placed, "/workshop"), "");
}

TEST_F(PodTest, WhatCannotBeAVolumeIsRefusedInItsPlace) {
  const auto mounted = [&](const std::string& volume, const std::string& mount) {
    return Compiled(std::string(kPod) + "  containers:\n  - {name: main, command: [run], volumeMounts: [" + mount +
                    "]}\n  volumes: [" + volume + "]\n");
  };
  const std::string at_data = "{name: v, mountPath: /data}";
  EXPECT_THAT(mounted("{name: v, nfs: {server: s}}", at_data),
              HasSubstr("spec.volumes[0]: volume 'v' is of nfs, which is not on this machine"));
  EXPECT_THAT(mounted("{name: w, emptyDir: {}}", at_data), HasSubstr("there is no volume 'v'"));
  EXPECT_THAT(mounted("{name: v, hostPath: {path: data}}", at_data), HasSubstr("is to be absolute"));
  EXPECT_THAT(mounted("{name: v, persistentVolumeClaim: {claimName: ../x}}", at_data), HasSubstr("name of a claim"));
  EXPECT_THAT(mounted("{name: v, configMap: {name: none}}", at_data), HasSubstr("ConfigMap 'none' was not given"));
  EXPECT_THAT(mounted("{name: v, configMap: {name: settings, items: [{key: mode, path: ../x}]}}", at_data),
              HasSubstr("is to be a path below the volume"));
  EXPECT_THAT(mounted("{name: v, emptyDir: {}}", "{name: v, mountPath: data}"), HasSubstr("absolute path below /"));
  EXPECT_THAT(mounted("{name: v, emptyDir: {}}", "{name: v, mountPath: /d, subPath: a/../../b}"),
              HasSubstr("subPath 'a/../../b' is to be a path below the volume"));
  EXPECT_THAT(mounted("{name: v, emptyDir: {}}", at_data + ", " + at_data), HasSubstr("two volumes are mounted on"));
}

TEST_F(PodTest, AFaultInASecretShowsNoneOfIt) {
  const std::string text =
      "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {token: 'hunter2 is not base64!'}\n";
  Diagnostics faults;
  for (const Node& document : Documents(text)) objects.Add(document, &faults);
  EXPECT_THAT(Render(faults, text), HasSubstr("data.token: a value in data of Secret s is to be base64"));
  EXPECT_THAT(Render(faults, text), testing::Not(HasSubstr("hunter2")));
}

TEST_F(PodTest, WithoutMountsPathsAreReplacedButNotValuesOfParameters) {
  Step step;
  step.command = {"cp", "/data/x", "--to=/data/deep/y", "/database"};
  step.env = {{"A", "/data"}, {"QALAM_PARAM_P", "/data"}, {"B", "/tmp:/data/bin"}};
  step.working_dir = "/data/deep";
  RewriteMounts({{"/v/d", "/data"}, {"/data/other", "/data/deep"}}, &step);
  EXPECT_THAT(step.command, ElementsAre("cp", "/v/d/x", "--to=/data/other/y", "/database"));
  EXPECT_THAT(step.env, ElementsAre(Pair("A", "/v/d"), Pair("QALAM_PARAM_P", "/data"), Pair("B", "/tmp:/v/d/bin")));
  EXPECT_EQ(step.working_dir, "/data/other");
}

}  // namespace
}  // namespace qalam
