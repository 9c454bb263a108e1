// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/program.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace qalam {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds Left(Clock::time_point until) {
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(until - Clock::now()));
}

[[noreturn]] void Become(const std::vector<std::string>& words, const Program::Options& options) {
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_DFL);
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) _exit(126);
  for (const char* name : {"CI", "NO_COLOR"}) unsetenv(name);
  setenv("TERM", "xterm-256color", 1);
  for (const auto& [name, value] : options.env) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  _exit(127);
}

}  // namespace

Program::Program(const std::vector<std::string>& words, const Options& options) {
  std::array<int, 2> in{-1, -1}, out{-1, -1}, err{-1, -1};
  if (options.columns > 0) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(options.columns);
    size.ws_row = static_cast<unsigned short>(options.rows);
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ == 0) Become(words, options);
    // Left at -1 it would mean every process there is to the signals below.
    if (pid_ < 0)
      throw std::runtime_error(std::string("no terminal can be made (is /dev/pts mounted?): ") + std::strerror(errno));
    fcntl(terminal_, F_SETFD, FD_CLOEXEC);
    out_fd_ = terminal_;
    return;
  }
  EXPECT_EQ(pipe2(in.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err.data(), O_CLOEXEC), 0);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error(std::string("no process can be made: ") + std::strerror(errno));
  if (pid_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    Become(words, options);
  }
  for (const int fd : {in[0], out[1], err[1]}) close(fd);
  for (std::size_t at = 0; at < options.input.size();) {
    const ssize_t n = write(in[1], options.input.data() + at, options.input.size() - at);
    if (n <= 0) break;
    at += static_cast<std::size_t>(n);
  }
  if (options.hold_input) {
    in_fd_ = in[1];
  } else {
    close(in[1]);
  }
  out_fd_ = out[0];
  err_fd_ = err[0];
}

Program::~Program() {
  if (code_ < 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {in_fd_, out_fd_, err_fd_}) {
    if (fd >= 0) close(fd);
  }
}

bool Program::Read(milliseconds within) {
  std::array<pollfd, 2> ready = {{{out_fd_, POLLIN, 0}, {err_fd_, POLLIN, 0}}};
  if (poll(ready.data(), ready.size(), static_cast<int>(within.count())) <= 0) return false;
  std::array<char, 65'536> buffer;
  bool any = false;
  const auto take = [&](int* fd, short events, std::string* text) {
    if (*fd < 0 || events == 0) return;
    const ssize_t n = read(*fd, buffer.data(), buffer.size());
    if (n > 0) {
      text->append(buffer.data(), static_cast<std::size_t>(n));
      any = true;
    } else {
      close(*fd);
      *fd = -1;
    }
  };
  take(&out_fd_, ready[0].revents, &out_);
  take(&err_fd_, ready[1].revents, &err_);
  return any;
}

bool Program::WaitFor(const std::string& text, std::chrono::seconds within) {
  const auto until = Clock::now() + within;
  while (out_.find(text) == std::string::npos) {
    if (Clock::now() >= until || (out_fd_ < 0 && err_fd_ < 0)) return false;
    (void)Read(Left(until));
  }
  return true;
}

void Program::Signal(int signal) const { kill(pid_, signal); }

void Program::Type(const std::string& keys) const {
  EXPECT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
}

Finished Program::Wait(std::chrono::seconds within) {
  const auto until = Clock::now() + within;
  int status = 0;
  // Not until its output closes: what it started may hold that for longer.
  while (code_ < 0) {
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (Clock::now() >= until) {
      ADD_FAILURE() << "still running after " << within.count() << " s; it printed:\n" << out_ << err_;
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      code_ = 128 + SIGKILL;
    } else {
      (void)Read(milliseconds(10));
    }
  }
  while (Read(milliseconds(0))) {
  }
  return {code_, out_, err_};
}

