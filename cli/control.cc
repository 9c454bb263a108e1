// SPDX-License-Identifier: Apache-2.0
#include "cli/control.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "cli/text.h"

namespace qalam {
namespace {

// Between a process that takes the database's lock and its socket, or that does one command on it.
constexpr std::chrono::milliseconds kPatience{10'000}, kLookAgain{20};
constexpr std::chrono::seconds kStopsWithin{120};  // a trial's grace and what a loaded machine adds

bool IsWord(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

void AddControl(Verb* verb, ControlOptions* options, const std::string& what) {
  verb->Option("TARGET", &options->target, what).Required();
  AddNamespace(verb, &options->namespace_name);
  AddDatabase(verb, &options->db);
}

Result<Target> FindTarget(StoreReader& reader, const std::string& namespace_name, const std::vector<std::string>& words,
                          Kinds kinds) {
  std::string kind, name = words.empty() ? "" : words.back();
  if (words.size() == 2) {
    kind = words[0];
  } else if (const std::size_t slash = name.find('/'); words.size() == 1 && slash != std::string::npos) {
    kind = name.substr(0, slash);
    name = name.substr(slash + 1);
  } else if (words.size() != 1) {
    return InvalidArgument("name one thing: exp NAME, trial NAME, or NAME alone");
  }
  if (!kind.empty() && !IsWord(kExperimentWords, kind) && !IsWord(kTrialWords, kind))
    return InvalidArgument("'{}' is neither 'exp' nor 'trial'", kind);
  const bool trial = !kind.empty() ? IsWord(kTrialWords, kind) : name.find('#') != std::string::npos;
  if (trial && kinds == Kinds::kExperiments) return InvalidArgument("an experiment is meant here, not a trial");
  if (!kind.empty() && !trial && kinds == Kinds::kTrials)
    return InvalidArgument("a trial is meant here, not an experiment");
  Target target;
  if (trial || kinds == Kinds::kTrials) {
    QALAM_TRY(FoundTrial found, LookUpTrial(reader, namespace_name, name));
    return Target{std::move(found.experiment), std::move(found.trial)};
  }
  if (kind.empty() && kinds == Kinds::kBoth) {
    const Result<Experiment> experiment = LookUpExperiment(reader, namespace_name, name);
    QALAM_TRY(const std::optional<Trial> named, reader.FindTrial(name));
    if (experiment.ok() && named)
      return InvalidArgument("'{}' is an experiment and a trial: say exp {} or trial {}", name, name, name);
    if (named) return FindTarget(reader, namespace_name, {"trial", name}, kinds);
    if (!experiment.ok()) return experiment.status();
    target.experiment = *experiment;
    return target;
  }
  QALAM_TRY(target.experiment, LookUpExperiment(reader, namespace_name, name));
  return target;
}

Result<std::unique_ptr<Control>> Control::Open(const std::string& db) {
  if (access(db.c_str(), F_OK) != 0)
    return Error(Code::kNotFound, "there is no database {}: qalam run makes one, --db FILE names another", db);
  std::unique_ptr<Control> control(new Control(db));
  for (auto patience = kPatience;; patience -= kLookAgain) {
    auto remote = RemoteHost::Connect(db);
    if (remote.ok()) {
      control->remote_ = *std::move(remote);
      return control;
    }
    auto holder = Holder::OpenPassive(db);
    if (holder.ok()) {
      control->holder_ = *std::move(holder);
      return control;
    }
    if (holder.status().code() != Code::kFailedPrecondition) return holder.status();
    if (patience <= patience.zero()) return holder.status().Within("nobody answers at its socket");
    std::this_thread::sleep_for(kLookAgain);
  }
}

Result<Node> Control::Do(const Node& command) { return held() ? remote_->Do(command) : holder_->DoHere(command); }

Status Control::WaitUntil(const std::function<Result<bool>()>& over) {
  const auto deadline = std::chrono::steady_clock::now() + kStopsWithin;
  while (true) {
    QALAM_TRY(const bool is_over, over());
    if (is_over) return OkStatus();
    if (std::chrono::steady_clock::now() > deadline)
      return Error(Code::kDeadlineExceeded, "it takes longer than {} s; what was asked for is recorded, and goes on",
                   kStopsWithin.count());
    if (held()) {
      if (remote_->gone())
        return Error(Code::kUnavailable,
                     "the qalam that held {} is gone; what was asked for is recorded, and goes on "
                     "with the next one",
                     db_);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    } else {
      holder_->RunFor(std::chrono::milliseconds(20));
    }
  }
}

std::string Control::DbOption() const { return db_ == kDefaultDatabase ? "" : " --db " + ShellWord(db_); }

std::string Control::GoesOn(const std::string& experiment) const {
  if (held()) return "";
  return fmt::format("nobody runs {} now; it goes on with: qalam resume exp {}{}\n", db_, experiment, DbOption());
}

std::string Trials(int n) { return fmt::format("{} trial{}", n, n == 1 ? "" : "s"); }

}  // namespace qalam
