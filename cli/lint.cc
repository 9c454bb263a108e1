// SPDX-License-Identifier: Apache-2.0
// qalam lint: every fault of every file, without opening, writing or starting anything.
#include <cstdio>
#include <limits>

#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/verbs.h"
#include "pipelines/engines/gpus.h"

namespace qalam {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

int LintVerb(const FileOptions& options) {
  InputOptions files;
  files.files = options.files;
  files.files.insert(files.files.end(), options.more.begin(), options.more.end());
  files.image_map = options.image_map;
  files.services = options.services;
  files.strict = options.strict;
  files.to_run = false;
  Input input = ReadFiles(files);
  Resources capacity{.cpu = kNoLimit, .memory = std::numeric_limits<std::int64_t>::max(), .gpu = 0};
  if (!options.gpus.empty()) {
    const auto gpus = ParseGpus(options.gpus, {});  // of whatever machine is meant, not of this one
    if (!gpus.ok()) return Complain(gpus.status());
    capacity.gpu = static_cast<int>(gpus->size());
  }
  TryTemplates(&input, options.gpus.empty() ? nullptr : &capacity);
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
  lint.Option("--gpus", &o->gpus, "refuse what asks for more devices than these").Type("N|0,1,3");
  lint.run = [o](const Invocation&) { return LintVerb(*o); };
  return lint;
}

}  // namespace qalam
