// SPDX-License-Identifier: Apache-2.0
// qalam lint: every fault of every file, without opening, writing or starting anything; --fix mends what is obvious.
#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "cli/fix.h"
#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/verbs.h"
#include "pipelines/engines/gpus.h"

namespace qalam {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

struct LintOptions : FileOptions {
  bool fix = false, dry_run = false;
};

InputOptions ToRead(const FileOptions& options) {
  InputOptions files = InputOf(options);
  files.to_run = false;
  return files;
}

// Replaces the file at once: whoever reads it meanwhile sees the old text or the new one. What a link names is written.
Status WriteText(const std::string& name, const std::string& text) {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(name, error);
  const std::filesystem::path temporary = file.string() + ".qalam-fix";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  const auto mode = std::filesystem::status(file, error).permissions();
  if (out && !error) std::filesystem::permissions(temporary, mode, error);
  if (out && !error) std::filesystem::rename(temporary, file, error);
  if (out && !error) return OkStatus();
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return Error(Code::kUnavailable, "{} cannot be written: {}", name, error ? error.message() : "no space, or no right");
}

// Mends what can be mended beyond doubt, tells each change, and writes it unless it is only to be shown.
Status FixFiles(const LintOptions& options) {
  static constexpr int kMostRounds = 5;  // a misspelt name that is mended may show the next fault
  for (int round = 0; round < (options.dry_run ? 1 : kMostRounds); ++round) {
    bool changed = false;
    for (const InputText& text : ReadFiles(ToRead(options)).texts) {
      if (text.fixes.empty()) continue;
      if (text.name == "standard input") return InvalidArgument("--fix changes files; standard input is none");
      const FixedText fixed = ApplyFixes(text.text, text.fixes);
      for (const std::string& change : fixed.changes) Print(fmt::format("{}:{}\n", text.name, change));
      changed = changed || !fixed.changes.empty();
      if (options.dry_run) {
        Print(LineDiff(text.text, fixed.text));
      } else if (!fixed.changes.empty()) {
        QALAM_RETURN_IF_ERROR(WriteText(text.name, fixed.text));
      }
    }
    if (!changed) break;
  }
  return OkStatus();
}

int LintVerb(const LintOptions& options) {
  if (options.fix) {
    if (const Status done = FixFiles(options); !done.ok()) return Complain(done);
    if (options.dry_run) return kDone;
  } else if (options.dry_run) {
    return Complain(InvalidArgument("--dry-run goes with --fix: lint alone changes nothing"));
  }
  Input input = ReadFiles(ToRead(options));
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
  const auto o = std::make_shared<LintOptions>();
  Verb lint{"lint", "show every fault of these files; nothing is started"};
  lint.aliases = {"validate"};
  lint.Option("FILE", &o->files, "Experiments and what they name; - is standard input").Required();
  AddInput(&lint, o.get());
  lint.Option("--gpus", &o->gpus, "refuse what asks for more devices than these").Type("N|0,1,3");
  lint.Option("--fix", &o->fix, "mend in place what can be mended beyond doubt, and tell each change");
  lint.Option("--dry-run", &o->dry_run, "with --fix: only show what it would change");
  lint.run = [o](const Invocation&) { return LintVerb(*o); };
  return lint;
}

}  // namespace qalam
