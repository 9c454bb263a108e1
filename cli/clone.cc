// SPDX-License-Identifier: Apache-2.0
// qalam clone: the Experiment file of an experiment that is in the database, under another name.
#include <algorithm>
#include <utility>

#include "cli/input.h"
#include "cli/launch.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/target.h"
#include "cli/verbs.h"
#include "experiment/spec.h"

namespace qalam {
namespace {

struct CloneOptions : ViewOptions {
  std::vector<std::string> target;
  std::string as;
};

Result<std::string> Clone(StoreReader& reader, const CloneOptions& options) {
  QALAM_TRY(const Target target, FindTarget(reader, options.namespace_name, options.target, Kinds::kExperiments));
  const Experiment& record = target.experiment;
  QALAM_TRY(ExperimentSpec spec, ReadStored(record));
  QALAM_TRY(const std::optional<Experiment> taken, reader.FindExperiment(spec.namespace_name, options.as));
  if (taken) {
    return Error(Code::kAlreadyExists,
                 "there is an experiment '{}' already: choose another name, or qalam run would "
                 "go on with that one",
                 options.as);
  }
  spec.name = options.as;
  // What tells how this one was started is not the new one's; how its trials are run is.
  std::erase_if(spec.annotations, [](const auto& entry) {
    return entry.first.starts_with("qalam.dev/") && entry.first != kWorkingDirAnnotation &&
           entry.first != kImageMapAnnotation && entry.first != kSuggestServiceAnnotation;
  });
  const Node document = ToDocument(spec);
  Diagnostics faults;
  if (!ReadExperiment(document, {}, &faults)) return InvalidArgument("{}", faults.all().front().message);
  return PrintDocument(document, options.output);
}

int CloneVerb(const CloneOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Result<std::string> text = Clone(**reader, options);
  if (!text.ok()) return Complain(text.status());
  Print(*text);
  return kDone;
}

}  // namespace

Verb MakeCloneVerb() {
  const auto o = std::make_shared<CloneOptions>();
  o->output = "yaml";
  Verb verb{"clone", "the Experiment file of an experiment, under another name"};
  verb.footer =
      "Examples:\n  qalam clone exp digits --as digits-2 > digits-2.yaml\n"
      "  qalam clone exp digits --as digits-2 | qalam run - --trials 50";
  verb.Option("TARGET", &o->target, "exp NAME, or NAME").Required();
  verb.Option("--as", &o->as, "the new name").Type("NEW").Required();
  AddOutput(&verb, &o->output, {"yaml", "json"});
  AddNamespace(&verb, &o->namespace_name);
  AddDatabase(&verb, &o->db);
  verb.run = [o](const Invocation&) { return CloneVerb(*o); };
  return verb;
}

}  // namespace qalam
