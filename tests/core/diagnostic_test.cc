// SPDX-License-Identifier: Apache-2.0
#include "core/diagnostic.h"

#include <gtest/gtest.h>

namespace qalam {
namespace {

constexpr std::string_view kSource =
    "spec:\n"
    "  algorithm:\n"
    "    algorithmName: tpee  # typo\n"
    "  parameters: [lr, \"a b\"]\n"
    "\tx: \xc3\xbc\x1b[31mred\r\n";

Diagnostics One(Position position, std::string message, std::string field = "") {
  Diagnostics diagnostics;
  diagnostics.SetFile("exp.yaml");
  diagnostics.Error(position, std::move(field), std::move(message));
  return diagnostics;
}

TEST(Render, ShowsPlaceKindFieldAndMessage) {
  EXPECT_EQ(Render(One({3, 20}, "'tpee' is not known", "spec.algorithm.algorithmName")),
            "exp.yaml:3:20: error: spec.algorithm.algorithmName: 'tpee' is not known\n");
}

TEST(Render, ShowsTheLineAndACaretBelowTheWord) {
  EXPECT_EQ(Render(One({3, 20}, "not known"), kSource),
            "exp.yaml:3:20: error: not known\n"
            "    3 |     algorithmName: tpee  # typo\n"
            "      |                    ^^^^\n");
  EXPECT_EQ(Render(One({3, 5}, "m"), kSource),
            "exp.yaml:3:5: error: m\n"
            "    3 |     algorithmName: tpee  # typo\n"
            "      |     ^^^^^^^^^^^^^\n");
  EXPECT_EQ(Render(One({4, 20}, "m"), kSource),
            "exp.yaml:4:20: error: m\n"
            "    4 |   parameters: [lr, \"a b\"]\n"
            "      |                    ^^^^^\n");
  EXPECT_EQ(Render(One({4, 25}, "m"), kSource),  // one past the end
            "exp.yaml:4:25: error: m\n"
            "    4 |   parameters: [lr, \"a b\"]\n"
            "      |                         ^\n");
}

TEST(Render, TextFromTheFileCannotMoveTheCursor) {
  EXPECT_EQ(Render(One({5, 5}, "m"), kSource),
            "exp.yaml:5:5: error: m\n"
            "    5 |  x: \xc3\xbc\uFFFD[31mred\n"
            "      |     ^^^^^^^^^\n");
}

TEST(Render, AMessageOfManyLinesStandsTogetherAndIsSafeToShow) {
  EXPECT_EQ(Render(One({}, "first\nsecond 'a\x1b[2J\xc2\x9b\xff'", "key\n")),
            "exp.yaml: error: key\\n: first\n  second 'a\\x1b[2J\\xc2\\x9b\\xff'\n");
}

TEST(Render, ALongLineIsShownAroundThePlace) {
  const std::string source = std::string(5000, 'a') + " word " + std::string(5000, 'b');
  const std::string text = Render(One({1, 5002}, "m"), source);
  EXPECT_NE(text.find("a word b"), std::string::npos);
  EXPECT_LT(text.size(), 400u);
  const auto lines = text.substr(text.find('\n') + 1);
  const auto caret = lines.substr(lines.find('\n') + 1);
  EXPECT_EQ(caret.find('^'), lines.find("word"));
  EXPECT_EQ(caret.rfind('^') - caret.find('^'), 3u);
}

TEST(Render, IsInTheOrderOfPlacesWithTheWholeFileFirst) {
  Diagnostics diagnostics;
  diagnostics.SetFile("exp.yaml");
  diagnostics.Error({9, 1}, "", "third");
  diagnostics.Warning({2, 7}, "", "second");
  diagnostics.Error({}, "", "first");
  diagnostics.Error({9, 1}, "", "fourth");
  EXPECT_EQ(Render(diagnostics),
            "exp.yaml: error: first\nexp.yaml:2:7: warning: second\nexp.yaml:9:1: error: third\n"
            "exp.yaml:9:1: error: fourth\n");
}

TEST(Render, WorksWithoutAFileOrAPlaceInIt) {
  Diagnostics diagnostics;
  diagnostics.Error({}, "", "no file");
  EXPECT_EQ(Render(diagnostics), "error: no file\n");
  EXPECT_EQ(Render(One({77, 1}, "beyond the end"), kSource), "exp.yaml:77:1: error: beyond the end\n");
  EXPECT_EQ(Render(One({1, 1}, "an empty file"), "\n"), "exp.yaml:1:1: error: an empty file\n");
  EXPECT_EQ(Render(One({1, 99}, "beyond the line"), kSource), "exp.yaml:1:99: error: beyond the line\n");
}

TEST(Diagnostics, WarningsAreNoErrors) {
  Diagnostics diagnostics;
  EXPECT_FALSE(diagnostics.HasErrors());
  diagnostics.Warning({}, "", "w");
  EXPECT_FALSE(diagnostics.HasErrors());
  diagnostics.Error({}, "", "e");
  EXPECT_TRUE(diagnostics.HasErrors());
  EXPECT_EQ(diagnostics.all().size(), 2u);
}

TEST(NearestWord, FindsTheWordThatWasMeant) {
  const std::vector<std::string> known = {"random", "grid", "tpe", "cmaes", "bayesianoptimization", "sobol"};
  EXPECT_EQ(NearestWord("tpee", known), "tpe");
  EXPECT_EQ(NearestWord("TPE", known), "tpe");
  EXPECT_EQ(NearestWord("rnadom", known), "random");
  EXPECT_EQ(NearestWord("bayesian-optimisation", known), "bayesianoptimization");
  EXPECT_EQ(NearestWord("gird", known), "grid");
  EXPECT_EQ(NearestWord("hyperband", known), "");
  EXPECT_EQ(NearestWord("x", known), "");
  EXPECT_EQ(NearestWord("", known), "");
  EXPECT_EQ(NearestWord("tpe", {}), "");
  EXPECT_EQ(NearestWord("ab", {"cd", "ax"}), "ax");
}

}  // namespace
}  // namespace qalam
