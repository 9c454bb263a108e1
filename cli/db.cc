// SPDX-License-Identifier: Apache-2.0
// qalam db: whether the database is whole, copies of it while it is in use, and a copy put in its place.
#include <filesystem>

#include "cli/beside.h"
#include "cli/launch.h"
#include "cli/listing.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "store/backup.h"
#include "store/check.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

constexpr int kLooks = 5;

struct DbOptions {
  std::string db = kDefaultDatabase;
  std::string output = "table";
  std::string backup;
  bool force = false;
};

std::string Count(std::int64_t n, std::string_view word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

// ---------------------------------------------------------------- check

// The best trial is that which its own reports say, and every manifest can be read.
Result<std::vector<std::string>> CompareBest(StoreReader& reader) {
  std::vector<std::string> faults;
  QALAM_TRY(const std::vector<Experiment> experiments, reader.Experiments());
  for (const Experiment& e : experiments) {
    const Result<ExperimentSpec> spec = ReadStored(e);
    if (!spec.ok()) {
      faults.push_back(
          fmt::format("the manifest of experiment {} cannot be read: {}", e.name, spec.status().message()));
      continue;
    }
    QALAM_TRY(const std::vector<Trial> trials, reader.Trials(e.id));
    std::string best;
    std::optional<double> best_value;
    for (const Trial& trial : trials) {
      if (trial.state != TrialState::kSucceeded && trial.state != TrialState::kEarlyStopped) continue;
      const auto value = trial.observation ? ObjectiveValue(spec->objective, *trial.observation) : std::nullopt;
      if (!value || (best_value && !IsBetter(spec->objective.type, *value, *best_value))) continue;
      best = trial.name;
      best_value = value;
    }
    if (best_value && e.best_trial != best) {
      faults.push_back(
          fmt::format("the best trial of experiment {} is {} by what its trials reported, and '{}' by its record",
                      e.name, best, e.best_trial));
    }
  }
  return faults;
}

// What only shows with the folders and with the meaning of what is stored. A qalam may be writing: what was looked at
// counts once nothing changed meanwhile.
Status LookFurther(const std::string& db, FileReport* report) {
  for (int look = 1;; ++look) {
    const std::set<std::string> runs = RunFolders(db);
    QALAM_TRY(const auto reader, OpenSqliteReader(db));
    QALAM_TRY(const Changes before, reader->ChangesSince(0));
    QALAM_TRY(std::vector<std::string> faults, CompareBeside(db, runs, *reader));
    QALAM_TRY(const std::vector<std::string> best, CompareBest(*reader));
    faults.insert(faults.end(), best.begin(), best.end());
    QALAM_TRY(const Changes after, reader->ChangesSince(before.revision));
    if (after.revision != before.revision && look < kLooks) continue;
    if (after.revision == before.revision) report->faults.insert(report->faults.end(), faults.begin(), faults.end());
    return OkStatus();
  }
}

Node ToNode(const FileReport& report) {
  Node out = Node::Map();
  out.Set("file", Node::String(report.file));
  out.Set("layout", Node::Int(report.layout));
  out.Set("experiments", Node::Int(report.experiments));
  out.Set("trials", Node::Int(report.trials));
  out.Set("reports", Node::Int(report.reports));
  Node& faults = out.Set("faults", Node::Sequence());
  for (const std::string& fault : report.faults) faults.Add(Node::String(fault));
  return out;
}

std::string Text(const DbOptions& options, const FileReport& report, bool file_is_whole) {
  const std::string db = ShellWord(options.db);
  if (report.faults.empty()) {
    std::string text = fmt::format("{} is whole: layout {}", options.db, report.layout);
    if (report.older) return text + "; it is brought up to date, and looked at further, when 'qalam run' opens it\n";
    return text + fmt::format(", {}, {}, {}; the folders beside it are theirs\n",
                              Count(report.experiments, "experiment"), Count(report.trials, "trial"),
                              Count(report.reports, "report"));
  }
  std::string text =
      fmt::format("{}: {}\n", options.db, Count(static_cast<std::int64_t>(report.faults.size()), "fault"));
  for (const std::string& fault : report.faults) text += "  " + Printable(fault) + "\n";
  if (!file_is_whole) {
    text += fmt::format(
        "nothing was changed. Put a backup in its place:  qalam db restore BACKUP --force --db {}\n"
        "or save what can be read:  sqlite3 {} .recover > saved.sql\n",
        db, db);
  }
  return text;
}

int CheckVerb(const DbOptions& options) {
  Result<FileReport> report = CheckFile(options.db);
  if (!report.ok()) return Complain(report.status());
  const bool file_is_whole = report->faults.empty();
  if (file_is_whole && !report->older) {
    if (const Status looked = LookFurther(options.db, &*report); !looked.ok()) return Complain(looked);
  }
  if (WantsDocument(options.output)) {
    const Result<std::string> text = PrintDocument(ToNode(*report), options.output);
    if (!text.ok()) return Complain(text.status());
    Print(*text);
  } else {
    Print(Text(options, *report, file_is_whole));
  }
  return report->faults.empty() ? kDone : kExperimentFailed;
}

// ---------------------------------------------------------------- backup, restore

bool HasSomething(const std::string& folder) {
  std::error_code error;
  return std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error);
}

