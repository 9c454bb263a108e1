// SPDX-License-Identifier: Apache-2.0
// Plugins that a KatibConfig starts, through the real program: what a Python service may do to us, and the end each
// time. Nothing illegal is launched, and no process is left.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string Shell(const std::string& command, const std::string& folder) {
  Program program({"sh", "-c", command}, {.folder = folder});
  const Finished done = program.Wait();
  EXPECT_EQ(done.code, 0) << command << "\n" << done.out << done.err;
  return done.out;
}

class PluginTest : public CliTest {
 protected:
  // The proto as a user gets it, compiled once for all tests.
  static void SetUpTestSuite() {
    std::string name = testing::TempDir() + "/qalam-proto-XXXXXX";
    stubs_ = mkdtemp(name.data());
    Shell(std::string(QALAM_BUILD_DIR) +
              "/qalam proto --katib > api.proto && " QALAM_BUILD_DIR
              "/qalam proto --live > live.proto && "
              "protoc --python_out=. --grpc_out=. --plugin=protoc-gen-grpc=$(command -v grpc_python_plugin) "
              "api.proto live.proto",
          stubs_);
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(stubs_); }

  PluginTest() {
    for (const char* file : {"api_pb2.py", "api_pb2_grpc.py", "live_pb2.py", "live_pb2_grpc.py"})
      std::filesystem::copy_file(stubs_ + "/" + file, Path(file));
  }
  ~PluginTest() override {
    for (const std::string& pid : Started())
      EXPECT_TRUE(IsGoneSoon(pid)) << "the plugin with pid " << pid << " is left";
  }

