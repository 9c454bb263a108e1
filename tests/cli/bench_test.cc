// SPDX-License-Identifier: Apache-2.0
// qalam bench, as a person types it.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Bench : public CliTest {};

TEST_F(Bench, ListsSuitesAlgorithmsAndTheProblemsOfASuite) {
  const Finished all = Qalam({"bench", "list"});
  EXPECT_EQ(all.code, 0);
  EXPECT_THAT(all.out, AllOf(HasSubstr("quick"), HasSubstr("bbob   "), HasSubstr("sobol")));
  const std::string proving = Qalam({"bench", "list", "classic"}).out;
  EXPECT_THAT(proving, AllOf(HasSubstr("classic/branin/s6\n"), Not(HasSubstr("classic/branin/s1\n"))));
  EXPECT_THAT(Qalam({"bench", "list", "classic", "--tuning"}).out, HasSubstr("classic/branin/s1\n"));
}

TEST_F(Bench, RunsReportsAndGoesOn) {
  const Finished done = Qalam({"bench", "run", "bbob/f01/d2/i6", "classic/branin/s6", "-a", "random,sobol", "--seeds",
                               "3", "--budget", "30", "--out", "r", "-j", "2"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("12/12 runs in"), HasSubstr("2 problems, 6 runs of each contender, 30 trials"),
                              HasSubstr("after 25 trials\nCONTENDER"), HasSubstr("after 30 trials"),
                              HasSubstr("wrote r/report.html, r/summary.json")));
  EXPECT_THAT(Read("r/report.html"), AllOf(HasSubstr("<h2>After 30 trials</h2>"), HasSubstr("bbob d2"),
                                           HasSubstr("No run failed."), HasSubstr("classic/branin/s6")));
  EXPECT_EQ(Lines("r/runs/bbob~f01~d2~i6/sobol/s3.csv"), 31);
  EXPECT_THAT(Read("r/summary.json"), HasSubstr("\"meanRank\""));

  // The folder knows the rest: more seeds for the same.
  const Finished more = Qalam({"bench", "run", "--seeds", "4", "--out", "r"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_THAT(more.out, AllOf(HasSubstr("16/16 runs"), HasSubstr("8 runs of each contender")));
  const Finished other = Qalam({"bench", "run", "--budget", "40", "--out", "r"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("it holds another campaign, of 30 trials, one at a time; these would be of 40"));

  // Packed curves stand for the runs, and nothing is written where no folder is said.
  const Finished packed = Qalam({"bench", "report", "r/curves.csv.gz"});
  EXPECT_EQ(packed.code, 0) << packed.err;
  EXPECT_FALSE(Exists("report.html"));
  EXPECT_EQ(Qalam({"bench", "report", "r/curves.csv.gz", "--out", "q"}).code, 0);
  EXPECT_TRUE(Exists("q/report.html"));
  EXPECT_THAT(Qalam({"bench", "report", "r", "--coco", "c"}).out, HasSubstr("python3 -m cocopp c/*"));
  EXPECT_TRUE(Exists("c/sobol/bbobexp_f1.info"));
  const Finished again = Qalam({"bench", "report", "r/curves.csv.gz", "r"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("8 runs of each contender"));
}

TEST_F(Bench, FaultsOfTheCommandLineAreTold) {
  const auto fault = [this](const std::vector<std::string>& words) {
    const Finished done = Qalam(words);
    return fmt::format("{}: {}", done.code, done.err);
  };
  EXPECT_THAT(fault({"bench"}), AllOf(HasSubstr("2: "), HasSubstr("list, run, report, check or latency")));
  EXPECT_THAT(fault({"bench", "run", "quik"}), AllOf(HasSubstr("3: "), HasSubstr("did you mean 'quick'?")));
  EXPECT_THAT(fault({"bench", "run", "-a", "sobl"}), HasSubstr("did you mean 'sobol'?"));
  EXPECT_THAT(fault({"bench", "run", "-a", "sobol(x"}), HasSubstr("parenthesis"));
  EXPECT_THAT(fault({"bench", "run", "-a", "sobol(x)"}), HasSubstr("'x' in 'sobol(x)' is no SETTING=VALUE"));
  EXPECT_THAT(fault({"bench", "report", "nowhere"}), HasSubstr("there is no folder or file 'nowhere'"));
  EXPECT_THAT(fault({"bench", "report", "."}), HasSubstr("no campaign: ./campaign.json"));
  EXPECT_FALSE(Exists("qalam-bench"));
}

TEST_F(Bench, AFailedRunIsNamedAndTheRestIsReported) {
  const Finished done = Qalam({"bench", "run", "bbob/f01/d2/i6", "-a", "random,sobol,sobol(seeed=1)", "--seeds", "2",
                               "--budget", "25", "--out", "r"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("failed: sobol(seeed=1) on bbob/f01/d2/i6, seed 1: unknown setting seeed"),
                              HasSubstr("left out: sobol(seeed=1)"), HasSubstr("2 runs of each contender"),
                              HasSubstr("sobol(seeed=1), 2 of them, first on bbob/f01/d2/i6, seed 1: unknown")));
}

// Of a disk without room: files of more than a kilobyte find none.
TEST_F(Bench, AFullDiskIsNamedRunByRun) {
  Program program({"bash", "-c",
                   fmt::format("trap '' XFSZ; ulimit -f 1; {}/qalam bench run bbob/f01/d2/i6 -a random --seeds 2 "
                               "--budget 100 --out r",
                               QALAM_BUILD_DIR)},
                  {.folder = folder_});
  const Finished done = program.Wait();
  EXPECT_THAT(done.out, AllOf(HasSubstr("failed: random on bbob/f01/d2/i6, seed 1: "), HasSubstr("File too large"),
                              HasSubstr("seed 2: "), HasSubstr("nothing to compare")));
  EXPECT_EQ(done.code, 1);
}

TEST_F(Bench, KilledAndResumedItGivesTheSameBytes) {
  const std::vector<std::string> words = {"bench",    "run", "bbob/f08/d5/i6", "-a", "random,sobol", "--seeds", "200",
                                          "--budget", "100", "--out",          "r"};
  {
    const auto program = Start(words);
    for (int i = 0; i < 2'000 && !Exists("r/runs/bbob~f08~d5~i6/sobol/s9.csv"); ++i) usleep(5'000);
    program->Signal(SIGKILL);
    (void)program->Wait();
  }
  EXPECT_EQ(Qalam(words).code, 0);
  std::vector<std::string> whole = words;
  whole.back() = "w";
  EXPECT_EQ(Qalam(whole).code, 0);
  int compared = 0;
  for (const std::string algorithm : {"random", "sobol"}) {
    for (int seed = 1; seed <= 200; ++seed, ++compared) {
      const std::string run = fmt::format("/runs/bbob~f08~d5~i6/{}/s{}.csv", algorithm, seed);
      EXPECT_EQ(Read("r" + run), Read("w" + run)) << run;
      EXPECT_EQ(Lines("r" + run), 101);
    }
  }
  EXPECT_EQ(compared, 400);
}

// A suggestion service in Python, as a user of Katib writes one, beside ours.
TEST_F(Bench, AServiceOfSomebodyElseIsTriedByItsAddress) {
  Program service({QALAM_PYTHON, "python_service.py"},
                  {.folder = QALAM_SOURCE_DIR "/tests/suggest", .hold_input = true});
  ASSERT_TRUE(service.WaitFor("\n"));
  const std::string at = "@127.0.0.1:" + service.out().substr(0, service.out().find('\n'));
  const std::vector<std::string> words = {"bench",
                                          "run",
                                          "bbob/f01/d2/i6",
                                          "classic/branin/s6",
                                          "-a",
                                          "random,hill" + at + ",hill(steep=1)" + at,
                                          "--seeds",
                                          "2",
                                          "--budget",
                                          "25"};
  std::vector<std::string> again = words;
  const Finished done = Qalam(words);
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("4 runs of each contender"), HasSubstr("\nhill" + at + " "),
                              HasSubstr("unknown setting steep for algorithm hill")));
  EXPECT_EQ(Lines("qalam-bench/runs/bbob~f01~d2~i6/hill" + at + "/s2.csv"), 26);
  again.insert(again.end(), {"--out", "again", "--workers", "4"});
  EXPECT_EQ(Qalam(again).code, 0) << "and with several trials at work";
  EXPECT_EQ(Lines("again/runs/bbob~f01~d2~i6/hill" + at + "/s2.csv"), 26);
}

TEST_F(Bench, APluginIsStartedForEachRunAndEndsWithIt) {
  Write("run.sh", "cd \"$1\" && exec \"$2\" suggest --listen 127.0.0.1:$3\n");
  Write("katib-config.yaml", fmt::format(R"(apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
runtime:
  suggestions:
  - algorithmName: sobol
    command: ["sh", "run.sh", "{}", "{}/qalam", "{{port}}"]
  - algorithmName: nobody
    command: ["sh", "-c", "echo no luck; exit 3"]
)",
                                         folder_, QALAM_BUILD_DIR));
  const Finished done = Qalam({"bench", "run", "bbob/f01/d2/i6", "-a", "random,sobol,nobody", "--seeds", "1",
                               "--budget", "25", "--config", "katib-config.yaml"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("1 runs of each contender"), HasSubstr("\nsobol "),
                              HasSubstr("left out: nobody"), HasSubstr("no luck")));
  EXPECT_EQ(Lines("qalam-bench/runs/bbob~f01~d2~i6/sobol/s1.csv"), 26);
}

TEST_F(Bench, LatencyIsMeasuredForEachNumberOfObservations) {
  const Finished done = Qalam({"bench", "latency", "-a", "random,tpe(gamma=0.5),grid", "--observations", "0,50",
                               "--dimensions", "3,2", "--suggestions", "3", "--out", "l"});
  EXPECT_EQ(done.code, 0) << done.err << done.out;
  EXPECT_THAT(done.out, AllOf(HasSubstr("2 parameters: the median suggestion"), HasSubstr("3 parameters: "),
                              HasSubstr("MS AT 50"), HasSubstr("MB AT 0"), HasSubstr("tpe(gamma=0.5)  ")));
  EXPECT_EQ(Lines("l/latency.csv"), 13);
  EXPECT_THAT(Read("l/latency.csv"), AllOf(HasSubstr("\nrandom,2,50,"),
                                           HasSubstr("grid,3,0,,,,,,parameter 'x0': algorithm grid needs a step")));
  EXPECT_THAT(Read("l/latency.html"), AllOf(HasSubstr("<svg"), HasSubstr("2 parameters"), HasSubstr("tpe(gamma=0.5)")));
}

TEST_F(Bench, LatencyThatTakesTooLongIsSaidSo) {
  const Finished done = Qalam({"bench", "latency", "-a", "bayesianoptimization", "--observations", "2000,3000",
                               "--dimensions", "20", "--limit", "1", "--suggestions", "1000000"});
  EXPECT_THAT(done.out, HasSubstr("bayesianoptimization  ")) << done.err;
  const Finished wrong = Qalam({"bench", "latency", "-a", "random", "--observations", "ten"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("--observations: 'ten' is no whole number from 0 to 100000000"));
}

TEST_F(Bench, CtrlCPausesAndTheSameCommandGoesOn) {
  const std::vector<std::string> words = {"bench",    "run", "bbob/f08/d5/i6", "-a", "random", "--seeds", "5000",
                                          "--budget", "200", "--out",          "r"};
  const auto program = Start(words);
  for (int i = 0; i < 2'000 && !Exists("r/runs/bbob~f08~d5~i6/random/s3.csv"); ++i) usleep(5'000);
  program->Signal(SIGINT);
  const Finished paused = program->Wait();
  EXPECT_EQ(paused.code, 130) << paused.out;
  EXPECT_THAT(paused.out, HasSubstr("the same command goes on"));
  EXPECT_FALSE(Exists("r/summary.json"));
}

}  // namespace
}  // namespace qalam
