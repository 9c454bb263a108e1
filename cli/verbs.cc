// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <algorithm>
#include <utility>

#include "core/log.h"

namespace qalam {

const std::vector<std::string> kExperimentWords = {"experiments", "experiment", "exps", "exp"};
const std::vector<std::string> kLogLevels = {"debug", "info", "warning", "error"};  // as LogLevel has them
const std::vector<std::string> kTrialWords = {"trials", "trial"};
const std::vector<std::string> kSuggestionWords = {"suggestions", "suggestion", "sugg"};

std::vector<Verb> Verbs() {
  std::vector<Verb> verbs;
  for (Verb (*make)() :
       {&MakeRunVerb,     &MakeLintVerb,       &MakeExplainVerb, &MakeSchemaVerb,  &MakeInitVerb,    &MakeConvertVerb,
        &MakeGetVerb,     &MakeDescribeVerb,   &MakeLogsVerb,    &MakeBestVerb,    &MakePauseVerb,   &MakeResumeVerb,
        &MakeStopVerb,    &MakeEditVerb,       &MakeRetryVerb,   &MakeEnqueueVerb, &MakeDeleteVerb,  &MakeWaitVerb,
        &MakeAskVerb,     &MakeTopVerb,        &MakeCompareVerb, &MakeExportVerb,  &MakeCloneVerb,   &MakeSuggestVerb,
        &MakeProtoVerb,   &MakeAlgorithmsVerb, &MakeBenchVerb,   &MakeDbVerb,      &MakeMetricsVerb, &MakeDoctorVerb,
        &MakeVersionVerb, &MakeCompletionVerb, &MakeManVerb,     &MakeCompleteVerb}) {
    verbs.push_back(make());
  }
  return verbs;
}

void AddDatabase(Verb* verb, std::string* db) {
  verb->Option("--db", db, "the database; what belongs to it is in FILE.d beside it").Type("FILE");
}
void AddNamespace(Verb* verb, std::string* namespace_name) {
  verb->Option("-n,--namespace", namespace_name, "only this namespace (default: all)");
}
void AddOutput(Verb* verb, std::string* output, std::vector<std::string> forms) {
  verb->Option("-o,--output", output, "how to print it").OneOf(std::move(forms));
}
void AddLogging(Verb* verb, LogOptions* options) {
  verb->Option("--log-level", &options->level, "the least that is worth a line on standard error").OneOf(kLogLevels);
  verb->Option("--log-format", &options->format, "json: one object a line, for what collects logs")
      .OneOf({"text", "json"});
}
void UseLogging(const LogOptions& options) {
  const auto level = std::find(kLogLevels.begin(), kLogLevels.end(), options.level) - kLogLevels.begin();
  SetLogLevel(static_cast<LogLevel>(level));
  SetLogFormat(options.format == "json" ? LogFormat::kJson : LogFormat::kText);
}
void AddInput(Verb* verb, FileOptions* options) {
  verb->Option("-f,--file", &options->more, "further documents: ConfigMaps that hold trial templates").Type("FILE");
  verb->Option("--image-map", &options->image_map, "what stands for the container images here").Type("FILE");
  verb->Option("--config", &options->config, "a KatibConfig: plugins by algorithm (docs/plugins.md)").Type("FILE");
  verb->Option("--suggest-service", &options->services, "a suggestion service by address, for this algorithm")
      .Type("ALGORITHM=HOST:PORT");
  verb->Option("--strict", &options->strict, "unknown fields are errors");
}

}  // namespace qalam
