// SPDX-License-Identifier: Apache-2.0
// Pods through the program: ConfigMaps and Secrets beside an Experiment and what is left of them, sidecars, volumes,
// and values of parameters that arrive as they are.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "cli/launch.h"
#include "core/rng.h"
#include "experiment/read.h"
#include "experiment/spec.h"
#include "pipelines/engines/local_engine.h"
#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kCanary = "canary-52b1e0";
constexpr const char* kSecret = R"(apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: canary-52b1e0}
)";

class PodCommand : public CliTest {
 protected:
  // `container` and `pod`: further lines of theirs.
  std::string Experiment(const std::string& container, const std::string& pod = "", int trials = 2) const {
    std::string yaml = Yaml({.name = "pods", .trials = trials, .parallel = 1});
    yaml.insert(yaml.find("                command:"), container);
    yaml.insert(yaml.find("            containers:"), pod);
    return yaml;
  }
  // Files below the folder that hold `text`.
  std::vector<std::string> Holding(const std::string& text) const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(file)), {});
      if (content.find(text) != std::string::npos) found.push_back(entry.path().lexically_relative(folder_));
    }
    std::ranges::sort(found);
    return found;
  }
};

constexpr const char* kTokenInEnv =
    "                env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}]\n"
    "                args: [\"--token=$(TOKEN)\"]\n";

TEST_F(PodCommand, ASecretIsInNoFileButTheOneThatIsKeptForIt) {
  Write("trial.sh",
        "[ \"$TOKEN\" = \"$2\" ] || [ \"--token=$TOKEN\" = \"$2\" ] && [ -n \"$TOKEN\" ] && echo loss=$1\n");
  Write("e.yaml", Experiment(kTokenInEnv) + "---\n" + kSecret);
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("2 ok"));
  EXPECT_THAT(Holding(kCanary), testing::ElementsAre("e.yaml", "qalam.db.d/objects/default/pods.json"));
  const auto mode = std::filesystem::status(Path("qalam.db.d/objects/default/pods.json")).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const Finished described = Qalam({"describe", "trial", "pods#1"});
  EXPECT_THAT(described.out, Not(HasSubstr(kCanary)));
  EXPECT_THAT(described.out, HasSubstr("TOKEN=\"$TOKEN\""));
  EXPECT_THAT(described.out, HasSubstr("--token=\"$TOKEN\""));
  EXPECT_THAT(Qalam({"get", "experiment", "pods", "-o", "yaml"}).out, Not(HasSubstr(kCanary)));
}

TEST_F(PodCommand, ADeletedExperimentTakesItsSecretsWithIt) {
  Write("e.yaml", Experiment(kTokenInEnv) + "---\n" + kSecret);
  Qalam({"run", "e.yaml"});
  ASSERT_THAT(Holding(kCanary), testing::Contains("qalam.db.d/objects/default/pods.json"));
  ASSERT_EQ(Qalam({"delete", "exp", "pods", "--yes"}).code, 0);
  EXPECT_THAT(Holding(kCanary), testing::ElementsAre("e.yaml"));
}

TEST_F(PodCommand, MistakesWithConfigMapsAndSecretsAreToldBeforeAnythingStarts) {
  struct Case {
    std::string env, documents, said;
  };
  const auto secret = [](const std::string& data) {
    return "{apiVersion: v1, kind: Secret, metadata: {name: v}, " + data + "}";
  };
  const std::string from_k = "env: [{name: T, valueFrom: {secretKeyRef: {name: v, key: k}}}]";
  for (const Case& c : std::vector<Case>{
           {"envFrom: [{secretRef: {name: v}}]", "", "Secret 'v' was not given: put its document beside"},
           {"envFrom: [{configMapRef: {name: v}}]", secret("data: {k: YQ==}"), "ConfigMap 'v' was not given"},
           {"envFrom: [{prefix: A_}]", "", "takes configMapRef or secretRef"},
           {"envFrom: [{configMapRef: {name: v}, secretRef: {name: v}}]", secret("data: {k: YQ==}"),
            "has a configMapRef and a secretRef: one of them, or an entry each"},
           {from_k, secret("data: {k: '!!'}"),
            "data.k: a value in data of Secret v is to be base64; plain text belongs in stringData"},
           {from_k, secret("data: {other: YQ==}"), "Secret 'v' has no key 'k'"},
           {from_k, secret("data: {k: YQBi}"), "key 'k' of Secret 'v' holds a NUL byte"},
           {from_k, secret("data: [k]"), "data of Secret v is to be a map"},
           {"env: [{name: T, value: a, valueFrom: {secretKeyRef: {name: v, key: k}}}]", secret("stringData: {k: b}"),
            "'T' has a value and a valueFrom: one of them"},
           {"env: [{name: 'A=B', value: a}]", "", "'A=B' cannot name an environment variable"},
           {"env: [{name: T, valueFrom: {vaultRef: {name: v}}}]", "", "takes one of configMapKeyRef, secretKeyRef,"},
       }) {
    SCOPED_TRACE(c.env + " " + c.documents);
    Write("e.yaml", Experiment("                " + c.env + "\n") + "---\n" + c.documents + "\n");
    const Finished run = Qalam({"run", "e.yaml"});
    EXPECT_EQ(run.code, 2) << run.out;
    EXPECT_THAT(run.err, testing::AllOf(HasSubstr(c.said), HasSubstr("Nothing was started.")));
    EXPECT_FALSE(Exists("qalam.db"));
  }
}

