// SPDX-License-Identifier: Apache-2.0
// qalam export: an experiment's trials and everything that they reported, for other programs.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/columns.h"
#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/network.h"
#include "cli/savings_view.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/tracker.h"
#include "cli/verbs.h"
#include "experiment/status.h"

namespace qalam {
namespace {

struct ExportOptions : ViewOptions {
  std::vector<std::string> target;  // and the folder, before `folder` is taken off
  std::string folder;
  bool observations = false;
};

// Standard output, or a file that is there whole or not at all. Written in pieces: a million reports are ordinary.
class Sink {
 public:
  static Result<Sink> Open(const std::string& path) {
    Sink sink;
    sink.path_ = path;
    if (path.empty()) {
      sink.file_ = stdout;
      return sink;
    }
    sink.file_ = std::fopen(sink.Part().c_str(), "we");
    if (sink.file_ == nullptr) {
      return Error(Code::kUnavailable, "{} cannot be written: {}", path, std::strerror(errno));
    }
    return sink;
  }
  Sink(Sink&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  Sink& operator=(Sink&&) = delete;
  ~Sink() {
    if (file_ == nullptr || path_.empty()) return;
    std::fclose(file_);
    unlink(Part().c_str());
  }

  void Write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), file_); }

  Status Close() {
    const bool failed = std::fflush(file_) != 0 || std::ferror(file_) != 0;
    const std::string why = failed ? std::strerror(errno) : "";
    if (path_.empty()) return failed ? Error(Code::kUnavailable, "the output cannot be written: {}", why) : OkStatus();
    if (failed) return Error(Code::kUnavailable, "{} cannot be written: {}", path_, why);
    std::fclose(std::exchange(file_, nullptr));
    if (std::rename(Part().c_str(), path_.c_str()) != 0) {
      return Error(Code::kUnavailable, "{} cannot be written: {}", path_, std::strerror(errno));
    }
    return OkStatus();
  }

 private:
  Sink() = default;
  std::string Part() const { return path_ + ".part"; }

  std::string path_;  // empty: standard output
  FILE* file_ = nullptr;
};

Result<std::vector<ObservationRow>> ReportsOf(StoreReader& reader, const Trial& trial) {
  QALAM_TRY(std::vector<ObservationRow> rows, reader.Observations(trial.name));
  return NewestReports(std::move(rows));
}

Status WriteObservations(StoreReader& reader, const std::vector<Trial>& trials, Sink* sink) {
  bool head = true;
  for (const Trial& trial : trials) {
    QALAM_TRY(const std::vector<ObservationRow> rows, ReportsOf(reader, trial));
    Table table({"ordinal", "trial", "metric", "step", "value", "time"});
    for (const ObservationRow& row : rows) {
      table.Row({std::to_string(trial.ordinal), trial.name, row.metric_name, std::to_string(row.step), row.value,
                 FormatTimePrecise(row.time)});
    }
    const std::string text = table.Csv();
    sink->Write(std::exchange(head, false) ? text : std::string_view(text).substr(text.find('\n') + 1));
  }
  return OkStatus();
}

// {"experiment": {...}, "trials": [{..., "observationLog": [...]}]}, a trial a line.
Status WriteJson(StoreReader& reader, const ExperimentWithSpec& experiment, const std::vector<Trial>& trials,
                 Sink* sink) {
  Node head = ExperimentToDocument(experiment.record, trials);
  QALAM_RETURN_IF_ERROR(AddSavings(reader, experiment.record, experiment.spec, &head));
  sink->Write("{\n\"experiment\": " + ToJson(head) + ",\n\"trials\": [");
  bool first = true;
  const TrialDocuments documents(experiment.record, experiment.spec);
  for (const Trial& trial : trials) {
    QALAM_TRY(const std::vector<ObservationRow> rows, ReportsOf(reader, trial));
    Node document = documents.Of(trial);
    Node& log = document.Set("observationLog", Node::Sequence());
    for (const ObservationRow& row : rows) {
      Node& report = log.Add(Node::Map());
      report.Set("metric", Node::String(row.metric_name));
      report.Set("step", Node::Int(row.step));
      report.Set("value", Node::String(row.value));
      if (row.time != WallTime{}) report.Set("time", Node::String(FormatTimePrecise(row.time)));
    }
    sink->Write((std::exchange(first, false) ? "\n" : ",\n") + ToJson(document));
  }
  sink->Write("\n]\n}\n");
  return OkStatus();
}

Status WriteTo(const std::string& path, const std::function<Status(Sink*)>& write) {
  QALAM_TRY(Sink sink, Sink::Open(path));
  QALAM_RETURN_IF_ERROR(write(&sink));
  QALAM_RETURN_IF_ERROR(sink.Close());
  if (!path.empty()) Print(path + "\n");
  return OkStatus();
}

