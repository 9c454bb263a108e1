// SPDX-License-Identifier: Apache-2.0
// The folder of one attempt, ROOT/RUN/STEP/ATTEMPT: what the engine writes into it and what the shim left there.
// docs/run-folder.md tells it to people.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/run.h"
#include "core/status.h"
#include "pipelines/engines/fd.h"
#include "pipelines/engines/volumes.h"

namespace qalam {

// A process, and no other that had or will have its number.
struct ProcessId {
  pid_t pid = 0;
  long long ticks = 0;  // since boot, when it started
};

// The shim's word that the command was started.
struct StartedRecord {
  std::string boot;
  ProcessId shim, child;
  WallTime started{};
  std::string cgroup, memory_cgroup;  // "": there was none
  std::vector<std::string> gpus;
  std::string marker;
};

struct CommandFile {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env, secret_env;
  std::vector<std::string> shown_argv;  // instead of an argv that holds secrets
  std::vector<PlacedMount> binds;
  std::string cwd, hint;
  std::string parameters;      // of the file that $QALAM_PARAMS_JSON names; "": none
  std::string metrics_folder;  // made with the attempt's own; "": none
  std::vector<std::string> gpus;
  int metrics_port = 0;  // where it serves its metrics; 0: it does not
  std::optional<Duration> timeout;
  Duration grace{};
  std::int64_t memory = 0;
  long open_files = 0;
};

inline constexpr char kParametersFile[] = "params.json";

std::string AttemptPath(const std::string& root, const RunId& run, const std::string& step, int attempt);
// Numbers of the attempts that have a folder, in order; none when the run is new.
std::vector<int> ListAttempts(const std::string& root, const RunId& run, const std::string& step);

// Makes the folder, an empty output.log, and files/ where the command is to run in it; puts the command there. May be
// done again.
Status PrepareAttempt(const std::string& path, const CommandFile& command);
// The shim removes them when the attempt starts; of one that never did, this does.
void RemoveSecrets(const std::string& path);

// The devices that the command was to be given: of an attempt that is about to start.
std::vector<std::string> ReadCommandGpus(const std::string& path);
int ReadCommandPort(const std::string& path);  // metrics_port
// nullopt: not there, or torn, which means that the command never ran.
std::optional<StartedRecord> ReadStarted(const std::string& path);
// How it ended, if it has: state, code, reason, times. Identity (run, step, attempt) is the caller's. Lost: its log is
// shorter than it was when the record was written.
std::optional<StepRecord> ReadExit(const std::string& path);
// The engine's word that there is nothing left of an attempt that has no exit record.
void WriteLost(const std::string& path, const StepRecord& record);

// The shim holds the folder's lock as long as it lives. An Fd: nobody did, and now we do until it is closed.
Fd LockAttempt(const std::string& path);

}  // namespace qalam
