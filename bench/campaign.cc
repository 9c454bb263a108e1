// SPDX-License-Identifier: Apache-2.0
#include "bench/campaign.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "bench/csv.h"
#include "bench/suites.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManifest = "campaign.txt";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What makes two campaigns the same; more problems, contenders and seeds may be added to one that is there.
std::string ManifestOf(const CampaignOptions& options) {
  return fmt::format("budget={}\nworkers={}\ncommon-start={}\nbudget-told={}\n", options.budget, options.workers,
                     options.common_start, options.budget_told);
}

std::string FileNameOf(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == ' ') c = '_';
  }
  return name;
}

struct Task {
  const ContenderSpec* contender;
  const std::string* problem;
  std::uint64_t seed;
};

std::string PathOf(const CampaignOptions& options, const Task& task) {
  return fmt::format("{}/runs/{}/{}/s{}.csv", options.out, FileNameOf(*task.problem), FileNameOf(task.contender->name),
                     task.seed);
}

std::string NumberText(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

// Whole or not at all.
Status WriteFile(const std::string& path, const std::string& text) {
  const std::string draft = path + ".tmp";
  std::ofstream file(draft, std::ios::binary);
  file << text;
  file.close();
  if (!file) return Error(Code::kUnavailable, "{} cannot be written: {}", draft, std::strerror(errno));
  std::error_code error;
  fs::rename(draft, path, error);
  if (error) return Error(Code::kUnavailable, "{} cannot be written: {}", path, error.message());
  return OkStatus();
}

class Campaign {
 public:
  Campaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
           const std::function<bool()>& interrupted)
      : options_(options), progress_(progress), interrupted_(interrupted) {}

  Status Run() {
    QALAM_RETURN_IF_ERROR(Open());
    for (const std::string& problem : options_.problems) {
      for (const ContenderSpec& contender : options_.contenders) {
        for (int seed = 1; seed <= options_.seeds; ++seed) {
          tasks_.push_back({&contender, &problem, static_cast<std::uint64_t>(seed)});
        }
      }
    }
    state_.all = static_cast<int>(tasks_.size());
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < std::max(1, options_.jobs); ++i) threads.emplace_back([this] { Work(); });
    }
    return fault_;
  }

 private:
  Status Open() {
    std::error_code error;
    fs::create_directories(options_.out + "/runs", error);
    if (error) return Error(Code::kUnavailable, "{}: {}", options_.out, error.message());
    const std::string path = options_.out + "/" + kManifest, wanted = ManifestOf(options_);
    if (!fs::exists(path)) return WriteFile(path, wanted);
    std::stringstream found;
    found << std::ifstream(path).rdbuf();
    if (found.str() == wanted) return OkStatus();
    return Error(Code::kFailedPrecondition, "{} holds another campaign:\n{}wanted is\n{}give another folder",
                 options_.out, found.str(), wanted);
  }

  void Work() {
    while (!interrupted_()) {
      const std::size_t at = next_++;
      if (at >= tasks_.size()) return;
      const Status status = fs::exists(PathOf(options_, tasks_[at])) ? OkStatus() : RunOne(tasks_[at]);
      const std::scoped_lock lock(mutex_);
      if (!status.ok() && status.code() == Code::kUnavailable) {  // the disk: no run can be kept
        fault_ = status;
        next_ = tasks_.size();
        return;
      }
      ++(status.ok() ? state_.done : state_.failed);
      progress_(state_);
    }
  }

  Status RunOne(const Task& task) {
    const std::string path = PathOf(options_, task);
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    Status status = Execute(task, path);
    if (status.ok()) {
      fs::remove(path + ".failed", error);
      return status;
    }
    QALAM_RETURN_IF_ERROR(WriteFile(path + ".failed", status.message() + "\n"));
    return Error(Code::kUnknown, "{}", status.message());
  }

  Status Execute(const Task& task, const std::string& path) {
    QALAM_TRY(const auto problem, ProblemFor(*task.problem));
    const RunKey key{*task.problem,    task.contender->name,  task.seed,           options_.budget,
                     options_.workers, options_.common_start, options_.budget_told};
    QALAM_TRY(const RunResult result, bench::Execute(key, *problem, [&] {
                return MakeBuiltin(*task.contender, *problem, task.seed,
                                   options_.budget_told ? std::optional(options_.budget) : std::nullopt);
              }));
    std::string trials = "number,asked,ended,value,worth\n";
    double seconds = 0;
    for (const TrialRow& row : result.trials) {
      trials += fmt::format("{},{},{},{},{}\n", row.number, row.asked, row.ended, NumberText(row.value),
                            NumberText(row.worth));
      seconds += row.suggest_seconds;
    }
    // Beside it, since it is another each time: the mean processor time of a suggestion.
    const double mean = seconds / std::max<double>(1, static_cast<double>(result.trials.size()));
    QALAM_RETURN_IF_ERROR(WriteFile(path.substr(0, path.size() - 4) + ".seconds", fmt::format("{}\n", mean)));
    return WriteFile(path, trials);
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
  const std::function<void(const Progress&)>& progress_;
  const std::function<bool()>& interrupted_;
  std::vector<Task> tasks_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_, problems_mutex_;
  Progress state_;
  Status fault_;
  std::map<std::string, std::shared_ptr<const Problem>> problems_;
};

