// SPDX-License-Identifier: Apache-2.0
// qalam wait: until an experiment or a trial is where it is wanted, for scripts.
#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/control.h"
#include "experiment/status.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kLookAgain{100};

struct WaitOptions : ControlOptions {
  std::string wanted = "complete";
  std::string timeout;
};

// "10m", "1h30m", "45s", "500ms", "90" (seconds).
Result<std::chrono::milliseconds> ParseDuration(const std::string& text) {
  std::chrono::milliseconds sum{0};
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t digits = at;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    std::size_t unit = digits;
    while (unit < text.size() && (text[unit] < '0' || text[unit] > '9')) ++unit;
    const std::string word = text.substr(digits, unit - digits);
    if (digits == at || digits - at > 9 || (word.empty() && at > 0)) break;
    const std::int64_t n = std::atoll(text.substr(at, digits - at).c_str());
    if (word == "ms")
      sum += std::chrono::milliseconds(n);
    else if (word == "s" || word.empty())
      sum += std::chrono::seconds(n);
    else if (word == "m")
      sum += std::chrono::minutes(n);
    else if (word == "h")
      sum += std::chrono::hours(n);
    else if (word == "d")
      sum += std::chrono::hours(24 * n);
    else
      break;
    at = unit;
  }
  if (text.empty() || at < text.size()) return InvalidArgument("'{}' is no duration: 10m, 1h30m, 45s, 500ms", text);
  return sum;
}

struct Now {
  std::string state;  // in small letters, as --for names it
  bool ended = false;
  std::string why;  // it ended so
};

std::string Small(std::string_view word) {
  std::string out;
  for (const char c : word) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

Result<Now> Look(StoreReader& reader, const Target& target) {
  if (target.trial) {
    QALAM_TRY(const auto trial, reader.FindTrial(target.trial->name));
    if (!trial) return Now{"deleted", true, "it was deleted"};
    return Now{Small(ToString(trial->state)), IsFinal(trial->state), std::string(ToString(trial->state))};
  }
  QALAM_TRY(const auto e, reader.FindExperiment(target.experiment.namespace_name, target.experiment.name));
  if (!e || e->id != target.experiment.id) return Now{"deleted", true, "it was deleted"};
  Now now{Small(StatusWord(*e)), IsFinal(e->state) && !IsBeingDeleted(*e), ""};
  now.why = fmt::format("it ended {} ({})", ToString(e->state), EndReason(*e));
  return now;
}

bool IsMet(const std::string& wanted, const Now& now) {
  if (wanted == "complete") return now.ended && now.state != "deleted";
  return now.state == wanted;
}

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

int WaitFor(StoreReader& reader, const WaitOptions& options, const Reference& reference, const std::string& wanted,
            const Deadline& deadline) {
  const auto target = FindTarget(reader, options.namespace_name, reference, Kinds::kBoth);
  if (!target.ok()) {
    const bool gone = target.status().code() == Code::kNotFound && wanted == "deleted";
    if (gone) Print("condition met\n");
    return gone ? static_cast<int>(kDone) : Complain(target.status());
  }
  const std::string name = target->trial ? "trial/" + target->trial->name : "experiment/" + target->experiment.name;
  bool warned = false;
  while (true) {
    const auto now = Look(reader, *target);
    if (!now.ok()) return Complain(now.status());
    if (IsMet(wanted, *now)) {
      Print(fmt::format("{} condition met\n", name));
      return kDone;
    }
    if (now->ended && wanted != "deleted") {
      std::fprintf(stderr, "qalam: %s will not be %s: %s\n", name.c_str(), wanted.c_str(), now->why.c_str());
      return kExperimentFailed;
    }
    if (deadline && std::chrono::steady_clock::now() >= *deadline) {
      std::fprintf(stderr, "qalam: timed out: %s is %s, not %s\n", name.c_str(), now->state.c_str(), wanted.c_str());
      return kTimedOut;
    }
    if (!warned && !RemoteHost::Connect(options.db).ok()) {
      std::fprintf(stderr, "qalam: nobody runs %s now: qalam resume exp %s\n", options.db.c_str(),
                   target->experiment.name.c_str());
    }
    warned = true;
    std::fflush(stdout);
    std::this_thread::sleep_for(kLookAgain);
  }
}

int Wait(const WaitOptions& options) {
  Deadline deadline;
  if (!options.timeout.empty()) {
    const auto time = ParseDuration(options.timeout);
    if (!time.ok()) return Complain(time.status().Within("--timeout"));
    deadline = std::chrono::steady_clock::now() + *time;
  }
  std::string wanted = Small(options.wanted);
  if (wanted.starts_with("condition=")) wanted = wanted.substr(10);
  if (wanted == "delete") wanted = "deleted";  // kubectl's word
  static const std::vector<std::string> kKnown = {
      "created", "running",  "paused",  "restarting",   "succeeded",         "failed",
      "killed",  "complete", "deleted", "earlystopped", "metricsunavailable"};
  if (std::ranges::find(kKnown, wanted) == kKnown.end()) {
    std::string known;
    for (const std::string& word : kKnown) known += (known.empty() ? "" : ", ") + word;
    return Complain(InvalidArgument("--for={} is none of: {}", options.wanted, known));
  }
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const auto references = ReadReferences(options.target);
  if (!references.ok()) return Complain(references.status());
  int code = kDone;  // the first that went wrong
  for (const Reference& reference : *references) {
    const int one = WaitFor(**reader, options, reference, wanted, deadline);
    if (code == kDone) code = one;
  }
  return code;
}

}  // namespace

Verb MakeWaitVerb() {
  const auto o = std::make_shared<WaitOptions>();
  Verb wait{"wait", "until an experiment or a trial has ended, or is what is wanted; exit code 5 on time-out"};
  wait.footer = "Examples:\n  qalam wait exp/digits --for=succeeded --timeout=10m\n  qalam wait trial/digits-x7kq2m4n";
  AddControl(&wait, o.get(), "exp/NAME, trial/NAME, EXPERIMENT#17, or NAME; or several");
  wait.Option("--for", &o->wanted, "complete, succeeded, failed, running, paused, deleted, killed, ...")
      .Type("CONDITION");
  wait.Option("--timeout", &o->timeout, "how long (default: for ever)").Type("10m");
  wait.run = [o](const Invocation&) { return Wait(*o); };
  return wait;
}

}  // namespace qalam
