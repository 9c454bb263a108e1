// SPDX-License-Identifier: Apache-2.0
#include "cli/origin.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <set>

#include "experiment/controller.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kGitWithin{2'000};
constexpr std::size_t kMostOutput = 1 << 20;

// What a program prints; nullopt: there is none, it failed, or took too long.
std::optional<std::string> OutputOf(const std::vector<std::string>& words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string out;
  bool whole = failed == 0;
  const auto deadline = std::chrono::steady_clock::now() + kGitWithin;
  while (failed == 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{ends[0], POLLIN, 0};
    std::array<char, 16'384> buffer;
    const bool readable = left.count() > 0 && poll(&ready, 1, static_cast<int>(left.count())) > 0;
    const ssize_t n = readable ? read(ends[0], buffer.data(), buffer.size()) : -1;
    if (n == 0) break;
    if (n < 0 || out.size() > kMostOutput) {
      whole = n > 0;  // long output says enough
      kill(pid, SIGKILL);
      break;
    }
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  if (failed != 0) return std::nullopt;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const bool good = (WIFEXITED(status) && WEXITSTATUS(status) == 0) || out.size() > kMostOutput;
  return whole && good ? std::optional(out) : std::nullopt;
}

}  // namespace

std::string GitCommit(const std::string& folder) {
  const auto out = OutputOf(
      {"git", "--no-optional-locks", "-C", folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no"});
  if (!out) return "";
  constexpr std::string_view kOid = "# branch.oid ";
  std::string commit;
  bool dirty = false;
  for (std::size_t at = 0; at < out->size();) {
    const std::size_t end = std::min(out->find('\n', at), out->size());
    const std::string_view line = std::string_view(*out).substr(at, end - at);
    if (line.starts_with(kOid)) commit = line.substr(kOid.size());
    if (!line.empty() && !line.starts_with('#')) dirty = true;
    at = end + 1;
  }
  if (commit.empty() || commit == "(initial)") return "";
  return dirty ? commit + " (dirty)" : commit;
}

void RecordOrigin(const std::string& command_line, Input* input) {
  std::set<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    names.emplace(text.substr(0, text.find('=')));
  }
  std::string environment;
  for (const std::string& name : names) environment += (environment.empty() ? "" : " ") + name;
  std::map<std::string, std::string> commits;  // by folder
  for (Request& request : input->requests) {
    auto& annotations = request.spec.annotations;
    if (request.known) continue;                                          // it did not begin with this command
    for (const char* name : kOriginAnnotations) annotations.erase(name);  // of the one that it was cloned from
    annotations.erase(kSubmittedBudgetAnnotation);
    annotations[kVersionAnnotation] = QALAM_VERSION;
    annotations[kCommandAnnotation] = command_line;
    annotations[kEnvironmentAnnotation] = environment;
    const auto folder = annotations.find(kWorkingDirAnnotation);
    if (folder == annotations.end()) continue;
    const auto [commit, first] = commits.try_emplace(folder->second);
    if (first) commit->second = GitCommit(folder->second);
    if (!commit->second.empty()) annotations[kGitAnnotation] = commit->second;
  }
}

}  // namespace qalam
