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

}  // namespace

void AddControl(Verb* verb, ControlOptions* options, const std::string& what) {
  verb->Option("TARGET", &options->target, what).Required();
  AddNamespace(verb, &options->namespace_name);
  AddDatabase(verb, &options->db);
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

Result<std::vector<Target>> Control::Find(const ControlOptions& options, Kinds kinds) {
  QALAM_TRY(const std::vector<Reference> references, ReadReferences(options.target));
  if (references.front().name.empty()) return InvalidArgument("which one? Say {} NAME", options.target.front());
  return FindTargets(reader(), options.namespace_name, options.target, kinds);
}

Result<Target> Control::FindOne(const ControlOptions& options, Kinds kinds) {
  QALAM_TRY(const std::vector<Target> targets, Find(options, kinds));
  if (targets.size() > 1) return InvalidArgument("name one thing here: exp NAME, trial NAME, or NAME alone");
  return targets.front();
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