std::vector<std::string> Screen(const std::string& bytes, int columns) {
  std::vector<std::vector<std::string>> rows(1);  // a cell is one character
  std::size_t row = 0, column = 0;
  const auto to_row = [&](std::size_t r) {
    row = r;
    if (rows.size() <= row) rows.resize(row + 1);
  };
  for (std::size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\x1b') {
      std::size_t end = i + 2;
      while (end < bytes.size() && (bytes[end] < '@' || bytes[end] > '~')) ++end;
      const std::string number = end < bytes.size() ? bytes.substr(i + 2, end - i - 2) : "";
      const char what = end < bytes.size() ? bytes[end] : 'm';
      if (what == 'A') to_row(row - std::min(row, static_cast<std::size_t>(std::atoi(number.c_str()))));
      if (what == 'J') {
        rows.resize(row + 1);
        rows[row].resize(std::min(rows[row].size(), column));
      }
      i = end + 1;
    } else if (c == '\n') {
      to_row(row + 1);
      ++i;
    } else if (c == '\r') {
      column = 0;
      ++i;
    } else {
      const std::size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
      if (column == static_cast<std::size_t>(columns)) {
        to_row(row + 1);
        column = 0;
      }
      if (rows[row].size() <= column) rows[row].resize(column + 1, " ");
      rows[row][column++] = bytes.substr(i, length);
      i += length;
    }
  }
  std::vector<std::string> lines;
  for (const auto& cells : rows) {
    std::string line;
    for (const std::string& cell : cells) line += cell;
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  return lines;
}

CliTest::CliTest() {
  std::string name = testing::TempDir() + "/qalam-cli-XXXXXX";
  folder_ = mkdtemp(name.data());
  folder_ = std::filesystem::canonical(folder_).string();
  Write("trial.sh", "echo loss=$1\n");
}

// Trials outlive their qalam: what a test left at work ends with it, for nobody would ever adopt it.
CliTest::~CliTest() {
  for (int look = 0; look < 500; ++look) {
    bool left = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 1) continue;
      std::stringstream command;
      command << std::ifstream(entry.path() / "cmdline", std::ios::binary).rdbuf();
      if (command.str().find("qalam-shim") == std::string::npos) continue;
      if (command.str().find(folder_ + "/") == std::string::npos) continue;
      left = true;
      // A stop first; its command may ignore it, and the grace period is long.
      kill(pid, look < 100 ? SIGTERM : SIGKILL);
    }
    if (!left) break;
    usleep(20'000);
  }
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

void CliTest::Write(const std::string& name, const std::string& text) const { std::ofstream(Path(name)) << text; }

std::string CliTest::Read(const std::string& name) const {
  std::stringstream text;
  text << std::ifstream(Path(name)).rdbuf();
  return text.str();
}

bool CliTest::Exists(const std::string& name) const { return std::filesystem::exists(Path(name)); }

int CliTest::Lines(const std::string& name) const {
  const std::string text = Read(name);
  return static_cast<int>(std::ranges::count(text, '\n'));
}

std::vector<std::string> CliTest::Files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::unique_ptr<Program> CliTest::Start(const std::vector<std::string>& arguments, Program::Options options) const {
  std::vector<std::string> words = {QALAM_BUILD_DIR "/qalam"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (options.folder.empty()) options.folder = folder_;
  return std::make_unique<Program>(words, options);
}

Finished CliTest::Qalam(const std::vector<std::string>& arguments, Program::Options options) const {
  return Start(arguments, std::move(options))->Wait();
}

std::string CliTest::Yaml(const Sketch& sketch) const {
  std::string command;
  for (const std::string& word : sketch.command) command += fmt::format("{}\"{}\"", command.empty() ? "" : ", ", word);
  return fmt::format(R"(apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: {}
spec:
  objective:
    type: minimize
    objectiveMetricName: loss
  algorithm:
    algorithmName: {}
  parallelTrialCount: {}
  maxTrialCount: {}
{}  parameters:
    - name: x
      parameterType: double
      feasibleSpace:
        min: "0"
        max: "1"
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - name: x
        reference: x
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
{}        template:
          spec:
            containers:
              - name: main
                image: none
                command: [{}]
            restartPolicy: Never
)",
                     sketch.name, sketch.algorithm, sketch.parallel, sketch.trials, sketch.spec, sketch.job_spec,
                     command);
}

}  // namespace qalam