  std::vector<std::string> Started() const {
    std::vector<std::string> pids;
    std::istringstream lines(Exists("starts") ? Read("starts") : "");
    for (std::string line; std::getline(lines, line);) pids.push_back(line);
    return pids;
  }
  static bool IsGoneSoon(const std::string& pid) {
    for (int i = 0; i < 1000; ++i) {
      std::ifstream stat("/proc/" + pid + "/stat");
      std::string text;
      if (!std::getline(stat, text) || text.find(") Z ") != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  // A config whose algorithm `foreign` is the hostile service in this mood, and an experiment for it.
  void Prepare(const std::string& how, const std::string& more = "", int trials = 4) {
    Write("plugins.yaml", fmt::format(R"(apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  suggestions:
    - algorithmName: foreign
      command: [{}, {}/tests/plugins/hostile.py, "{{port}}", {}]
      restarts: 1
{})",
                                      QALAM_PYTHON, QALAM_SOURCE_DIR, how, more));
    Write("e.yaml", Yaml({.name = "e",
                          .command = {"sh", Path("trial.sh"), "${trialParameters.x}"},
                          .trials = trials,
                          .parallel = 2,
                          .algorithm = "foreign"}));
  }
  Finished Run() { return Qalam({"run", "e.yaml", "--config", "plugins.yaml"}); }
  // "state assignments" of each trial.
  std::vector<std::string> Trials() {
    std::vector<std::string> rows;
    std::istringstream lines(
        Shell("sqlite3 -readonly qalam.db 'SELECT status, name, assignments FROM trials'", folder_));
    for (std::string line; std::getline(lines, line);) rows.push_back(line);
    return rows;
  }
  std::string Events() {
    return Shell("sqlite3 -readonly qalam.db 'SELECT reason, message FROM events ORDER BY id'", folder_);
  }
  static std::string stubs_;
};
std::string PluginTest::stubs_;

struct Mood {
  const char* how;
  int code;          // of qalam run
  int trials;        // that were created
  int starts;        // of the service; 0: it depends on when a process is seen to be gone
  const char* said;  // by qalam run, or in the events
  const char* more = "";
};
void PrintTo(const Mood& mood, std::ostream* out) { *out << mood.how; }

class HostilePlugin : public PluginTest, public testing::WithParamInterface<Mood> {};

TEST_P(HostilePlugin, EndsAsDocumented) {
  const Mood& mood = GetParam();
  Prepare(mood.how, mood.more);
  const Finished done = Run();
  const std::string said = done.out + done.err + Events();
  EXPECT_EQ(done.code, mood.code) << said;
  EXPECT_THAT(said, ContainsRegex(mood.said));
  EXPECT_LT(said.size(), 20'000u);
  const std::vector<std::string> trials = Trials();
  EXPECT_EQ(static_cast<int>(trials.size()), mood.trials) << said;
  for (const std::string& trial : trials)
    EXPECT_THAT(trial,
                AllOf(testing::StartsWith("Succeeded|"), ContainsRegex("\\{\"x\":\"0\\.[0-9]+(e-[0-9]+)?\"\\}")));
  if (mood.starts > 0) {
    EXPECT_EQ(static_cast<int>(Started().size()), mood.starts);
  }
  EXPECT_FALSE(Exists("canary"));
  EXPECT_TRUE(Exists("qalam.db.d/plugins/e-foreign.log"));
}

INSTANTIATE_TEST_SUITE_P(
    All, HostilePlugin,
    testing::Values(
        Mood{"good", 0, 4, 1, "Succeeded"},
        Mood{"hangs", 1, 0, 2, "no answer within 1 s.*2 times in a row", "      deadline: 1s\n"},
        Mood{"hangs-once", 0, 4, 2, "no answer within 1 s", "      deadline: 1s\n"},
        Mood{"dies", 1, 0, 2, "ended with exit code 7; it last said: I have had enough; that was 2 times in a row"},
        Mood{"dies-once", 0, 4, 2, "ended with exit code 7"},
        Mood{"dies-at-start", 1, 0, 2, "Validation failed: .*exit code 3; it last said: no module named nonsense"},
        Mood{"garbage-bytes", 1, 0, 2, "was not ready within 1 s", "      startup: 1s\n"},
        Mood{"wrong-service", 1, 0, 1, "Suggestion has failed: suggestion service foreign.*[Mm]ethod"},
        Mood{"too-few", 0, 4, 1, "Succeeded"}, Mood{"too-many", 0, 4, 1, "Succeeded"},
        Mood{"nothing", 0, 0, 1, "ExperimentSuggestionEndReached|reached the end"},
        Mood{"duplicates", 0, 4, 1, "Succeeded"}, Mood{"illegal-once", 0, 4, 1, "SuggestionRejected.*x"},
        Mood{"own-names", 0, 4, 1, "Succeeded"}, Mood{"fails-to-validate", 0, 4, 1, "Succeeded"},
        Mood{"late-once", 0, 4, 2, "no answer within 1 s", "      deadline: 1s\n"},
        Mood{"many-more", 0, 4, 1, "Succeeded"}, Mood{"resets-once", 0, 4, 1, "Succeeded"},
        Mood{"dies-after-each-answer", 0, 4, 0, "Succeeded"}),
    [](const auto& tried) {
      std::string name = tried.param.how;
      std::ranges::replace(name, '-', '_');
      return name;
    });

// Services that never give anything legal: asked again with backoff until a person has had enough.
class UselessPlugin : public PluginTest, public testing::WithParamInterface<Mood> {};

TEST_P(UselessPlugin, LaunchesNothingAndSaysWhy) {
  const Mood& mood = GetParam();
  Prepare(mood.how, mood.more);
  auto run = Start({"run", "e.yaml", "--config", "plugins.yaml"});
  ASSERT_TRUE(run->WaitFor("were not legal", std::chrono::seconds(60)));
  run->Signal(SIGINT);
  const Finished done = run->Wait();
  EXPECT_EQ(done.code, 130);
  EXPECT_THAT(Events(), HasSubstr(mood.said));
  EXPECT_THAT(done.out + done.err + Events(), Not(HasSubstr("\x1b"))) << "no control character reaches a terminal";
  EXPECT_LT(Events().size(), 20'000u);
  EXPECT_TRUE(Trials().empty());
  EXPECT_EQ(static_cast<int>(Started().size()), mood.starts);
  EXPECT_FALSE(Exists("canary"));
}

INSTANTIATE_TEST_SUITE_P(
    All, UselessPlugin,
    testing::Values(Mood{"illegal", 130, 0, 1, "parameter 'x'"},
                    Mood{"huge", 130, 0, 1, "parameter 'x' has a value of 33554434 bytes"},
                    Mood{"wrong-parameter", 130, 0, 1, "parameter 'y' is not one of the experiment"},
                    Mood{"extra-parameter", 130, 0, 1, "parameter 'y' is not one of the experiment"},
                    Mood{"ten-megabytes", 130, 0, 1, "parameter 'x' has a value of 10485762 bytes"},
                    Mood{"assigned-twice", 130, 0, 1, "parameter 'x' has two values"},
                    Mood{"control-names", 130, 0, 1, "trial name ' [2J red  ' is not a DNS label"},
                    Mood{"wrong-names", 130, 0, 1, "trial name '../../etc/passwd' is not a DNS label"}),
    [](const auto& tried) {
      std::string name = tried.param.how;
      std::ranges::replace(name, '-', '_');
      return name;
    });

// A trial is at work when its service goes wrong: the person is told in a sentence, and the trial is left alone.
class WrongWhileATrialRuns : public PluginTest, public testing::WithParamInterface<Mood> {};

TEST_P(WrongWhileATrialRuns, ItIsLeftAloneAndThePersonIsTold) {
  const Mood& mood = GetParam();
  Prepare(std::string("later:") + mood.how, mood.more);
  Write("trial.sh", "echo $$ >> pids\nwhile [ ! -e go ]; do sleep 0.05; done\necho loss=$1\n");
  auto run = Start({"run", "e.yaml", "--config", "plugins.yaml"});
  const auto seen = [&] {
    for (int i = 0; i < 600; ++i) {
      const std::string text = Events() + Qalam({"describe", "exp", "e"}).out;
      if (text.find(mood.said) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  };
  for (int i = 0; i < 3000 && !Exists("pids"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_TRUE(seen()) << run->out() << Events() << Qalam({"describe", "exp", "e"}).out;
  EXPECT_THAT(Trials(), testing::ElementsAre(testing::StartsWith("Running|")));
  EXPECT_EQ(kill(std::atoi(Read("pids").c_str()), 0), 0) << "the trial is at work";
  Write("go", "");
  for (int i = 0; i < 300 && !Trials()[0].starts_with("Succeeded|"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  run->Signal(SIGINT);
  run->Wait();
  EXPECT_EQ(Lines("pids"), 1) << "it ran once";
  EXPECT_THAT(Trials(), testing::ElementsAre(testing::StartsWith("Succeeded|")));
}

INSTANTIATE_TEST_SUITE_P(All, WrongWhileATrialRuns,
                         testing::Values(Mood{"late", 130, 1, 0, "no answer within 1 s", "      deadline: 1s\n"},
                                         Mood{"dies", 130, 1, 0,
                                              "ended with exit code 7; it last said: I have had enough"},
                                         Mood{"resets", 130, 1, 1, "suggestion service foreign"},
                                         Mood{"illegal", 130, 1, 1, "parameter 'x'"},
                                         Mood{"assigned-twice", 130, 1, 1, "parameter 'x' has two values"},
                                         Mood{"huge", 130, 1, 1, "has a value of 33554434 bytes"},
                                         Mood{"control-names", 130, 1, 1, "is not a DNS label"}),
                         [](const auto& tried) {
                           std::string name = tried.param.how;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// Katib keeps a service's process under LongRunning and its volume under FromVolume; what it fed back is kept under
// both.
TEST_F(PluginTest, AServiceFindsWhatItFedBackWhenItsExperimentIsRestarted) {
  for (const std::string policy : {"LongRunning", "FromVolume"}) {
    SCOPED_TRACE(policy);
    std::filesystem::remove(Path("remembered"));
    Prepare("remembers");
    const std::string name = policy == "LongRunning" ? "long" : "volume";
    Write("e.yaml", Yaml({.name = name,
                          .command = {"sh", Path("trial.sh"), "${trialParameters.x}"},
                          .trials = 1,
                          .parallel = 1,
                          .algorithm = "foreign",
                          .spec = "  resumePolicy: " + policy + "\n"}));
    Write("trial.sh", "echo loss=$1\n");
    ASSERT_EQ(Run().code, 0);
    EXPECT_EQ(Read("remembered"), "nothing\n");
    const Finished more = Qalam({"run", "e.yaml", "--config", "plugins.yaml", "-n", "3"});
    EXPECT_EQ(more.code, 0) << more.out << more.err;
    EXPECT_EQ(Read("remembered"), "nothing\n1\n2\n");
  }
}

TEST_F(PluginTest, ANameThatIsTakenIsUsedOnce) {
  Prepare("same-name", "", 1);
  EXPECT_EQ(Run().code, 0);
  EXPECT_THAT(Trials(), testing::ElementsAre(HasSubstr("|always-the-same|")));
}

TEST_F(PluginTest, NamesAndLabelsOfTheServiceAreThoseOfTheTrials) {
  Prepare("own-names");
  ASSERT_EQ(Run().code, 0);
  EXPECT_THAT(Trials(), testing::Each(HasSubstr("|mine-")));
  EXPECT_THAT(Shell("sqlite3 -readonly qalam.db 'SELECT labels FROM trials'", folder_),
              HasSubstr("{\"generation\":\"0\"}"));
}

TEST_F(PluginTest, AProgramThatIsNotThereIsSaidAtOnce) {
  Prepare("good");
  std::string config = Read("plugins.yaml");
  config.replace(config.find(QALAM_PYTHON), std::string(QALAM_PYTHON).size(), "no-such-python");
  Write("plugins.yaml", config);
  const Finished done = Run();
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.out, HasSubstr("'no-such-python' cannot be started: it is in no folder of PATH"));
}

TEST_F(PluginTest, AResumeFromAnywhereStartsTheSamePluginAndKillLeavesNoProcess) {
  Prepare("good", "      shared: true\n", 300);
  auto run = Start({"run", "e.yaml", "--config", "plugins.yaml"});
  ASSERT_TRUE(run->WaitFor("#3 ", std::chrono::seconds(60)));
  run->Signal(SIGKILL);
  EXPECT_EQ(run->Wait().code, 128 + SIGKILL);
  for (const std::string& pid : Started()) EXPECT_TRUE(IsGoneSoon(pid));
  std::filesystem::create_directory(Path("elsewhere"));
  const Finished done = Qalam({"run", "../e.yaml", "--db", "../qalam.db", "-n", "250"}, {.folder = Path("elsewhere")});
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(Started().size(), 2u);
  EXPECT_TRUE(Exists("qalam.db.d/plugins/foreign.log"));
}

// The grid gives x = 0, 0.25, 0.5, 0.75, 1 one after the other, and a trial prints 1 + x three times, then takes a
// while: after the first two, whose mean (and median) is 1.125, the others are worse.
class EarlyStoppingTest : public PluginTest {
 protected:
  void WriteExperimentThatStops(const std::string& setting = "") {
    Write("slow.sh",
          "for i in 1 2 3; do echo loss=$(awk \"BEGIN{print 1+$1}\"); done\n"
          "case $1 in 0|0.0|0.25) ;; *) sleep 60 ;; esac\n");
    std::string yaml = Yaml({.name = "e",
                             .command = {"sh", Path("slow.sh"), "${trialParameters.x}"},
                             .trials = 5,
                             .parallel = 1,
                             .algorithm = "grid",
                             .spec = "  earlyStopping:\n    algorithmName: medianstop\n    algorithmSettings:\n"
                                     "      - {name: min_trials_required, value: \"2\"}\n"
                                     "      - {name: start_step, value: \"2\"}\n" +
                                     setting});
    yaml.replace(yaml.find("max: \"1\""), 8, "max: \"1\"\n        step: \"0.25\"");
    Write("e.yaml", yaml);
  }
  std::string States() {
    std::string states;
    for (const std::string& row : Trials()) states += row.substr(0, row.find('|')) + " ";
    return states;
  }
};

TEST_F(EarlyStoppingTest, MedianstopDecidesLive) {
  WriteExperimentThatStops("      - {name: guard, value: \"off\"}\n");
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err << Events();
  EXPECT_EQ(States(), "Succeeded Succeeded EarlyStopped EarlyStopped EarlyStopped ") << Events();
  EXPECT_THAT(Shell("sqlite3 -readonly qalam.db 'SELECT message, early_stopping_rules FROM trials'", folder_),
              HasSubstr("Trial is early stopped: loss 1.5: worse than 2 of 2 trials at step 2|[]"));
  EXPECT_THAT(Events(), HasSubstr("EarlyStopping|loss 1.5: worse than 2 of 2 trials at step 2"));
}

TEST_F(EarlyStoppingTest, MedianstopWithKatibsMeaningSetsItsBoundWhenATrialIsCreated) {
  WriteExperimentThatStops("      - {name: compat, value: katib}\n");
  const Finished done = Qalam({"run", "e.yaml"});
  ASSERT_EQ(done.code, 0) << done.out << done.err << Events();
  EXPECT_EQ(States(), "Succeeded Succeeded EarlyStopped EarlyStopped EarlyStopped ") << Events();
  EXPECT_THAT(Shell("sqlite3 -readonly qalam.db 'SELECT early_stopping_rules FROM trials'", folder_),
              HasSubstr("[{\"name\":\"loss\",\"value\":\"1.125\",\"comparison\":\"greater\",\"startStep\":2}]"));
  EXPECT_THAT(Events(), ContainsRegex("EarlyStopping\\|loss 1.5 is greater than 1.125 \\(the best of 2 reports\\)"));
}

TEST_F(EarlyStoppingTest, AWrongSettingOfTheBuiltInRuleIsAFaultOfTheFile) {
  std::string yaml = Yaml({.spec = "  earlyStopping:\n    algorithmName: medianstop\n    algorithmSettings:\n"
                                   "      - {name: start_step, value: \"0\"}\n"
                                   "      - {name: start_steps, value: \"1\"}\n"});
  Write("e.yaml", yaml);
  const Finished done = Qalam({"run", "e.yaml"});
  EXPECT_EQ(done.code, 2);
  EXPECT_THAT(done.err,
              AllOf(HasSubstr("start_step must be greater or equal than one (>=1)"),
                    HasSubstr("unknown setting start_steps for algorithm medianstop; did you mean 'start_step'?")));
}

TEST_F(EarlyStoppingTest, AServiceReadsMetricsAndItsRulesStopTrials) {
  Write("plugins.yaml", fmt::format(R"(apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  earlyStoppings:
    - algorithmName: medianstop
      command: [{}, {}/tests/plugins/median.py, "{{port}}"]
)",
                                    QALAM_PYTHON, QALAM_SOURCE_DIR));
  WriteExperimentThatStops();
  const Finished done = Run();
  ASSERT_EQ(done.code, 0) << done.out << done.err << Events();
  EXPECT_EQ(States(), "Succeeded Succeeded EarlyStopped EarlyStopped EarlyStopped ") << Events();
  EXPECT_THAT(Shell("sqlite3 -readonly qalam.db 'SELECT reason, message, early_stopping_rules FROM trials'", folder_),
              HasSubstr("TrialEarlyStopped|Trial is early stopped|[{\"name\":\"loss\",\"value\":\"1.125\","
                        "\"comparison\":\"greater\",\"startStep\":2}]"));
  EXPECT_THAT(Events(), ContainsRegex("EarlyStopping\\|loss 1.5 is greater than 1.125 \\(the best of 2 reports\\)"));
  EXPECT_THAT(Read("told"), AllOf(HasSubstr(" 3 reports"), HasSubstr("stopped e-")));
}

// The service is another qalam.
class DecidedElsewhere : public EarlyStoppingTest {
 protected:
  void StartService() {
    service_ = Start({"suggest", "--listen", "127.0.0.1:0"});
    ASSERT_TRUE(service_->WaitFor("listening on "));
    const std::string line = service_->out().substr(0, service_->out().find('\n'));
    Write("plugins.yaml",
          "apiVersion: config.kubeflow.org/v1beta1\nkind: KatibConfig\nruntime:\n  earlyStoppings:\n"
          "    - algorithmName: percentile\n      endpoint: " +
              line.substr(line.rfind(' ') + 1) + "\n");
  }
  void WritePercentile() {
    WriteExperimentThatStops();
    std::string yaml = Read("e.yaml");
    const std::size_t rule = yaml.find("    algorithmName: medianstop"), end = yaml.find("  parallelTrialCount");
    ASSERT_NE(rule, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    const std::size_t settings = yaml.find("      - {name: start_step");
    const std::size_t line = yaml.find('\n', settings) + 1;
    yaml.replace(rule, line - rule,
                 "    algorithmName: percentile\n    algorithmSettings:\n"
                 "      - {name: min_trials_required, value: \"2\"}\n      - {name: percentile, value: \"50\"}\n"
                 "      - {name: guard, value: \"off\"}\n");
    Write("e.yaml", yaml);
  }
  std::unique_ptr<Program> service_;
};

TEST_F(DecidedElsewhere, AServiceStopsTrialsReportByReport) {
  StartService();
  WritePercentile();
  const Finished done = Run();
  ASSERT_EQ(done.code, 0) << done.out << done.err << Events();
  EXPECT_EQ(States(), "Succeeded Succeeded EarlyStopped EarlyStopped EarlyStopped ") << Events();
  EXPECT_THAT(Events(), ContainsRegex("EarlyStopping\\|loss 1.5: worse than 2 of 2 trials at step [123]"));
  EXPECT_THAT(Qalam({"describe", "exp", "e"}).out,
              AllOf(HasSubstr("Stopping:     percentile"), HasSubstr("Saved:        3 of 5 trials stopped early; ")));
}

TEST_F(DecidedElsewhere, AServiceThatIsGoneStopsNobody) {
  StartService();
  WritePercentile();
  Write("slow.sh", "echo loss=1; touch began; until [ -e go ]; do sleep 0.05; done; echo loss=2; echo loss=3\n");
  std::string yaml = Read("e.yaml");
  yaml.replace(yaml.find("maxTrialCount: 5"), 16, "maxTrialCount: 1");
  Write("e.yaml", yaml);
  auto run = Start({"run", "e.yaml", "--config", "plugins.yaml"});
  for (int i = 0; i < 600 && !Exists("began"); ++i) usleep(50'000);
  ASSERT_TRUE(Exists("began"));
  service_->Signal(SIGKILL);
  service_->Wait();
  Write("go", "");
  const Finished done = run->Wait();
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(States(), "Succeeded ");
  EXPECT_THAT(Events(), ContainsRegex("EarlyStoppingFailed\\|early-stopping service percentile at .*; trials go on"));
}

// What is said in docs/plugins.md: no more than the report at hand.
TEST_F(DecidedElsewhere, AFewLinesOfPythonDecide) {
  std::ifstream file(QALAM_SOURCE_DIR "/docs/plugins.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::size_t begin = page.find("```python ceiling.py\n");
  ASSERT_NE(begin, std::string::npos);
  const std::size_t first = page.find('\n', begin) + 1;
  Write("ceiling.py", page.substr(first, page.find("```", first) - first));
  Write("plugins.yaml", fmt::format("apiVersion: config.kubeflow.org/v1beta1\nkind: KatibConfig\nruntime:\n"
                                    "  earlyStoppings:\n    - algorithmName: percentile\n"
                                    "      command: [{}, ./ceiling.py, \"{{port}}\"]\n",
                                    QALAM_PYTHON));
  WritePercentile();
  const Finished done = Run();
  ASSERT_EQ(done.code, 0) << done.out << done.err << Events();
  EXPECT_EQ(States(), "Succeeded Succeeded EarlyStopped EarlyStopped EarlyStopped ") << Events();
  EXPECT_THAT(Events(), HasSubstr("EarlyStopping|loss 1.5: above 1.4"));
}

TEST_F(PluginTest, EarlyStoppingSettingsThatTheServiceRefusesEndTheExperimentWithItsWords) {
  Write("plugins.yaml", fmt::format(R"(apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  earlyStoppings:
    - algorithmName: medianstop
      command: [{}, {}/tests/plugins/median.py, "{{port}}"]
)",
                                    QALAM_PYTHON, QALAM_SOURCE_DIR));
  Write("e.yaml", Yaml({.name = "e",
                        .spec = "  earlyStopping:\n    algorithmName: medianstop\n    algorithmSettings:\n"
                                "      - {name: patience, value: \"2\"}\n"}));
  const Finished done = Run();
  EXPECT_EQ(done.code, 1);
  EXPECT_THAT(done.out, AllOf(HasSubstr("Validation failed: early-stopping service medianstop"),
                              HasSubstr("unknown setting patience")));
}

TEST_F(PluginTest, KatibsOwnConfigIsReadWithoutAFault) {
  WriteExperiment("e.yaml", {});
  const std::string config = QALAM_SOURCE_DIR "/tests/data/katib/support/katib-config.yaml";
  const Finished done = Qalam({"lint", "e.yaml", "--strict", "--config", config});
  EXPECT_EQ(done.code, 0);
  EXPECT_EQ(done.out, "0 errors\n");
}

TEST_F(PluginTest, AnAlgorithmWithAnImageAloneIsStartedThroughTheImageMapOrSaidWithWhatToAdd) {
  Prepare("good");
  Write("plugins.yaml",
        "apiVersion: config.kubeflow.org/v1beta1\nkind: KatibConfig\nruntime:\n  suggestions:\n"
        "    - algorithmName: foreign\n      image: example.com/foreign:v1\n");
  const Finished refused = Run();
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("plugins.yaml names an image alone for 'foreign' (example.com/foreign:v1), and "
                                     "images are not run here: add to its entry a command"));
  Write("images.yaml", fmt::format("images:\n  - image: example.com/foreign*\n    command:\n      to: [{}, {}, "
                                   "\"{{port}}\", good]\n",
                                   QALAM_PYTHON, QALAM_SOURCE_DIR "/tests/plugins/hostile.py"));
  const Finished done = Qalam({"run", "e.yaml", "--config", "plugins.yaml", "--image-map", "images.yaml"});
  EXPECT_EQ(done.code, 0) << done.out << done.err;
  EXPECT_EQ(Trials().size(), 4u);
}

TEST_F(PluginTest, EveryFaultOfAConfigIsShownInItsPlace) {
  Prepare("good");
  Write("plugins.yaml", R"(apiVersion: config.kubeflow.org/v1beta2
kind: KatibConfig
runtime:
  suggestons: []
  suggestions:
    - algorithmName: foreign
      endpoint: nowhere
      deadline: fast
      restarts: -1
    - algorithmName: foreign
      comand: [a]
    - command: [a]
      env: {A: 1}
  earlyStoppings:
    - algorithmName: medianstop
      image: example.com/medianstop
      startup: 0s
)");
  const Finished done = Qalam({"lint", "e.yaml", "--config", "plugins.yaml", "--strict"});
  EXPECT_EQ(done.code, 2);
  for (const char* fault :
       {"plugins.yaml:1:13: error: apiVersion: ", "plugins.yaml:4:3: error: runtime.suggestons: ",
        "did you mean 'suggestions'?",
        "plugins.yaml:7:17: error: runtime.suggestions[0].endpoint: 'nowhere' is no address",
        "plugins.yaml:8:17: error: runtime.suggestions[0].deadline: 'fast' is no duration",
        "plugins.yaml:9:17: error: runtime.suggestions[0].restarts: ",
        "plugins.yaml:10:22: error: runtime.suggestions[1].algorithmName: 'foreign' has an entry at line 6",
        "runtime.suggestions[1].comand: ", "did you mean 'command'?",
        "error: runtime.suggestions[2].algorithmName: is missing",
        "plugins.yaml:17:16: error: runtime.earlyStoppings[0].startup: '0s' is no duration"})
    EXPECT_THAT(done.out, HasSubstr(fault));
}

TEST_F(PluginTest, ThePageOnPluginsIsTrue) {
  std::filesystem::create_directory(Path("page"));
  std::ifstream page(QALAM_SOURCE_DIR "/docs/plugins.md");
  int commands = 0, lines_of_python = 0;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("```") || line == "```") continue;
    const std::string info = line.substr(3);
    std::string block;
    while (std::getline(page, line) && line != "```") block += line + "\n";
    if (info.starts_with("python ")) lines_of_python = static_cast<int>(std::ranges::count(block, '\n'));
    if (info.starts_with("python ") || info.starts_with("yaml "))
      Write("page/" + info.substr(info.find(' ') + 1), block);
    if (info != "console") continue;
    std::istringstream shell(block);
    for (std::string command; std::getline(shell, command);) {
      ASSERT_TRUE(command.starts_with("$ ")) << command;
      Program program(
          {"sh", "-c", command.substr(2)},
          {.folder = Path("page"), .env = {{"PATH", fmt::format("{}:{}", QALAM_BUILD_DIR, std::getenv("PATH"))}}});
      const Finished done = program.Wait();
      EXPECT_EQ(done.code, 0) << command << "\n" << done.out << done.err;
      ++commands;
    }
  }
  EXPECT_EQ(commands, 3);
  EXPECT_LE(lines_of_python, 40);
  EXPECT_EQ(Shell("sqlite3 -readonly page/qalam.db \"SELECT trials_succeeded FROM experiments\"", folder_), "12\n");
  EXPECT_TRUE(Exists("page/qalam.db.d/plugins/climb-hill.log"));
}

}  // namespace
}  // namespace qalam