TEST_F(PodCommand, AResumeFindsTheSecretsThatWereGivenBefore) {
  Write("trial.sh", "while [ ! -e go ]; do sleep 0.02; done; [ -n \"$TOKEN\" ] && echo loss=$1\n");
  Write("e.yaml", Experiment(kTokenInEnv));
  Write("s.yaml", kSecret);
  EXPECT_THAT(Qalam({"run", "e.yaml"}).err, HasSubstr("Secret 'keys' was not given"));
  auto first = Start({"run", "e.yaml", "-f", "s.yaml"});
  ASSERT_TRUE(first->WaitFor("pods"));
  first->Signal(SIGKILL);
  first->Wait();
  Write("go", "");
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("2 ok"));
}

TEST_F(PodCommand, InitContainersSidecarsAndVolumesWorkTogether) {
  Write("trial.sh",
        "while [ ! -e $QALAM_VOLUME_WORK/side ]; do sleep 0.02; done; cat $QALAM_VOLUME_WORK/init; "
        "echo $QALAM_PARAMS_JSON >> $QALAM_VOLUME_ALL/seen; echo loss=$1\n");
  const std::string mount = "volumeMounts: [{name: work, mountPath: " + Path("points/work") + "}";
  const std::string all = ", {name: all, mountPath: " + Path("points/all") + "}]\n";
  std::string yaml = Experiment("                " + mount + all,
                                "            volumes: [{name: work, emptyDir: {}}, {name: all, "
                                "persistentVolumeClaim: {claimName: all}}]\n"
                                "            initContainers:\n"
                                "              - {name: init, command: [sh, -c, 'echo made > " +
                                    Path("points/work") + "/init'], " + mount + "]}\n");
  const std::string side = "              - {name: side, command: [sh, -c, 'echo up > " + Path("points/work") +
                           "/side; sleep 600'], " + mount + "]}\n";
  yaml.insert(yaml.find("            restartPolicy: Never"), side);
  Write("e.yaml", yaml);
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, HasSubstr("2 ok"));
  EXPECT_EQ(Lines("qalam.db.d/volumes/default/all/seen"), 2);  // the claim is the same for both trials
}

// Whatever text allows: quotes, "$(", line ends, control characters, other scripts, leading dashes, nothing at all.
std::string RandomText(Rng& rng) {
  static const std::vector<std::string> pieces = {"$",        "$$",
                                                  "$(",       ")",
                                                  "$(HOME)",  "${",
                                                  "}",        "`",
                                                  "\"",       "'",
                                                  "\\",       "\n",
                                                  "\r\n",     "\t",
                                                  " ",        "-",
                                                  "--x=",     "*",
                                                  "?",        "~",
                                                  "|",        "&",
                                                  ";",        "<",
                                                  ">",        "(",
                                                  "#",        "%",
                                                  "!",        "=",
                                                  ",",        ":",
                                                  "{}",       "[]",
                                                  "\x01",     "\x7f",
                                                  "é",        "日本",
                                                  "🎛",       "a",
                                                  "Z",        "0",
                                                  "/katib/x", "${trialParameters.x}",
                                                  "true",     "null",
                                                  "1e5",      "\xe2\x80\xa8",
                                                  "$((1+1))", "$(touch canary)"};
  if (rng.Below(50) == 0) return "";
  std::string text;
  const std::uint64_t length = rng.Below(100) == 0 ? 2'000 : rng.Below(12);
  for (std::uint64_t i = 0; i <= length; ++i) text += pieces[rng.Below(pieces.size())];
  return text;
}

