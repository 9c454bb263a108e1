// SPDX-License-Identifier: Apache-2.0
// qalam lint: every fault of every file, without opening, writing or starting anything.
#include <cstdio>

#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

int LintVerb(const FileOptions& options) {
  InputOptions files;
  files.files = options.files;
  files.files.insert(files.files.end(), options.more.begin(), options.more.end());
  files.image_map = options.image_map;
  files.services = options.services;
  files.strict = options.strict;
  Input input = ReadFiles(files);
  TryTemplates(&input);
  Print(input.Render());
  Print(FaultCounts(input) + "\n");
  return input.ok() ? kDone : kBadInput;
}

}  // namespace

Verb MakeLintVerb() {
  const auto o = std::make_shared<FileOptions>();
  Verb lint{"lint", "show every fault of these files; nothing is started"};
  lint.aliases = {"validate"};
  lint.Option("FILE", &o->files, "Experiments and what they name; - is standard input").Required();
  AddInput(&lint, o.get());
  lint.run = [o](const Invocation&) { return LintVerb(*o); };
  return lint;
}

}  // namespace qalam
