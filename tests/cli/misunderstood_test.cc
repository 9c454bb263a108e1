// SPDX-License-Identifier: Apache-2.0
// Words that the command line does not know: what was found, what is near, exit code 2.
#include <gmock/gmock.h>

#include "tests/cli/program.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Case {
  std::vector<std::string> words;
  std::string says;
};

TEST_F(CliTest, AWordThatIsNotKnownIsNamedWithTheNearestOne) {
  for (const Case& c :
       {Case{{"rnu", "e.yaml"}, "qalam: 'rnu' is no verb of qalam; did you mean 'run'?\n"},
        Case{{"frobnicate"}, "qalam: 'frobnicate' is no verb of qalam\n"},
        Case{{"bench", "reprot"}, "qalam: 'reprot' is no verb of qalam bench; did you mean 'report'?\n"},
        Case{{"run", "--paralel", "3", "e.yaml"},
             "qalam: qalam run has no option '--paralel'; did you mean '--parallel'?\n"},
        Case{{"run", "--paralel=3", "e.yaml"},
             "qalam: qalam run has no option '--paralel'; did you mean '--parallel'?\n"},
        Case{{"apply", "e.yaml"}, "qalam: 'apply' is no verb of qalam; did you mean 'run'?\n"},
        Case{{"get", "trails"},
             "qalam: 'trails' is no kind of object: experiments, trials, suggestions or all; did you "
             "mean 'trials'?\n"},
        Case{{"doctor", "now"}, "qalam: qalam doctor takes no further word: 'now'\n"}}) {
    const Finished done = Qalam(c.words);
    EXPECT_EQ(done.code, 2) << c.says;
    EXPECT_EQ(done.out, "");
    EXPECT_THAT(done.err, StartsWith(c.says));
  }
}

TEST_F(CliTest, OptionsOfACommandAreNotDroppedBesideAFile) {
  WriteExperiment("e.yaml", {});
  for (const std::vector<std::string>& option : std::vector<std::vector<std::string>>{{"--name", "other"},
                                                                                      {"-p", "x=real(0,1)"},
                                                                                      {"--goal", "1"},
                                                                                      {"--minimize", "loss"},
                                                                                      {"--algorithm", "grid"}}) {
    std::vector<std::string> words = {"run", "e.yaml"};
    words.insert(words.end(), option.begin(), option.end());
    const Finished done = Qalam(words);
    EXPECT_EQ(done.code, 2) << option[0];
    EXPECT_THAT(done.err, HasSubstr(option[0] + " goes with a command after --"));
  }
}

TEST_F(CliTest, HelpOfAVerbIsTheSameEitherWay) {
  for (const auto& verb : {std::vector<std::string>{"run"}, {"bench", "run"}}) {
    std::vector<std::string> one = {"help"}, other = verb;
    one.insert(one.end(), verb.begin(), verb.end());
    other.emplace_back("--help");
    const Finished done = Qalam(one);
    EXPECT_EQ(done.code, 0);
    EXPECT_THAT(done.out, HasSubstr("Usage: qalam " + verb[0]));
    EXPECT_EQ(done.out, Qalam(other).out);
  }
  EXPECT_EQ(Qalam({"help"}).out, Qalam({"--help"}).out);
}

}  // namespace
}  // namespace qalam
