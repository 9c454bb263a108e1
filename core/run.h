// SPDX-License-Identifier: Apache-2.0
// A trial as an engine runs it: a DAG of steps, each a command. A Job is a DAG of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace qalam {

using RunId = std::string;  // the trial's name; also the name of its folder

// What a step declares. Zero: not declared, and then not limited.
struct Resources {
  double cpu = 0;           // cores
  std::int64_t memory = 0;  // bytes
  int gpu = 0;              // nvidia.com/gpu
};

// A folder that steps see at a path of their own choice.
struct Volume {
  enum class Kind {
    kScratch,  // the run's own, empty at first
    kHost,     // `path`, of this machine
    kClaim,    // `path` is NAMESPACE/CLAIM: lasts as long as the database, the same for all runs
    kFiles,    // `files`, and nothing else
  };
  enum class Make { kNothing, kFolder, kFile };  // kHost: what is made when there is nothing
  struct File {
    std::string path, content;
    int mode = 0644;
  };
  std::string name;  // unique in the run
  Kind kind = Kind::kScratch;
  std::string path;
  Make make = Make::kNothing;
  std::vector<File> files;
  bool secret = false;  // removed when the run has ended
};

struct Mount {
  std::string volume, path;
  std::string sub_path;  // a folder or file of it; "": all of it
  bool read_only = false;
};

struct Step {
  std::string name;                                      // DNS label; unique in the run
  std::vector<std::string> depends_on;                   // names of steps that must have succeeded
  std::vector<std::string> command;                      // argv: [0] is looked up in PATH; no shell is added
  std::vector<std::pair<std::string, std::string>> env;  // added to the controller's own
  std::string working_dir;                               // empty: the step's own folder
  Resources requests;                                    // what admission counts
  Resources limits;                                      // what the machine enforces
  int retries = 0;                                       // after a failure (Job: backoffLimit, if it is written)
  std::optional<std::chrono::seconds> timeout;           // activeDeadlineSeconds
  std::chrono::milliseconds grace{30'000};               // between SIGTERM and SIGKILL
  std::string hint;                                      // for people, added to the message when the command fails
  std::vector<Mount> mounts;
  std::string parameters;  // JSON: what the file that $QALAM_PARAMS_JSON names holds; "": no such file

  // Secrets reach the command and nobody else: they are in no file that lasts, no message and no log.
  std::vector<std::pair<std::string, std::string>> secret_env;  // set after `env`
  std::vector<std::string> shown_command;                       // instead of a `command` that holds some; else empty

  // Beside the others: started like a step, and counts as met for those that depend on it once it has been started;
  // stopped when all steps that are no sidecars have succeeded.
  bool sidecar = false;
  bool restarts = false;  // a sidecar that is started again whenever it ends; another one's failure is the run's
};

// Where the metrics come out.
struct MetricsSource {
  enum class Kind {
    kStream,  // what the step prints, or, if `path` is not empty, that file, as the template names it
    kEvents,  // files that have "tfevents" in their names, anywhere below the folder `path`, as the template names it
    kPage,    // http://127.0.0.1:port/path, fetched again and again while the step runs
  };
  std::string step;
  std::string path = {};
  Kind kind = Kind::kStream;
  int port = 0;  // kPage: as the template names it; where the command names it too, each attempt has one of its own
};

// Where programs that report by themselves find whom to tell, as they would in a cluster.
struct ReportPlace {
  std::string host, address;   // "127.1.2.3" for the name "katib-db-manager.kubeflow"
  std::string namespace_name;  // what /var/run/secrets/kubernetes.io/serviceaccount/namespace holds
};

struct Run {
  std::vector<Step> steps;
  std::vector<Volume> volumes;
  std::optional<std::chrono::seconds> timeout;  // of all steps and attempts together, sidecars not counted
  std::optional<MetricsSource> metrics;         // none: the trial reports by itself
  std::optional<ReportPlace> reports;
};

enum class StepState { kWaiting, kRunning, kSucceeded, kFailed, kStopped, kLost };
std::string_view ToString(StepState state);
std::optional<StepState> ParseStepState(std::string_view text);
inline bool IsFinal(StepState state) { return state > StepState::kRunning; }

// One attempt at one step, as known now.
struct StepRecord {
  std::string run;
  std::string step;
  int attempt = 1;  // from 1
  StepState state = StepState::kWaiting;
  std::optional<int> exit_code;  // when it ended by itself
  int signal = 0;                // when it was killed
  std::string reason;   // CamelCase: "Completed", "Error", "DeadlineExceeded", "OOMKilled", "Lost", "StartError"
  std::string message;  // a sentence
  WallTime started{}, ended{};
  double cpu_seconds = 0;
  std::int64_t max_rss = 0;  // bytes
};

}  // namespace qalam
