// SPDX-License-Identifier: Apache-2.0
// The verbs of `qalam`, a file each, and what they have in common. What a verb returns is the program's exit code.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace qalam {

enum ExitCode : int {
  kDone = 0,
  kExperimentFailed = 1,  // or: the machine would not let us (disk, sockets)
  kBadInput = 2,
  kNotFound = 3,
  kTimedOut = 5,       // wait
  kInterrupted = 130,  // paused; resumable
};

Verb MakeAlgorithmsVerb();
Verb MakeAskVerb();
Verb MakeBenchVerb();
Verb MakeBenchLatencyVerb();  // of bench
Verb MakeBestVerb();
Verb MakeCloneVerb();
Verb MakeCompareVerb();
Verb MakeCompleteVerb();
Verb MakeCompletionVerb();
Verb MakeConvertVerb();
Verb MakeDbVerb();
Verb MakeDeleteVerb();
Verb MakeDescribeVerb();
Verb MakeDoctorVerb();
Verb MakeEditVerb();
Verb MakeEnqueueVerb();
Verb MakeExplainVerb();
Verb MakeExportVerb();
Verb MakeGetVerb();
Verb MakeInitVerb();
Verb MakeLintVerb();
Verb MakeLogsVerb();
Verb MakeManVerb();
Verb MakeMetricsVerb();
Verb MakePauseVerb();
Verb MakeResumeVerb();
Verb MakeRetryVerb();
Verb MakeProtoVerb();
Verb MakeRunVerb();
Verb MakeSchemaVerb();
Verb MakeStopVerb();
Verb MakeSuggestVerb();
Verb MakeTopVerb();
Verb MakeVersionVerb();
Verb MakeWaitVerb();

// All of them, in the order of the help.
std::vector<Verb> Verbs();

// ---------------------------------------------------------------- what several verbs take

inline constexpr const char* kDefaultDatabase = "qalam.db";

// What the verbs that look at a database have in common.
struct ViewOptions {
  std::string db = kDefaultDatabase;
  std::string namespace_name;  // empty: all
  std::string output = "table";
};

void AddDatabase(Verb* verb, std::string* db);
void AddNamespace(Verb* verb, std::string* namespace_name);
void AddOutput(Verb* verb, std::string* output, std::vector<std::string> forms);

// What the verbs that work on their own, and may have to say something, have in common.
struct LogOptions {
  std::string level = "warning", format = "text";
};
void AddLogging(Verb* verb, LogOptions* options);
void UseLogging(const LogOptions& options);

// What the verbs that read Experiment files have in common.
struct FileOptions {
  std::vector<std::string> files;  // Experiments; "-" is standard input
  std::vector<std::string> more;   // -f: further documents that they name
  std::string image_map;           // a file; empty: none
  std::string config;              // a KatibConfig; empty: none
  std::vector<std::string> services;
  std::string gpus;  // how many or which devices trials share out; empty: those that are visible
  bool strict = false;
};
void AddInput(Verb* verb, FileOptions* options);

// "experiments", "exp", ...: the words for a kind.
extern const std::vector<std::string> kExperimentWords, kTrialWords, kSuggestionWords;

}  // namespace qalam
