// SPDX-License-Identifier: Apache-2.0
// What the store costs: bench_store FOLDER. Give it a folder on the disk that counts; what is asked of the processor
// alone is measured in /dev/shm, where a sync is free.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/memory_store.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

using Seconds = std::chrono::duration<double>;

template <class T>
T Get(Result<T> result) {
  QALAM_CHECK(result.ok(), result.status().ToString());
  return *std::move(result);
}

double Processor() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Cost {
  double seconds, processor;
};
Cost Measure(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  const double processor = Processor();
  work();
  return {Seconds(std::chrono::steady_clock::now() - start).count(), Processor() - processor};
}

WallTime Now() { return SystemClock().Wall(); }

Experiment MakeExperiment() {
  Experiment e;
  e.id = 1;
  e.namespace_name = "default";
  e.name = "digits";
  e.uid = "11111111-2222-3333-4444-555555555555";
  e.manifest = std::string(3'000, 'm');
  e.source = std::string(3'000, 's');
  e.state = ExperimentState::kRunning;
  e.created = e.started = Now();
  e.conditions = {{"Created", "True", "ExperimentCreated", "Experiment is created", Now(), Now()},
                  {"Running", "True", "ExperimentRunning", "Experiment is running", Now(), Now()}};
  return e;
}

Trial MakeTrial(std::uint64_t ordinal) {
  Trial t;
  t.name = fmt::format("digits-{:08x}", static_cast<std::uint32_t>(ordinal * 2'654'435'761U));
  t.experiment_id = 1;
  t.ordinal = ordinal;
  t.assignments = {{"lr", "0.012345678901234567"}, {"batch_size", "64"}, {"hidden", "128"}, {"solver", "adam"}};
  t.state = TrialState::kSucceeded;
  t.created = t.started = t.completed = Now();
  t.conditions = {{"Created", "True", "TrialCreated", "Trial is created", Now(), Now()},
                  {"Running", "True", "TrialRunning", "Trial is running", Now(), Now()},
                  {"Succeeded", "True", "TrialSucceeded", "Trial has succeeded", Now(), Now()}};
  t.observation =
      Observation{{{"accuracy", "0.912345", "0.973214", "0.973214"}, {"loss", "0.0912", "0.9732", "0.0973"}}};
  return t;
}

StepRecord MakeStep(const Trial& trial) {
  StepRecord s;
  s.run = trial.name;
  s.step = "main";
  s.state = StepState::kSucceeded;
  s.exit_code = 0;
  s.reason = "Completed";
  s.started = s.ended = Now();
  s.cpu_seconds = 1.25;
  s.max_rss = 123'456'789;
  return s;
}

ObservationRow MakeReport(const Trial& trial, std::int64_t sequence) {
  ObservationRow row;
  row.trial_name = trial.name;
  row.sequence = sequence;
  row.time = Now();
  row.metric_name = sequence % 2 == 0 ? "loss" : "accuracy";
  row.value = "0.9732142857";
  row.step = (sequence + 1) / 2;
  return row;
}

// What a moment of a running experiment writes: one trial's progress.
WriteBatch TypicalBatch(std::uint64_t n) {
  WriteBatch batch;
  batch.experiments = {MakeExperiment()};
  batch.experiments[0].counts.total = static_cast<int>(n);
  batch.trials = {MakeTrial(1 + (n / 100 * 8 + n % 8) % 2'000)};
  const auto at = static_cast<std::int64_t>(n);
  batch.steps = {MakeStep(batch.trials[0])};
  batch.observations = {MakeReport(batch.trials[0], 2 * at), MakeReport(batch.trials[0], 2 * at + 1)};
  batch.positions = {{batch.trials[0].name, 1, at * 100, at, at}};
  return batch;
}

void Commit(Store& store, const WriteBatch& batch) {
  const Status status = store.Commit(batch);
  QALAM_CHECK(status.ok(), status.ToString());
}

void CommitTypical(Store& store, int count, const char* where) {
  WriteBatch begin;
  begin.experiments = {MakeExperiment()};
  for (std::uint64_t i = 1; i <= 2'000; ++i) begin.trials.push_back(MakeTrial(i));
  Commit(store, begin);
  std::uint64_t n = 0;
  const Cost made = Measure([&] {
    for (int i = 0; i < count; ++i) TypicalBatch(++n);
  });
  const Cost cost = Measure([&] {
    for (int i = 0; i < count; ++i) Commit(store, TypicalBatch(++n));
  });
  std::printf("%-28s typical batch (7 rows): %6.0f commits/s, %5.1f us processor each\n", where, count / cost.seconds,
              1e6 * (cost.processor - made.processor) / count);
}

void CommitReports(Store& store, int commits, int rows) {
  std::int64_t sequence = 1'000'000LL * rows;
  const Trial trial = MakeTrial(1);
  const Cost cost = Measure([&] {
    for (int i = 0; i < commits; ++i) {
      WriteBatch batch;
      for (int j = 0; j < rows; ++j) batch.observations.push_back(MakeReport(trial, ++sequence));
      Commit(store, batch);
    }
  });
  std::printf("%-28s %3d reports a commit: %7.0f commits/s, %8.0f rows/s\n", "on the disk", rows,
              commits / cost.seconds, commits * rows / cost.seconds);
}

void FillAndOpen(const std::string& file) {
  constexpr std::uint64_t kTrials = 100'000;
  constexpr int kReports = 10;
  {
    const auto store = Get(OpenSqliteStore(file));
    for (std::uint64_t ordinal = 1; ordinal <= kTrials;) {
      WriteBatch batch;
      batch.experiments = {MakeExperiment()};
      for (int i = 0; i < 200; ++i, ++ordinal) {
        batch.trials.push_back(MakeTrial(ordinal));
        batch.steps.push_back(MakeStep(batch.trials.back()));
        for (int j = 1; j <= kReports; ++j) batch.observations.push_back(MakeReport(batch.trials.back(), j));
      }
      Commit(*store, batch);
    }
  }
  std::unique_ptr<Store> store;
  std::vector<Trial> trials;
  const Cost open = Measure([&] { store = Get(OpenSqliteStore(file)); });
  const Cost list = Measure([&] { trials = Get(store->Trials(1)); });
  const std::int64_t revision = Get(store->ChangesSince(0)).revision;
  const Cost feed =
      Measure([&] { QALAM_CHECK(Get(store->ChangesSince(revision - 1)).trials.size() == 200, "one batch"); });
  const Cost curves = Measure([&] {
    for (std::size_t i = 0; i < 1'000; ++i) {
      QALAM_CHECK(Get(store->Observations(trials[i * 97].name)).size() == kReports, "all reports");
    }
  });
  std::printf(
      "%zu trials, %d MB: open %.1f ms, read all trials %.0f ms, changes of one commit %.2f ms, reports of a "
      "trial %.3f ms\n",
      trials.size(), static_cast<int>(std::filesystem::file_size(file) >> 20), 1e3 * open.seconds, 1e3 * list.seconds,
      1e3 * feed.seconds, curves.seconds);
}

int Main(const std::string& parent) {
  const auto make = [](const std::string& in) {
    std::string folder = in + "/bench-store-XXXXXX";
    QALAM_CHECK(mkdtemp(folder.data()) != nullptr, "a folder can be made in " + in);
    return folder;
  };
  const std::string folder = make(parent), memory = make("/dev/shm");
  std::unique_ptr<Store> store;
  const Cost fresh = Measure([&] { store = Get(OpenSqliteStore(folder + "/a.db")); });
  std::printf("%-28s %.1f ms\n", "a new database", 1e3 * fresh.seconds);
  CommitTypical(*store, 2'000, "on the disk");
  CommitReports(*store, 2'000, 1);
  CommitReports(*store, 500, 100);
  CommitTypical(*Get(OpenSqliteStore(memory + "/a.db")), 20'000, "in /dev/shm");
  CommitTypical(*MakeMemoryStore(), 100'000, "memory store");
  FillAndOpen(folder + "/b.db");
  store.reset();
  std::filesystem::remove_all(folder);
  std::filesystem::remove_all(memory);
  return 0;
}

}  // namespace
}  // namespace qalam

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_store FOLDER\n");
    return 2;
  }
  return qalam::Main(argv[1]);
}
