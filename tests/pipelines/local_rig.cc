// SPDX-License-Identifier: Apache-2.0
#include "tests/pipelines/local_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "pipelines/engines/attempt_folder.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience{20};

// Each process's number, for those of /proc that are one.
void ForEachProcess(const std::function<void(int)>& visit) {
  DIR* const proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    if (const int pid = std::atoi(entry->d_name); pid > 0) visit(pid);
  }
  closedir(proc);
}

char StateOf(int pid, int* parent) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return '?';
  *parent = std::atoi(stat.c_str() + name_end + 4);
  return stat[name_end + 2];
}

}  // namespace

TestFolder::TestFolder() {
  std::string pattern = testing::TempDir() + "qalam-test-XXXXXX";
  path_ = mkdtemp(pattern.data());
}
TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ShimPath() {
  const char* const named = std::getenv("QALAM_TEST_SHIM");  // of whom may not read the build's folder
  return named != nullptr ? named : std::string(QALAM_BUILD_DIR) + "/qalam-shim";
}

// By read(2): a file of /proc may fail in the middle, when its process goes.
std::string ReadFile(const std::string& path) {
  std::string text;
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char block[4096];
  ssize_t n = 0;
  while (fd && (n = read(fd.get(), block, sizeof(block))) > 0) text.append(block, static_cast<std::size_t>(n));
  return text;
}

bool WaitFor(const std::function<bool()>& done) {
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

int CountProcesses(const std::string& text) {
  int count = 0;
  ForEachProcess([&](int pid) {
    if (pid == getpid()) return;
    const std::string folder = "/proc/" + std::to_string(pid);
    if ((ReadFile(folder + "/environ") + ReadFile(folder + "/cmdline")).find(text) != std::string::npos) ++count;
  });
  return count;
}

int ZombiesOf(int parent) {
  int count = 0;
  ForEachProcess([&](int pid) {
    int of = 0;
    if (StateOf(pid, &of) == 'Z' && of == parent) ++count;
  });
  return count;
}

LocalRig::LocalRig(Resources capacity) : capacity_(capacity) { Restart(); }

// What a test left running ends with it.
LocalRig::~LocalRig() {
  Crash();
  ForEachProcess([this](int pid) {
    const std::string command = ReadFile("/proc/" + std::to_string(pid) + "/cmdline");
    if (command.starts_with(ShimPath()) && command.find(root_) != std::string::npos) kill(pid, SIGTERM);
  });
  WaitFor([this] { return CountProcesses(root_) == 0; });
  while (waitpid(-1, nullptr, WNOHANG) > 0) {  // init would, had the controller really died
  }
}

Step LocalRig::Shell(const std::string& name, const std::string& script) {
  Step step;
  step.name = name;
  step.command = {"/bin/sh", "-c", script};
  step.grace = milliseconds(2'000);
  return step;
}

Run LocalRig::ShellRun(const std::string& script) {
  Run run;
  run.steps.push_back(Shell("main", script));
  run.metrics = MetricsSource{"main", ""};
  return run;
}

// One script for all attempts: each finds its part by its number, and says first that it was started.
Step LocalRig::MakeStep(const std::string& name) {
  std::ostringstream script;
  const auto sleep = [&script](int ms) {
    if (ms > 0) script << "sleep " << ms / 1000 << '.' << std::to_string(1000 + ms % 1000).substr(1) << '\n';
  };
  script << "echo started >> \"$QALAM_ATTEMPT/../ledger-${QALAM_ATTEMPT##*/}\"\n";
  script << "case ${QALAM_ATTEMPT##*/} in\n";
  for (const auto& [key, said] : scripts_) {
    if (key.first != name) continue;
    script << key.second << ")\n";
    int now = 0;
    for (std::size_t i = 0; i < said.output.size(); ++i) {
      const auto& [at, text] = said.output[i];
      const std::string file = folder() + "/" + name + "-" + std::to_string(key.second) + "-" + std::to_string(i);
      std::ofstream(file, std::ios::binary) << text;
      sleep(at - now);
      script << "cat " << file << "\n";
      now = at;
    }
    sleep(said.duration - now);
    if (said.lost) script << "kill -9 $PPID; sleep 60\n";
    script << "exit " << said.exit_code << " ;;\n";
  }
  script << "esac\nexit 0\n";
  return Shell(name, script.str());
}

bool LocalRig::RunUntil(const std::function<bool()>& done) {
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  std::function<void()> look = [&] {
    if (done() || std::chrono::steady_clock::now() > limit) return loop_->Stop();
    loop_->After(milliseconds(1), look);
  };
  loop_->Post(look);
  loop_->Run();
  return done();
}

void LocalRig::Settle() {
  loop_->After(milliseconds(20), [this] { loop_->Stop(); });
  loop_->Run();
}

int LocalRig::Starts(const RunId& run, const std::string& step, int attempt) {
  const std::string ledger = ReadFile(root_ + '/' + run + '/' + step + "/ledger-" + std::to_string(attempt));
  return static_cast<int>(std::count(ledger.begin(), ledger.end(), '\n'));
}

void LocalRig::Crash() {
  engine_.reset();
  loop_.reset();
}

void LocalRig::WaitForExit(const RunId& run, const std::string& step, int attempt) {
  const std::string folder = AttemptFolder(run, step, attempt);
  EXPECT_TRUE(WaitFor([&] { return ReadStarted(folder) && LockAttempt(folder); })) << folder;
}

void LocalRig::Restart() {
  seen = Recorder();
  loop_ = std::make_unique<EventLoop>(clock_);
  engine_ = MakeLocalEngine(*loop_, {root_, ShimPath(), capacity_});
  engine_->SetObserver(&seen);
}

std::string LocalRig::AttemptFolder(const RunId& run, const std::string& step, int attempt) const {
  return AttemptPath(root_, run, step, attempt);
}

std::unique_ptr<Rig> MakeLocalRig() { return std::make_unique<LocalRig>(); }

}  // namespace qalam
