// SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.h"

#include <utility>

namespace qalam {

const std::vector<std::string> kExperimentWords = {"experiments", "experiment", "exps", "exp"};
const std::vector<std::string> kTrialWords = {"trials", "trial"};

std::vector<Verb> Verbs() {
  std::vector<Verb> verbs;
  for (Verb (*make)() :
       {&MakeRunVerb,        &MakeLintVerb,       &MakeExplainVerb, &MakeSchemaVerb,  &MakeInitVerb,   &MakeConvertVerb,
        &MakeGetVerb,        &MakeDescribeVerb,   &MakeLogsVerb,    &MakeBestVerb,    &MakePauseVerb,  &MakeResumeVerb,
        &MakeStopVerb,       &MakeEditVerb,       &MakeRetryVerb,   &MakeEnqueueVerb, &MakeDeleteVerb, &MakeWaitVerb,
        &MakeAskVerb,        &MakeTopVerb,        &MakeCompareVerb, &MakeExportVerb,  &MakeCloneVerb,  &MakeSuggestVerb,
        &MakeProtoVerb,      &MakeAlgorithmsVerb, &MakeBenchVerb,   &MakeDbVerb,      &MakeDoctorVerb, &MakeVersionVerb,
        &MakeCompletionVerb, &MakeManVerb,        &MakeCompleteVerb}) {
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
void AddInput(Verb* verb, FileOptions* options) {
  verb->Option("-f,--file", &options->more, "further documents: ConfigMaps that hold trial templates").Type("FILE");
  verb->Option("--image-map", &options->image_map, "what stands for the container images here").Type("FILE");
  verb->Option("--config", &options->config, "a KatibConfig: plugins by algorithm (docs/plugins.md)").Type("FILE");
  verb->Option("--suggest-service", &options->services, "a suggestion service by address, for this algorithm")
      .Type("ALGORITHM=HOST:PORT");
  verb->Option("--strict", &options->strict, "unknown fields are errors");
}

}  // namespace qalam
