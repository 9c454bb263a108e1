// SPDX-License-Identifier: Apache-2.0
// The verbs of `qalam`, one file each. main.cc fills these structs from the command line; what a verb returns is the
// program's exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiment/spec.h"

namespace qalam {

enum ExitCode : int {
  kDone = 0,
  kExperimentFailed = 1,  // or: the machine would not let us (disk, sockets)
  kBadInput = 2,
  kNotFound = 3,
  kInterrupted = 130,  // paused; resumable
};

struct RunOptions {
  std::vector<std::string> files;  // Experiments; "-" is standard input
  std::vector<std::string> more;   // -f: ConfigMaps that they name
  ShortForm form;                  // without a file: a command and its parameters
  std::string db = "qalam.db";
  std::string image_map;              // file; empty: none
  std::vector<std::string> services;  // "ALGORITHM=HOST:PORT"
  std::optional<int> trials, parallel;
  bool no_progress = false;
  bool strict = false;
  std::string command_line;  // as it was typed: what resumes a paused experiment
};
int RunVerb(const RunOptions& options);

struct LintOptions {
  std::vector<std::string> files, more;
  std::string image_map;
  std::vector<std::string> services;
  bool strict = false;
};
int LintVerb(const LintOptions& options);

// What the verbs that only look have in common.
struct ViewOptions {
  std::string db = "qalam.db";
  std::string namespace_name;  // empty: all
  std::string output = "table";
};

struct GetOptions : ViewOptions {
  std::string kind, name;
  bool sort_by_objective = false;
};
int GetVerb(const GetOptions& options);

struct DescribeOptions : ViewOptions {
  std::string kind, name;
};
int DescribeVerb(const DescribeOptions& options);

struct LogsOptions : ViewOptions {
  std::string trial, step;
  std::optional<std::int64_t> tail;
  bool follow = false;
};
int LogsVerb(const LogsOptions& options);

struct BestOptions : ViewOptions {
  std::string experiment;  // empty: the only one there is
};
int BestVerb(const BestOptions& options);

struct SuggestOptions {
  std::string listen = "127.0.0.1:6789";
  bool insecure = false;
};
int SuggestVerb(const SuggestOptions& options);

struct AlgorithmsOptions {
  std::string describe;  // empty: list them
  std::string output = "table";
};
int AlgorithmsVerb(const AlgorithmsOptions& options);

struct VersionOptions {
  std::string output = "table";
};
int VersionVerb(const VersionOptions& options);

}  // namespace qalam
