// SPDX-License-Identifier: Apache-2.0
// Drives the real program: through pipes, or on a pseudo-terminal whose screen can be read as a person would.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace qalam {

struct Finished {
  int code = -1;  // 128 + signal when one ended it
  std::string out, err;
};

// A process with its output in our hands; on a terminal of `columns` when that is not 0. Killed if still there at the
// end, and only it.
class Program {
 public:
  struct Options {
    std::string folder = {};                      // where it runs
    std::map<std::string, std::string> env = {};  // changes to ours
    std::string input = {};
    bool hold_input = false;  // leave its standard input open until the end
    int columns = 0, rows = 40;
  };
  Program(const std::vector<std::string>& words, const Options& options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  // Reads until `text` has come out (of the terminal, or standard output); false after the time.
  bool WaitFor(const std::string& text, std::chrono::seconds within = std::chrono::seconds(30));
  void Signal(int signal) const;
  void Type(const std::string& keys) const;  // on a terminal
  Finished Wait(std::chrono::seconds within = std::chrono::seconds(60));
  const std::string& out() const { return out_; }

 private:
  bool Read(std::chrono::milliseconds within);  // some more; false: nothing came

  pid_t pid_ = -1;
  int in_fd_ = -1, out_fd_ = -1, err_fd_ = -1, terminal_ = -1;
  int code_ = -1;
  std::string out_, err_;
};

// What a terminal of this width shows after these bytes, line by line; no screen is too high.
std::vector<std::string> Screen(const std::string& bytes, int columns);

// A folder of its own for each test, with the program at hand.
class CliTest : public testing::Test {
 protected:
  CliTest();
  ~CliTest() override;

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const;
  std::string Read(const std::string& name) const;  // "" if it is not there
  bool Exists(const std::string& name) const;
  int Lines(const std::string& name) const;  // of a file; 0 if it is not there
  std::vector<std::string> Files() const;

  Finished Qalam(const std::vector<std::string>& arguments, Program::Options options = {}) const;
  std::unique_ptr<Program> Start(const std::vector<std::string>& arguments, Program::Options options = {}) const;

  // An Experiment that runs `command` (argv; "${trialParameters.x}" is the parameter x in [0, 1]).
  struct Sketch {
    std::string name = "small";
    std::vector<std::string> command = {"sh", "trial.sh", "${trialParameters.x}"};
    int trials = 4, parallel = 2;
    std::string algorithm = "random";
    std::string spec = {};      // further lines below spec:
    std::string job_spec = {};  // further lines below the job's spec:
  };
  std::string Yaml(const Sketch& sketch) const;
  void WriteExperiment(const std::string& file, const Sketch& sketch) const { Write(file, Yaml(sketch)); }

  std::string folder_;
};

}  // namespace qalam