Status MakeFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Error(Code::kUnavailable, "the folder {} cannot be made: {}", folder, error.message());
  return OkStatus();
}

// The network of a trial, or of the best one of an experiment.
Status ExportNetwork(StoreReader& reader, const ExportOptions& options) {
  QALAM_TRY(Target found, FindTarget(reader, options.namespace_name, options.target, Kinds::kBoth));
  const std::string& best = found.experiment.best_trial;
  if (!found.trial) {
    QALAM_TRY(found.trial, reader.FindTrial(best));
    if (!found.trial) return Error(Code::kNotFound, "{} has no best trial yet", found.experiment.name);
  }
  const Trial& trial = *found.trial;
  QALAM_TRY(const ExperimentSpec spec, ReadStored(found.experiment));
  QALAM_TRY(const std::vector<Network> networks, NetworksOf(spec, trial));
  if (networks.empty()) {
    return Error(Code::kNotFound, "{} has no network: -o dot is for searches for an architecture (nasConfig)",
                 trial.name);
  }
  const auto write = [&](Sink* sink) {
    sink->Write(DotOf(trial.name, networks));
    return OkStatus();
  };
  if (options.folder.empty()) return WriteTo("", write);
  QALAM_RETURN_IF_ERROR(MakeFolder(options.folder));
  return WriteTo((std::filesystem::path(options.folder) / trial.name).string() + ".dot", write);
}

Status Export(StoreReader& reader, const ExportOptions& options) {
  QALAM_TRY(Target target, FindTarget(reader, options.namespace_name, options.target, Kinds::kBoth));
  if (target.trial) return InvalidArgument("a trial is exported as its network: -o dot");
  std::vector<Experiment> records;
  records.push_back(std::move(target.experiment));
  QALAM_TRY(const std::vector<ExperimentWithSpec> all, WithSpecs(reader, std::move(records)));
  const ExperimentWithSpec& experiment = all.front();
  QALAM_TRY(const std::vector<Trial> trials, reader.Trials(experiment.record.id));
  const auto json = [&](Sink* sink) { return WriteJson(reader, experiment, trials, sink); };
  const auto observations = [&](Sink* sink) { return WriteObservations(reader, trials, sink); };
  const auto table = [&](Sink* sink) {
    sink->Write(ListTrials(experiment, trials).Csv());
    return OkStatus();
  };
  if (options.folder.empty()) {
    if (options.output == "json") return WriteTo("", json);
    return options.observations ? WriteTo("", observations) : WriteTo("", table);
  }
  QALAM_RETURN_IF_ERROR(MakeFolder(options.folder));
  const std::string stem = (std::filesystem::path(options.folder) / experiment.record.name).string();
  if (options.output == "json") return WriteTo(stem + ".json", json);
  QALAM_RETURN_IF_ERROR(WriteTo(stem + "-trials.csv", table));
  return WriteTo(stem + "-observations.csv", observations);
}

// "exp NAME DIR", "exp/NAME DIR", "NAME DIR": the folder is what follows the name.
void TakeFolder(ExportOptions* options) {
  const std::size_t name = !options->target.empty() && ParseObjectKind(options->target[0]) ? 2 : 1;
  if (options->target.size() != name + 1) return;
  options->folder = std::move(options->target.back());
  options->target.pop_back();
}

int ExportVerb(const ExportOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Status done = options.output == "dot" ? ExportNetwork(**reader, options) : Export(**reader, options);
  return done.ok() ? kDone : Complain(done);
}

}  // namespace

Verb MakeExportVerb() {
  const auto o = std::make_shared<ExportOptions>();
  o->output = "csv";
  Verb verb{"export", "an experiment's trials and all their reports, or a network that was found, for other programs"};
  verb.footer =
      "Examples:\n  qalam export exp digits > trials.csv\n  qalam export exp digits --observations > curves.csv\n"
      "  qalam export exp digits -o json results/\n"
      "  qalam export exp enas-cpu -o dot | dot -Tsvg > network.svg";
  verb.Option(
          "TARGET", &o->target,
          "exp NAME, or NAME, and with -o dot a trial; then a folder to write files into (default: standard output)")
      .Required();
  verb.Option("--observations", &o->observations, "every report of every metric instead of a line a trial");
  verb.Option("-o,--output,--format", &o->output, "how to print it; dot: the network that was found, as a graph")
      .OneOf({"csv", "json", "dot"});
  AddNamespace(&verb, &o->namespace_name);
  AddDatabase(&verb, &o->db);
  verb.check = [o](const Invocation&) {
    TakeFolder(o.get());
    return o->observations && (o->output != "csv" || !o->folder.empty())
               ? "--observations is for csv to standard output; json and DIR have them anyway"
               : "";
  };
  verb.run = [o](const Invocation&) { return ExportVerb(*o); };
  return verb;
}

}  // namespace qalam
