// SPDX-License-Identifier: Apache-2.0
#include "cli/holder.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/launch.h"
#include "cli/objects.h"
#include "core/log.h"
#include "experiment/spec.h"
#include "pipelines/engines/local_engine.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

std::string NewUid() {
  std::array<unsigned char, 16> bytes{};
  QALAM_CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "the system has luck");
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // RFC 4122, version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string uid;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    uid += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  }
  return uid;
}

Status RemoveFolders(const std::string& root, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::error_code error;
    std::filesystem::remove_all(std::filesystem::path(root) / name, error);
    if (error) return Error(Code::kUnavailable, "{}/{} cannot be removed: {}", root, name, error.message());
  }
  return OkStatus();
}

std::string TextOf(const Node& request, std::string_view key) {
  const Node* node = request.Find(key);
  return node != nullptr && node->IsScalar() ? node->text : "";
}

}  // namespace

Result<std::unique_ptr<Holder>> Holder::Make(const std::string& db, const std::vector<std::string>& gpus,
                                             bool passive) {
  QALAM_TRY(const std::string shim, FindShim());
  std::unique_ptr<Holder> holder(new Holder);
  Holder& s = *holder;
  QALAM_TRY(s.store_, OpenSqliteStore(db));
  s.engine_ = MakeLocalEngine(s.loop_, {.root = RunsFolder(db), .shim = shim, .capacity = {}, .gpus = gpus});
  DbManagerBackend& metrics = s;
  s.router_ = std::make_unique<SuggestionRouter>(s.loop_, PluginsFolder(db), metrics);
  s.controller_ = Controller::Make(
      {.loop = s.loop_,
       .store = *s.store_,
       .engine = *s.engine_,
       .suggestions = *s.router_,
       .compile = [db, &s](const ExperimentSpec& spec, const Trial& trial, const Node& manifest) -> Result<Run> {
         if (!ReportsItself(spec.metrics_collector.kind)) return CompileTrial(db, spec, trial, manifest);
         QALAM_TRY(const std::string address, s.router_->MetricsAddress());
         return CompileTrial(db, spec, trial, manifest, address);
       },
       .make_uid = NewUid,
       .live_stopping = [&s](const SuggestionRequest& request,
                             LateDecision late) { return s.router_->StoppingOf(request, std::move(late)); },
       .remove_runs =
           [db](const std::vector<std::string>& trials) {
             QALAM_RETURN_IF_ERROR(RemoveFolders(RunsFolder(db), trials));
             return RemoveFolders(CheckpointsFolder(db), trials);
           },
       .remove_checkpoints = [root = CheckpointsFolder(db)](
                                 const std::vector<std::string>& trials) { return RemoveFolders(root, trials); },
       .remove_kept =
           [db](const Experiment& experiment) { ForgetObjects(db, experiment.namespace_name, experiment.name); },
       .passive = passive});
  return holder;
}

Result<std::unique_ptr<Holder>> Holder::Open(const std::string& db, const std::vector<std::string>& gpus) {
  QALAM_TRY(std::unique_ptr<Holder> holder, Make(db, gpus, /*passive=*/false));
  Holder& s = *holder;
  QALAM_TRY(s.socket_,
            SocketServer::Listen(
                s.loop_, SocketPath(db),
                {.request = [&s](auto connection, const Node& request) { return s.Answer(connection, request); },
                 .closed = [&s](auto connection) { s.watched_.erase(connection); }}));
  QALAM_RETURN_IF_ERROR(s.controller_->Recover());
  return holder;
}

Result<std::unique_ptr<Holder>> Holder::OpenPassive(const std::string& db) { return Make(db, {}, /*passive=*/true); }

Result<Node> Holder::DoHere(const Node& command) { return DoCommand(*controller_, command); }

void Holder::RunFor(Duration time) {
  loop_.After(time, [this] { loop_.Stop(); });
  loop_.Run();
}

Holder::~Holder() = default;

Result<std::vector<MetricReport>> Holder::ObservationLog(const std::string& trial_name) {
  QALAM_TRY(const std::vector<ObservationRow> rows, store_->Observations(trial_name));
  int newest = 0;
  for (const ObservationRow& row : rows) newest = std::max(newest, row.attempt);
  std::vector<MetricReport> reports;
  for (const ObservationRow& row : rows) {
    if (row.attempt == newest) reports.push_back({row.time, row.metric_name, row.value});
  }
  return reports;
}

Status Holder::ReportObservationLog(const std::string& trial_name, const std::vector<MetricReport>& reports) {
  std::vector<MetricPoint> points;
  for (const MetricReport& report : reports) points.push_back({report.metric, report.value, report.time, {}});
  return controller_->Report(trial_name, points);
}

Status Holder::DeleteObservationLog(const std::string& trial_name) {
  QALAM_TRY(const std::optional<Trial> trial, store_->FindTrial(trial_name));
  if (!trial) return OkStatus();
  return Error(Code::kFailedPrecondition, "the metrics of trial '{}' are kept as long as its experiment", trial_name);
}

Status Holder::SetTrialStatus(const std::string& trial_name) { return controller_->StopEarly(trial_name); }

Result<Submitted> Holder::Submit(const ExperimentSpec& spec, const std::string& source) {
  return controller_->Submit(spec, source);
}

std::vector<Experiment> Holder::Others(const std::vector<std::int64_t>& own) {
  if (controller_->AllSettled()) return {};
  auto experiments = store_->Experiments();
  if (!experiments.ok()) return {};
  std::erase_if(*experiments, [&](const Experiment& e) {
    return controller_->Settled(e.id) || std::find(own.begin(), own.end(), e.id) != own.end();
  });
  return *std::move(experiments);
}

std::vector<Experiment> Holder::Unwatched(const std::vector<std::int64_t>& own) {
  std::vector<Experiment> experiments = Others(own);
  std::erase_if(experiments, [this](const Experiment& e) {
    return std::any_of(watched_.begin(), watched_.end(),
                       [&](const auto& entry) { return entry.second.contains(e.id); });
  });
  return experiments;
}

Node Holder::Answer(SocketServer::Connection connection, const Node& request) {
  Result<Node> answer = Do(connection, request);
  return answer.ok() ? *std::move(answer) : ErrorAnswer(answer.status());
}

Result<Node> Holder::Do(SocketServer::Connection connection, const Node& request) {
  const std::string verb = TextOf(request, "verb");
  if (verb == "submit") {
    Node answer = OkAnswer();
    const Node* manifest = request.Find("manifest");
    if (manifest == nullptr) return InvalidArgument("submit: 'manifest' is missing");
    Diagnostics faults;
    const std::optional<ExperimentSpec> spec = ReadExperiment(*manifest, {}, &faults);
    if (!spec) return InvalidArgument("{}", Render(faults));
    QALAM_TRY(const Submitted submitted, controller_->Submit(*spec, TextOf(request, "source")));
    watched_[connection].insert(submitted.experiment_id);
    answer.Set("experiment", Node::Int(submitted.experiment_id));
    answer.Set("how", Node::Int(static_cast<int>(submitted.how)));
    if (!submitted.note.empty()) answer.Set("note", Node::String(submitted.note));
    return answer;
  }
  if (verb == "resume") watched_[connection].insert(std::atoll(TextOf(request, "experiment").c_str()));
  return DoCommand(*controller_, request);
}

}  // namespace qalam