// Random search's median after one trial: the yardstick that regret is measured with.
double RandomMedian(const Problem& problem) {
  constexpr std::uint64_t kPoints = 1'001;
  std::vector<double> worths;
  for (std::uint64_t i = 0; i < kPoints; ++i) {
    Rng rng(20'260'101, "bench.median", i);
    Eigen::VectorXd unit(problem.space().dim());
    for (double& u : unit) u = rng.Uniform();
    const double worth = problem.Worth(problem.space().Decode(unit));
    if (std::isfinite(worth)) worths.push_back(worth);
  }
  return Median(std::move(worths));
}

// The worth of the trial that the run would name the best after so many: the one with the smallest value.
std::vector<double> ReadAt(const Csv& run, const std::vector<int>& budgets) {
  std::vector<double> read;
  double value = kNan, worth = kNan;
  std::size_t row = 0;
  for (const int budget : budgets) {
    for (; row < run.rows() && row < static_cast<std::size_t>(budget); ++row) {
      const double found = run.Number(row, 3);
      if (std::isnan(found) || !(std::isnan(value) || found < value)) continue;
      value = found;
      worth = run.Number(row, 4);
    }
    read.push_back(worth);
  }
  return read;
}

}  // namespace

Status RunCampaign(const CampaignOptions& options, const std::function<void(const Progress&)>& progress,
                   const std::function<bool()>& interrupted) {
  return Campaign(options, progress, interrupted).Run();
}

Result<CampaignSummary> Summarise(const CampaignOptions& options) {
  CampaignSummary summary;
  for (int budget = 25; budget < options.budget; budget *= 2) summary.budgets.push_back(budget);
  summary.budgets.push_back(options.budget);
  const std::size_t contenders = options.contenders.size();
  std::vector<Scores> scores(summary.budgets.size(), Scores(contenders));
  std::vector<std::vector<double>> seconds(contenders);
  for (const std::string& name : options.problems) {
    auto problem = MakeProblem(name, options.data);
    if (!problem.ok()) {
      summary.failures.push_back(fmt::format("{}: {}", name, problem.status().message()));
      continue;
    }
    const double median = RandomMedian(**problem), best = (*problem)->best();
    std::vector<std::vector<std::vector<double>>> of_problem(summary.budgets.size(),
                                                             std::vector<std::vector<double>>(contenders));
    for (int seed = 1; seed <= options.seeds; ++seed) {
      std::vector<std::vector<double>> of_seed;  // by contender, by budget
      for (std::size_t c = 0; c < contenders; ++c) {
        const std::string path = PathOf(options, {&options.contenders[c], &name, static_cast<std::uint64_t>(seed)});
        const auto run = Csv::Read(path);
        if (!run.ok()) {
          std::string why = "it has not been run";
          if (std::ifstream failed(path + ".failed"); failed) std::getline(failed, why);
          summary.failures.push_back(fmt::format("{} on {}, seed {}: {}", options.contenders[c].name, name, seed, why));
          continue;
        }
        of_seed.push_back(ReadAt(*run, summary.budgets));
        double mean = 0;
        if (std::ifstream(path.substr(0, path.size() - 4) + ".seconds") >> mean) seconds[c].push_back(1e3 * mean);
      }
      if (of_seed.size() != contenders) continue;  // only what all have done is compared
      ++summary.runs;
      for (std::size_t b = 0; b < summary.budgets.size(); ++b) {
        for (std::size_t c = 0; c < contenders; ++c) of_problem[b][c].push_back(LogRegret(of_seed[c][b], best, median));
      }
    }
    for (std::size_t b = 0; b < summary.budgets.size() && !of_problem[b].front().empty(); ++b) {
      for (std::size_t c = 0; c < contenders; ++c) scores[b][c].push_back(std::move(of_problem[b][c]));
    }
  }
  for (std::size_t b = 0; b < summary.budgets.size() && summary.runs > 0; ++b) {
    summary.standings.push_back(Stand(scores[b], 1));
  }
  for (auto& of_contender : seconds) summary.suggest_milliseconds.push_back(Median(std::move(of_contender)));
  return summary;
}

}  // namespace qalam::bench
