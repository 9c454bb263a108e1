// SPDX-License-Identifier: Apache-2.0
#include "bench/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "bench/files.h"
#include "bench/run.h"
#include "bench/step_run.h"
#include "bench/suites.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;

struct Task {
  const ContenderSpec* contender;
  const std::string* problem;
  std::uint64_t seed;
};

std::string NumberText(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

std::string MillisecondsOf(const RunResult& result, int budget) {
  std::string text;
  std::size_t row = 0;
  for (const int until : AnytimeBudgets(budget)) {
    double seconds = 0;
    int asked = 0;
    for (; row < result.trials.size() && row < static_cast<std::size_t>(until); ++row) {
      if (result.trials[row].number == 0) continue;
      seconds += result.trials[row].suggest_seconds;
      ++asked;
    }
    text += fmt::format("{:.3g}\n", 1e3 * seconds / std::max(1, asked));
  }
  return text;
}

std::string TrialsText(const RunResult& result) {
  std::string text = "number,asked,ended,value,worth\n";
  for (const TrialRow& row : result.trials) {
    text +=
        fmt::format("{},{},{},{},{}\n", row.number, row.asked, row.ended, NumberText(row.value), NumberText(row.worth));
  }
  return text;
}

// The same of a run by steps: the mean over the jobs that ended within each budget.
std::string MillisecondsOf(const StepRunResult& result, int budget, int steps) {
  std::string text;
  auto job = result.jobs.begin();
  for (const int until : AnytimeBudgets(budget)) {
    double seconds = 0;
    int jobs = 0;
    for (; job != result.jobs.end() && job->steps <= std::int64_t{until} * steps; ++job, ++jobs)
      seconds += job->suggest_seconds;
    text += fmt::format("{:.3g}\n", 1e3 * seconds / std::max(1, jobs));
  }
  return text;
}

std::string JobsText(const StepRunResult& result) {
  std::string text = "trial,from,to,asked,ended,steps,from_zero,value,worth,stopped\n";
  for (const JobRow& row : result.jobs) {
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", row.trial, row.from, row.to, row.asked, row.ended, row.steps,
                        row.from_zero, NumberText(row.value), NumberText(row.worth), row.stopped ? 1 : 0);
  }
  return text;
}

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
           const std::function<bool()>& interrupted)
      : options_(options), manifest_(options.manifest), progress_(progress), interrupted_(interrupted) {}

  Status Run() {
    QALAM_RETURN_IF_ERROR(Open());
    // Seed by seed, so that what an interrupted campaign leaves can be compared.
    for (int seed = 1; seed <= manifest_.seeds; ++seed) {
      for (const std::string& problem : manifest_.problems) {
        for (const ContenderSpec& contender : manifest_.contenders) {
          tasks_.push_back({&contender, &problem, static_cast<std::uint64_t>(seed)});
        }
      }
    }
    state_.all = static_cast<int>(tasks_.size());
    std::vector<std::jthread> threads;
    for (int i = 0; i < std::max(1, options_.jobs); ++i) threads.emplace_back([this] { Work(); });
    return OkStatus();
  }

 private:
  Status Open() {
    if (fs::exists(options_.out + "/" + kManifestFile)) {
      QALAM_TRY(manifest_, ReadManifest(options_.out));
      const Status extended = Extend(&manifest_, options_.manifest);
      if (!extended.ok()) return extended.Within(options_.out);
    }
    return WriteManifest(manifest_, options_.out);
  }

  void Work() {
    while (!interrupted_()) {
      const std::size_t at = next_++;
      if (at >= tasks_.size()) return;
      const Task& task = tasks_[at];
      const std::string path = RunFile(options_.out, *task.problem, task.contender->name, task.seed);
      const bool found = fs::exists(path);
      const Status status = found ? OkStatus() : RunOne(task, path);
      if (status.code() == Code::kCancelled) return;
      const std::scoped_lock lock(mutex_);
      ++(status.ok() ? state_.done : state_.failed);
      state_.found += found ? 1 : 0;
      state_.failure = status.ok() ? ""
                                   : fmt::format("{} on {}, seed {}: {}", task.contender->name, *task.problem,
                                                 task.seed, status.message());
      progress_(state_);
    }
  }

  Status RunOne(const Task& task, const std::string& path) {
    Status status = Execute(task, path);
    std::error_code error;
    if (status.ok()) {
      fs::remove(path + ".failed", error);
    } else if (status.code() != Code::kCancelled) {
      // Where even this finds no room, the campaign's own words have to do.
      (void)WriteWhole(path + ".failed", status.message() + "\n");
    }
    return status;
  }

  Status Execute(const Task& task, const std::string& path) {
    const Setup& setup = manifest_.setup;
    QALAM_TRY(const auto problem, ProblemFor(*task.problem));
    const RunKey key{*task.problem, task.contender->name, task.seed,        setup.budget,
                     setup.workers, setup.common_start,   setup.budget_told};
    const auto told = setup.budget_told ? std::optional(setup.budget) : std::nullopt;
    std::string text, milliseconds;
    if (setup.by_steps) {
      const auto make = [&] { return options_.make_steps(*task.contender, *problem, task.seed, told, setup.workers); };
      QALAM_TRY(const StepRunResult result, ExecuteSteps(key, *problem, make, interrupted_));
      text = JobsText(result);
      milliseconds = MillisecondsOf(result, setup.budget, problem->steps());
    } else {
      const auto make = [&] { return options_.make(*task.contender, *problem, task.seed, told, setup.workers); };
      QALAM_TRY(const RunResult result, bench::Execute(key, *problem, make, interrupted_));
      text = TrialsText(result);
      milliseconds = MillisecondsOf(result, setup.budget);
    }
    QALAM_RETURN_IF_ERROR(WriteWhole(path + ".ms", milliseconds));
    return WriteWhole(path, text);
  }

  Result<std::shared_ptr<const Problem>> ProblemFor(const std::string& name) {
    const std::scoped_lock lock(problems_mutex_);
    std::shared_ptr<const Problem>& kept = problems_[name];
    if (!kept) {
      QALAM_TRY(kept, MakeProblem(name, options_.data));
    }
    return kept;
  }

  const CampaignOptions& options_;
  Manifest manifest_;
  const std::function<void(const Progress&)>& progress_;
  const std::function<bool()>& interrupted_;
  std::vector<Task> tasks_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_, problems_mutex_;
  Progress state_;
  std::map<std::string, std::shared_ptr<const Problem>> problems_;
};

}  // namespace

std::string RunFile(const std::string& out, const std::string& problem, const std::string& contender,
                    std::uint64_t seed) {
  return fmt::format("{}/runs/{}/{}/s{}.csv", out, PathWord(problem), PathWord(contender), seed);
}

std::vector<int> AnytimeBudgets(int budget) {
  std::vector<int> budgets;
  for (int at = 25; at < budget; at *= 2) budgets.push_back(at);
  budgets.push_back(budget);
  return budgets;
}

Status RunCampaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
                   const std::function<bool()>& interrupted) {
  return Campaign(options, progress, interrupted).Run();
}

}  // namespace qalam::bench
