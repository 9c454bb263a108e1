// SPDX-License-Identifier: Apache-2.0
// docs/cli.md is true: its examples run, and every option of every verb is told there.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "tests/cli/program.h"

namespace qalam {
namespace {

class Docs : public CliTest {
 protected:
  Docs() {
    std::stringstream text;
    text << std::ifstream(QALAM_SOURCE_DIR "/docs/cli.md").rdbuf();
    page = text.str();
  }
  std::string page;
};

TEST_F(Docs, EveryExampleRuns) {
  std::istringstream lines(page);
  int commands = 0, files = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("```") || line == "```") continue;
    const std::string info = line.substr(3);
    std::string block;
    while (std::getline(lines, line) && line != "```") block += line + "\n";
    if (const std::size_t space = info.find(' '); space != std::string::npos) {
      Write(info.substr(space + 1), block);
      ++files;
    }
    if (info != "console") continue;
    std::istringstream shell(block);
    for (std::string command; std::getline(shell, command);) {
      ASSERT_TRUE(command.starts_with("$ ")) << command;
      const std::size_t said = command.find("# exit ");
      const int expected = said == std::string::npos ? 0 : std::stoi(command.substr(said + 7));
      Program program(
          {"sh", "-c", command.substr(2)},
          {.folder = folder_, .env = {{"PATH", fmt::format("{}:{}", QALAM_BUILD_DIR, std::getenv("PATH"))}}});
      const Finished done = program.Wait();
      EXPECT_EQ(done.code, expected) << command << "\n" << done.out << done.err;
      ++commands;
    }
  }
  EXPECT_EQ(files, 2);
  EXPECT_GE(commands, 25);
}

TEST_F(Docs, EveryOptionIsTold) {
  for (const std::string verb :
       {"run",     "lint",   "schema",     "explain",    "get",   "describe", "logs",    "best",
        "pause",   "resume", "stop",       "edit",       "retry", "enqueue",  "delete",  "wait",
        "ask",     "top",    "compare",    "export",     "clone", "init",     "convert", "doctor",
        "suggest", "proto",  "algorithms", "bench",  "completion", "man",   "version"}) {
    EXPECT_THAT(page, testing::HasSubstr("\n## " + verb + "\n"));
    std::istringstream help(Qalam({verb, "--help"}).out);
    int options = 0;
    for (std::string line; std::getline(help, line);) {
      const std::size_t dashes = line.find("--");
      if (!line.starts_with("  -") || dashes == std::string::npos) continue;
      const std::string option = line.substr(dashes, line.find_first_of(" ,:", dashes) - dashes);
      ++options;
      // Their short forms are told.
      if (option == "--help" || option == "--file" || option == "--parameter") continue;
      EXPECT_THAT(page, testing::HasSubstr(option)) << "option of " << verb;
    }
    EXPECT_GT(options, 0) << verb;
  }
}

TEST_F(Docs, TheReferenceIsThatOfTheProgram) {
  const std::string mark = "<!-- reference -->\n";
  const std::size_t at = page.find(mark);
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(page.substr(at + mark.size()), Qalam({"man", "-o", "markdown"}).out) << "./dev docs writes it again";
}

TEST_F(Docs, TheManualPageIsSoundAndHasEveryVerb) {
  const Finished man = Qalam({"man"});
  EXPECT_EQ(man.code, 0);
  for (const std::string verb : {"run", "get", "compare", "algorithms describe", "completion"})
    EXPECT_THAT(man.out, testing::HasSubstr("\n.SS \"" + verb));
  EXPECT_THAT(man.out, testing::Not(testing::HasSubstr("__complete")));
  Program groff({"groff", "-man", "-ww", "-Kutf8", "-Tutf8"}, {.folder = folder_, .input = man.out});
  const Finished page_shown = groff.Wait();
  EXPECT_EQ(page_shown.code, 0);
  EXPECT_EQ(page_shown.err, "");
  EXPECT_THAT(page_shown.out, testing::HasSubstr("Nobody who could do it is running."));
}

}  // namespace
}  // namespace qalam
