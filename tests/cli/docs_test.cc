// SPDX-License-Identifier: Apache-2.0
// docs/cli.md is true: its examples run, and every option of every verb is told there.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cli/program.h"

namespace qalam {
namespace {

std::string PageOf(const std::string& name) {
  std::stringstream text;
  text << std::ifstream(QALAM_SOURCE_DIR "/docs/" + name).rdbuf();
  return text.str();
}

class Docs : public CliTest {
 protected:
  struct Done {
    int commands = 0, files = 0;
  };
  // The blocks that are named as files are written; the commands of a console run, one after the other.
  Done RunExamples(const std::string& text) {
    Done done;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("```") || line == "```") continue;
      const std::string info = line.substr(3);
      std::string block;
      while (std::getline(lines, line) && line != "```") block += line + "\n";
      if (const std::size_t space = info.find(' '); space != std::string::npos) {
        Write(info.substr(space + 1), block);
        ++done.files;
      }
      if (info == "console") done.commands += RunBlock(block);
    }
    return done;
  }
  int RunBlock(const std::string& block) {
    std::istringstream shell(block);
    int commands = 0;
    for (std::string command; std::getline(shell, command); ++commands) {
      EXPECT_TRUE(command.starts_with("$ ")) << command;
      while (command.ends_with('\\')) {
        std::string more;
        std::getline(shell, more);
        command = command.substr(0, command.size() - 1) + more;
      }
      const std::size_t said = command.find("# exit ");
      const int expected = said == std::string::npos ? 0 : std::stoi(command.substr(said + 7));
      Program program(
          {"sh", "-c", command.substr(2)},
          {.folder = folder_, .env = {{"PATH", fmt::format("{}:{}", QALAM_BUILD_DIR, std::getenv("PATH"))}}});
      const Finished done = program.Wait();
      EXPECT_EQ(done.code, expected) << command << "\n" << done.out << done.err;
    }
    return commands;
  }
  const std::string page = PageOf("cli.md");
};

TEST_F(Docs, EveryExampleRuns) {
  const Done done = RunExamples(page);
  EXPECT_EQ(done.files, 2);
  EXPECT_GE(done.commands, 25);
}

// With one of Katib's own files in the place of the reader's.
TEST_F(Docs, TheWayFromKatibIsAsItIsTold) {
  std::filesystem::create_symlink(QALAM_SOURCE_DIR "/examples", Path("examples"));
  std::filesystem::create_symlink("examples/katib/stand_in.py", Path("stand_in.py"));
  std::filesystem::copy_file(Path("examples/katib/images.yaml"), Path("images.yaml"));
  std::string own = Read("examples/katib/random.yaml");
  Write("experiment.yaml", own.replace(own.find("name: random"), 12, "name: mine"));
  EXPECT_EQ(RunExamples(PageOf("from-katib.md")).commands, 5);
  EXPECT_EQ(Qalam({"get", "experiments", "-o", "name"}).out, "experiment/mine\nexperiment/random\n");
}

TEST_F(Docs, TheSearchSpacesThatAreToldAreTaken) {
  const std::string text = PageOf("search-spaces.md");
  EXPECT_EQ(RunExamples(text).commands, 2);
  int spaces = 0;
  for (std::size_t at = 0; (at = text.find("```yaml\n", at)) != std::string::npos; ++spaces) {
    at += 8;
    std::istringstream block(text.substr(at, text.find("```", at) - at));
    std::string spec;
    for (std::string line; std::getline(block, line);) spec += "  " + line + "\n";
    const bool searches_architectures = spec.starts_with("  nasConfig:");
    std::string yaml = Yaml({.algorithm = searches_architectures ? "enas" : "random"});
    if (spec.starts_with("  metadata:")) {  // the conditions, and what they are of
      const std::string annotations = spec.substr(spec.find("    annotations:"));
      std::string outdented;
      std::istringstream lines(annotations);
      for (std::string line; std::getline(lines, line);) outdented += line.substr(2) + "\n";
      yaml.insert(yaml.find("metadata:\n") + 10, outdented);
      std::string parameters;
      for (const auto& [name, type, space] : {std::array{"optimizer", "categorical", "{list: [sgd, adam, rmsprop]}"},
                                              std::array{"layers", "int", "{min: \"1\", max: \"4\"}"},
                                              std::array{"momentum", "double", "{min: \"0\", max: \"0.99\"}"},
                                              std::array{"nesterov", "categorical", "{list: [\"yes\", \"no\"]}"},
                                              std::array{"width3", "int", "{min: \"8\", max: \"64\"}"},
                                              std::array{"decay", "double", "{min: \"0\", max: \"1\"}"}}) {
        parameters += "    - name: " + std::string(name) + "\n      parameterType: " + type +
                      "\n      feasibleSpace: " + space + "\n";
      }
      yaml.insert(yaml.find("  parameters:\n") + 14, parameters);
    } else if (searches_architectures) {  // in the place of the parameters
      yaml.erase(yaml.find("  parameters:"), yaml.find("  trialTemplate:") - yaml.find("  parameters:"));
      yaml.insert(yaml.find("  trialTemplate:"), spec);
      yaml.replace(yaml.find("reference: x"), 12, "reference: architecture");
    } else {
      const std::size_t begin = yaml.find("  parameters:\n") + 14;
      yaml.insert(begin, spec.substr(spec.find('\n') + 1));
    }
    Write("space.yaml", yaml);
    const Finished lint = Qalam({"lint", "space.yaml"});
    EXPECT_EQ(lint.code, 0) << yaml << lint.out;
  }
  EXPECT_EQ(spaces, 3);
}

TEST_F(Docs, EveryOptionIsTold) {
  for (const std::string verb :
       {"run",     "lint",       "schema", "explain",    "get",     "describe", "logs",   "best",    "pause",
        "resume",  "stop",       "edit",   "retry",      "enqueue", "delete",   "wait",   "ask",     "top",
        "compare", "export",     "clone",  "init",       "convert", "db",       "doctor", "suggest", "proto",
        "metrics", "algorithms", "bench",  "completion", "man",     "version"}) {
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

TEST_F(Docs, TheSettingsOfEveryAlgorithmAreThoseOfTheProgram) {
  const std::string text = PageOf("algorithms.md");
  std::istringstream names(Qalam({"algorithms", "-o", "name"}).out);
  for (std::string line; std::getline(names, line);) {
    const std::string name = line.substr(line.find('/') + 1);
    EXPECT_THAT(text, testing::HasSubstr(fmt::format("$ qalam algorithms describe {}\n{}```\n", name,
                                                     Qalam({"algorithms", "describe", name}).out)));
  }
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
