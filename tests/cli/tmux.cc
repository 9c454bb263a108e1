// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/tmux.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "tests/cli/program.h"

namespace qalam {
namespace {
std::string FirstWord(const std::string& text) { return text.substr(0, text.find_first_of(" \n")); }
}  // namespace

Tmux::Tmux(int columns, int rows, const std::string& folder, const std::string& shell) : folder_(folder) {
  static std::atomic<int> next{0};
  socket_ = fmt::format("qalam-test-{}-{}", getpid(), ++next);
  const std::string path = fmt::format("PATH={}:{}", QALAM_BUILD_DIR, std::getenv("PATH"));
  std::vector<std::string> words = {"env",   "-i", path, "TERM=xterm-256color", "LANG=C.UTF-8", "HOME=" + folder,
                                    "PS1=$ "};
  if (shell == "bash") words.insert(words.end(), {"bash", "--norc", "--noprofile", "-i"});
  if (shell == "zsh") words.insert(words.end(), {"zsh", "-f", "-i"});
  if (shell == "fish") words.insert(words.end(), {"fish", "--no-config", "--private", "-i"});
  if (shell == "sh") words.insert(words.end(), {"sh", "-i"});
  std::vector<std::string> arguments = {"new-session",        "-d", "-x",  std::to_string(columns), "-y",
                                        std::to_string(rows), "-c", folder};
  arguments.insert(arguments.end(), words.begin(), words.end());
  // The status line would take a row.
  arguments.insert(arguments.end(), {";", "set-option", "-g", "status", "off"});
  Call(arguments);
}

// A shell may still write into its home when it is told to go: it is waited for, so that the folder can be removed.
Tmux::~Tmux() {
  const std::string shell = "/proc/" + FirstWord(Call({"display-message", "-p", "#{pane_pid}"}));
  Call({"kill-server"});
  for (int look = 0; look < 100 && access(shell.c_str(), F_OK) == 0; ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

void Tmux::Type(const std::string& text) const { Call({"send-keys", "-l", "--", text}); }
void Tmux::Press(const std::string& key) const { Call({"send-keys", key}); }

std::vector<std::string> Tmux::Lines() const {
  std::istringstream text(Call({"capture-pane", "-p"}));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string Tmux::Screen() const {
  std::string screen;
  for (const std::string& line : Lines()) screen += line + "\n";
  return screen;
}

bool Tmux::WaitFor(const std::string& text, std::chrono::seconds within) const {
  const auto until = std::chrono::steady_clock::now() + within;
  while (Screen().find(text) == std::string::npos) {
    if (std::chrono::steady_clock::now() >= until) {
      ADD_FAILURE() << "'" << text << "' did not come; the screen:\n" << Screen();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

std::string Tmux::Call(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {"tmux", "-u", "-L", socket_, "-f", "/dev/null"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Program program(words, {.folder = folder_, .env = {{"TMUX", ""}, {"TMUX_TMPDIR", folder_}}});
  const Finished done = program.Wait();
  EXPECT_EQ(done.code, 0) << "tmux " << arguments[0] << ": " << done.err;
  return done.out;
}

}  // namespace qalam
