// SPDX-License-Identifier: Apache-2.0
#include "cli/beside.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "cli/launch.h"
#include "pipelines/engines/attempt_folder.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds kBeingHandedIn{10};

std::set<std::string> FoldersIn(const std::string& path) {
  std::set<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) names.insert(entry->path().filename().string());
  }
  return names;
}

bool IsAtWork(const std::string& root, const std::string& run) {
  for (const std::string& step : FoldersIn(root + '/' + run)) {
    for (const int attempt : ListAttempts(root, run, step)) {
      const std::string path = AttemptPath(root, run, step, attempt);
      if (fs::exists(path) && !LockAttempt(path)) return true;
    }
  }
  return false;
}

}  // namespace

std::set<std::string> RunFolders(const std::string& db) { return FoldersIn(RunsFolder(db)); }

Result<std::vector<std::string>> CompareBeside(const std::string& db, const std::set<std::string>& runs,
                                               StoreReader& reader) {
  std::vector<std::string> faults;
  const std::string root = RunsFolder(db);
  for (const std::string& run : runs) {
    QALAM_TRY(const std::optional<Trial> trial, reader.FindTrial(run));
    if (!trial)
      faults.push_back(fmt::format("{}/{} is the folder of no trial of this database: move it away", root, run));
  }
  QALAM_TRY(const std::vector<Experiment> experiments, reader.Experiments());
  for (const Experiment& e : experiments) {
    if (e.counts.running == 0) continue;
    QALAM_TRY(const std::vector<Trial> trials, reader.Trials(e.id));
    for (const Trial& trial : trials) {
      std::error_code error;
      if (trial.state != TrialState::kRunning || fs::exists(root + '/' + trial.name, error)) continue;
      faults.push_back(
          fmt::format("trial {} (#{}) is Running, and its folder {}/{} is not there: it will be started again",
                      trial.name, trial.ordinal, root, trial.name));
    }
  }
  const std::string objects = db + ".d/objects";
  for (const std::string& namespace_name : FoldersIn(objects)) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(objects + '/' + namespace_name, error)) {
      if (entry.path().extension() != ".json") continue;
      // They are kept before their experiment is recorded.
      if (fs::file_time_type::clock::now() - fs::last_write_time(entry.path(), error) < kBeingHandedIn) continue;
      QALAM_TRY(const auto experiment, reader.FindExperiment(namespace_name, entry.path().stem().string()));
      if (experiment) continue;
      faults.push_back(fmt::format("{} holds ConfigMaps or Secrets of an experiment that is not there: remove it",
                                   entry.path().string()));
    }
  }
  return faults;
}

Status PutRunsAside(const std::string& db, const std::set<std::string>& trials, const std::string& tail) {
  const std::string root = RunsFolder(db), aside = db + ".d/" + tail;
  std::set<std::string> unknown = RunFolders(db);
  for (const std::string& trial : trials) unknown.erase(trial);
  for (const std::string& run : unknown) {
    if (!IsAtWork(root, run)) continue;
    return Error(
        Code::kFailedPrecondition,
        "trial {} is still at work, and the backup does not know it: nothing was changed; wait for its end, or "
        "stop it first (qalam stop)",
        run);
  }
  if (!unknown.empty() && mkdir(aside.c_str(), 0700) != 0 && errno != EEXIST)
    return Error(Code::kUnavailable, "{} cannot be made: {}", aside, std::strerror(errno));
  for (const std::string& run : unknown) {
    std::error_code error;
    fs::rename(root + '/' + run, aside + '/' + run, error);
    if (error) return Error(Code::kUnavailable, "{}/{} cannot be moved: {}", root, run, error.message());
  }
  return OkStatus();
}

}  // namespace qalam