int BackupVerb(const DbOptions& options) {
  const auto done = BackUpFile(options.db, options.backup, options.force ? Existing::kReplace : Existing::kKeep);
  if (!done.ok()) return Complain(done.status());
  Print(fmt::format("{}: {}, {}, {:.1f} MiB; whole, and on the disk\n", options.backup,
                    Count(done->experiments, "experiment"), Count(done->trials, "trial"),
                    static_cast<double>(done->bytes) / (1 << 20)));
  std::string more;
  if (HasSomething(RunsFolder(options.db))) more += fmt::format("  {}: what trials printed\n", RunsFolder(options.db));
  if (HasSomething(options.db + ".d/objects"))
    more += fmt::format("  {}.d/objects: ConfigMaps and Secrets, without which their experiments cannot go on\n",
                        options.db);
  if (!more.empty()) Print("not in it, copy them too if they matter:\n" + more);
  return kDone;
}

int RestoreVerb(const DbOptions& options) {
  const auto done = RestoreFile(options.backup, options.db, options.force ? Existing::kReplace : Existing::kKeep,
                                [&](const std::set<std::string>& trials, const std::string& tail) {
                                  return PutRunsAside(options.db, trials, tail.substr(1));
                                });
  if (!done.ok()) return Complain(done.status());
  Print(fmt::format("{}: {}, {}, from {}\n", options.db, Count(done->experiments, "experiment"),
                    Count(done->trials, "trial"), options.backup));
  if (!done->aside.empty()) Print(fmt::format("what was there is in {}\n", done->aside));
  return kDone;
}

}  // namespace

Verb MakeDbVerb() {
  const auto o = std::make_shared<DbOptions>();
  Verb verb{"db", "look after the database: check, backup, restore"};
  verb.footer =
      "Examples:\n"
      "  qalam db check                                  is it whole? exit code 1 if it is not\n"
      "  qalam db backup monday.db                       also while a qalam runs on it\n"
      "  qalam db restore monday.db --force              what is there is kept beside it";

  Verb check{"check", "whether the database is whole, and the folders beside it are those of its trials"};
  AddOutput(&check, &o->output, {"table", "json", "yaml", "jsonpath="});
  AddDatabase(&check, &o->db);
  check.run = [o](const Invocation&) { return CheckVerb(*o); };

  Verb backup{"backup", "a copy as of now, also while a qalam runs on it"};
  backup.Option("BACKUP", &o->backup, "the file to write").Type("FILE").Required();
  backup.Option("--force", &o->force, "replace a backup that is there");
  AddDatabase(&backup, &o->db);
  backup.run = [o](const Invocation&) { return BackupVerb(*o); };

  Verb restore{"restore", "put a backup in the place of the database"};
  restore.Option("BACKUP", &o->backup, "what 'qalam db backup' wrote, or FILE.bak-vN").Type("FILE").Required();
  restore.Option("--force", &o->force, "also where experiments are: what is there is kept beside it");
  AddDatabase(&restore, &o->db);
  restore.run = [o](const Invocation&) { return RestoreVerb(*o); };

  verb.verbs = {std::move(check), std::move(backup), std::move(restore)};
  verb.check = [](const Invocation&) { return "say what to do: check, backup or restore (qalam db --help)"; };
  verb.run = [](const Invocation&) { return kBadInput; };
  return verb;
}

}  // namespace qalam
