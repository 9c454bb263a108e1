// SPDX-License-Identifier: Apache-2.0
// qalam convert: an experiment's file in another of the forms that are read: Katib's, the short one, a sweep.
#include <cstdio>

#include "cli/input.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/verbs.h"
#include "experiment/forms.h"

namespace qalam {
namespace {

struct ConvertOptions {
  FileOptions input;
  std::string to, output = "yaml";
};

// Where the runs of this machine were is not what a file says.
ExperimentSpec AsWritten(const Request& request) {
  ExperimentSpec spec = request.spec;
  const Node* annotations = request.experiment.FindPath({"metadata", "annotations"});
  std::erase_if(spec.annotations,
                [&](const auto& entry) { return annotations == nullptr || annotations->Find(entry.first) == nullptr; });
  return spec;
}

int ConvertVerb(const ConvertOptions& options) {
  InputOptions files;
  files.files = options.input.files;
  files.files.insert(files.files.end(), options.input.more.begin(), options.input.more.end());
  files.strict = options.input.strict;
  files.to_run = false;
  Input input = ReadFiles(files);
  std::vector<Node> documents;
  if (input.ok()) {
    for (const Request& request : input.requests) {
      Diagnostics& faults = input.texts[request.text].faults;
      std::optional<Node> document = options.to == "short"   ? WriteShortFile(AsWritten(request), &faults)
                                     : options.to == "sweep" ? WriteSweep(AsWritten(request), &faults)
                                                             : request.experiment;
      if (document) documents.push_back(*std::move(document));
    }
  }
  fmt::print(stderr, "{}", input.Render());
  if (!input.ok() || documents.empty()) {
    fmt::print(stderr, "{}. Nothing was converted.\n",
               input.ok() ? "There is no experiment in it" : FaultCounts(input));
    return kBadInput;
  }
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const Result<std::string> text = PrintDocument(documents[i], options.output);
    if (!text.ok()) return Complain(text.status());
    Print((i > 0 && options.output == "yaml" ? "---\n" : "") + *text);
  }
  return kDone;
}

}  // namespace

Verb MakeConvertVerb() {
  const auto o = std::make_shared<ConvertOptions>();
  Verb verb{"convert", "an experiment's file in another form: katib, short or sweep (Weights & Biases)"};
  verb.footer =
      "Examples:\n  qalam convert sweep.yaml --to katib > experiment.yaml\n  qalam convert experiment.yaml --to short\n"
      "What the other form cannot say is told, field by field, on standard error.";
  verb.Option("FILE", &o->input.files, "experiments in any of the forms; - is standard input").Required().Type("FILE");
  verb.Option("--to", &o->to, "the form to write").OneOf({"katib", "short", "sweep"}).Required();
  verb.Option("-f,--file", &o->input.more, "further documents: ConfigMaps that hold trial templates").Type("FILE");
  verb.Option("--strict", &o->input.strict, "unknown fields are errors");
  AddOutput(&verb, &o->output, {"yaml", "json"});
  verb.run = [o](const Invocation&) { return ConvertVerb(*o); };
  return verb;
}

}  // namespace qalam
