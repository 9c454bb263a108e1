// SPDX-License-Identifier: Apache-2.0
// From files and command lines to experiments that may be submitted: every fault of every file before anything is
// opened, written or started.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/services.h"
#include "cli/verbs.h"
#include "core/diagnostic.h"
#include "core/run.h"
#include "experiment/fields.h"
#include "experiment/spec.h"
#include "pipelines/compile/objects.h"
#include "store/store.h"

namespace qalam {

// Additions to metadata.annotations with which an experiment remembers how it was started, so that another process,
// elsewhere and later, runs its trials the same way. docs/cli.md tells people about them.
inline constexpr const char* kWorkingDirAnnotation = "qalam.dev/working-dir";  // where relative paths start
inline constexpr const char* kImageMapAnnotation = "qalam.dev/image-map";      // JSON
// Services of other people: HOST:PORT, or JSON (cli/services.h).
inline constexpr const char* kSuggestServiceAnnotation = "qalam.dev/suggest-service";
inline constexpr const char* kEarlyStoppingServiceAnnotation = "qalam.dev/early-stopping-service";

struct Request {
  ExperimentSpec spec;
  Node experiment;       // the document that was read, as a Katib Experiment
  std::string source;    // the text as it was handed in
  std::size_t text = 0;  // which of Input::texts it stands in
  Objects objects = {};  // ConfigMaps and Secrets that its template may name
  bool known = false;    // Recall has found it in the database
};

// A text that was read, and what is wrong with it.
struct InputText {
  std::string name, text;
  bool has_secrets = false;
  Diagnostics faults;
  std::vector<Fix> fixes;  // what could be mended in it
};

struct Input {
  std::vector<Request> requests;
  std::vector<InputText> texts;
  bool to_run = true;  // as InputOptions has it
  int Count(Diagnostic::Severity severity) const;
  bool ok() const { return Count(Diagnostic::Severity::kError) == 0; }
  std::string Render() const;  // every fault in its place
};

struct InputOptions {
  std::vector<std::string> files;       // "-" is standard input
  std::string image_map;                // a file; empty: none
  StoreReader* reader = nullptr;        // of a database that may remember the experiments' services
  std::string config;                   // a KatibConfig; empty: none
  std::vector<std::string> services;    // "ALGORITHM=HOST:PORT"
  std::optional<int> trials, parallel;  // instead of what the files say
  bool strict = false;
  bool to_run = true;  // false: what is correct but cannot run here is a warning
};

// Of the verbs that read Experiment files.
InputOptions InputOf(const FileOptions& options);
Input ReadFiles(const InputOptions& options);
Input ReadCommand(const ShortForm& form, const std::string& command_line, const InputOptions& options);

// The services that a KatibConfig names. What is wrong with it is in `input`.
Services ReadConfigFile(const std::string& config, Input* input);

// What the database remembers of experiments of these names goes into their specs; a request that contradicts it
// becomes a fault.
void Recall(StoreReader& reader, Input* input);
// The ConfigMaps and Secrets that were given with them before, unless they were given again.
void RecallObjects(const std::string& db, Input* input);
// The point from the middle of the space; of a nasConfig names that stand for what its trials are told.
Assignments MiddleOf(const ExperimentSpec& spec);
// Compiles each template once, with a point from the middle of its space: faults that only a trial would show. With
// `capacity` also what asks for more than that. A kind of template that is not run here is a warning for who only
// looks.
void TryTemplates(Input* input, const Resources* capacity = nullptr);

// "2 errors, 1 warning".
std::string FaultCounts(const Input& input);

}  // namespace qalam