class Ends final : public RunObserver {
 public:
  explicit Ends(EventLoop& loop) : loop_(loop) {}
  void OnStep(const StepRecord&) override {}
  void OnOutput(const RunId&, int, std::string_view, std::int64_t, std::string_view) override {}
  void OnRunEnd(const RunId&, const RunEnd& run_end) override {
    end = run_end;
    loop_.Stop();
  }
  RunEnd end;

 private:
  EventLoop& loop_;
};

// By the way that every trial goes: rendered, compiled, started by the engine through a shim. Each process checks 1,000
// values: its arguments, its variables and the file of parameters against what stands in a file beside.
TEST_F(PodCommand, TenThousandRandomValuesArriveByteForByteInArgumentsVariablesAndFiles) {
  constexpr int kTrials = 10, kValues = 1'000;
  Write("check.py", R"(
import json, os, sys
words = [os.fsencode(w) for w in sys.argv[2:]]
wanted = open(sys.argv[1], "rb").read().split(b"\0")[:-1]
given = json.load(open(os.environ["QALAM_PARAMS_JSON"], "rb"))
for i, value in enumerate(wanted):
    assert words[i] == value, ("argument", i, words[i], value)
    assert os.environb[b"QALAM_PARAM_P%d" % i] == value, ("variable", i)
    assert os.environb[b"KUBEFLOW_TRAINER_OPT_P%d" % i] == value, ("variable", i)
    assert os.environb[b"E%d" % i] == b"<" + value + b">", ("env", i, os.environb[b"E%d" % i], value)
    assert given["p%d" % i].encode() == value, ("file", i)
assert len(wanted) == 1000 and len(words) == 1000
)");
  ExperimentSpec spec;
  spec.name = "bytes";
  spec.trial_template.primary_container_name = "main";
  spec.annotations["qalam.dev/working-dir"] = folder_;
  std::string args, env;
  for (int i = 0; i < kValues; ++i) {
    const std::string name = fmt::format("p{}", i), placeholder = "${trialParameters." + name + "}";
    spec.parameters.push_back({name, ParameterType::kCategorical, {}});
    spec.trial_template.parameters.push_back({name, "", name});
    args += fmt::format(", \"{}\"", placeholder);
    env += fmt::format("          - {{name: E{}, value: \"<{}>\"}}\n", i, placeholder);
  }
  Diagnostics faults;
  const auto documents = ReadDocuments(fmt::format(R"(
apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      containers:
      - name: main
        command: [{}, check.py, '$(KATIB_TRIAL_NAME)'{}]
        env:
{})",
                                                   QALAM_PYTHON, args, env),
                                       &faults);
  ASSERT_FALSE(faults.HasErrors()) << Render(faults);
  spec.trial_template.trial_spec = documents[0];
  Rng rng(4, "pod_test.bytes", 0);
  const SystemClock clock;
  for (int trial = 0; trial < kTrials; ++trial) {
    Assignments assignments;
    std::string wanted;
    for (int i = 0; i < kValues; ++i) {
      assignments.push_back({fmt::format("p{}", i), RandomText(rng)});
      wanted += assignments.back().value + '\0';
    }
    Trial record;
    record.name = fmt::format("bytes-{}", trial);
    record.assignments = assignments;
    Write(record.name, wanted);
    const auto manifest = RenderTrial(spec, record.name, assignments);
    ASSERT_TRUE(manifest.ok()) << manifest.status().message();
    const auto run = CompileTrial(Path("db"), spec, record, *manifest);
    ASSERT_TRUE(run.ok()) << run.status().message();
    EventLoop loop(clock);
    Ends ends(loop);
    const auto engine =
        MakeLocalEngine(loop, {.root = Path("db.d/runs"), .shim = QALAM_BUILD_DIR "/qalam-shim", .capacity = {}});
    engine->SetObserver(&ends);
    ASSERT_TRUE(engine->Start(record.name, *run, {}).ok());
    loop.Run();
    ASSERT_EQ(ends.end.state, StepState::kSucceeded)
        << ends.end.message << Read(fmt::format("db.d/runs/{}/main/1/output.log", record.name));
  }
  EXPECT_FALSE(Exists("canary"));
}

}  // namespace
}  // namespace qalam
