// SPDX-License-Identifier: Apache-2.0
// A real terminal of a size that a person would have: a pane of tmux, under a server of its own.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace qalam {

class Tmux {
 public:
  // A shell that runs in `folder` with the program in PATH; the prompt is "$ ". `shell`: "sh", "bash", "zsh", "fish".
  Tmux(int columns, int rows, const std::string& folder, const std::string& shell = "sh");
  ~Tmux();  // ends its server and what runs in it
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;

  void Type(const std::string& text) const;  // as it is
  void Press(const std::string& key) const;  // "Enter", "Tab", "C-c"
  void Run(const std::string& command) const {
    Type(command);
    Press("Enter");
  }
  // What is seen now: a line each, without blanks at their ends and without empty lines at the end.
  std::vector<std::string> Lines() const;
  std::string Screen() const;
  // Until `text` is seen; false after the time.
  bool WaitFor(const std::string& text, std::chrono::seconds within = std::chrono::seconds(30)) const;

 private:
  std::string Call(const std::vector<std::string>& arguments) const;
  std::string socket_, folder_;
};

}  // namespace qalam
