// SPDX-License-Identifier: Apache-2.0
// The contract of every live early-stopping rule: a function of the learning curves of one experiment.
// No I/O, clock, threads or luck. tests/earlystop/conformance_test.cc tries every registered one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"
#include "core/settings.h"
#include "earlystop/curves.h"

namespace qalam {

struct Verdict {
  bool stop = false;
  std::string reason;  // of a stop, for people: "worse than 12 of 15 trials at step 8"
};

// What a rule keeps beside the curves is an index of them: it follows from the same reports, whatever their
// interleaving, so that a rule which is built anew after a crash decides as the old one would have.
class StoppingRule {
 public:
  virtual ~StoppingRule() = default;
  // The trial has reported; the curves hold it already.
  virtual void Reported(const Curves& /*curves*/, std::uint64_t /*trial*/) {}
  // Its reports are about to be forgotten: it begins anew.
  virtual void Forgotten(const Curves& /*curves*/, std::uint64_t /*trial*/) {}
  // Asked after a report of a step beyond all before it. 100,000 reports in an experiment: still below a millisecond.
  virtual Verdict Judge(const Curves& curves, std::uint64_t trial) = 0;
  // For people: see LiveStopping. Values as in the curves.
  virtual std::vector<Rung> Rungs(const Curves& /*curves*/) const { return {}; }
};

struct StoppingContext {
  std::span<const Setting> settings;  // already valid
  bool maximize = false;              // the objective: its values are negated in the curves
};

struct StoppingRuleInfo {
  std::string_view name;     // as in spec.earlyStopping.algorithmName
  std::string_view summary;  // one line for people
  const SettingsTable* settings;
  std::unique_ptr<StoppingRule> (*make)(const StoppingContext& context);
  // What the table cannot say. May be null. INVALID_ARGUMENT.
  Status (*validate)(const StoppingContext& context);
};

std::span<const StoppingRuleInfo> StoppingRules();                // sorted by name
const StoppingRuleInfo* FindStoppingRule(std::string_view name);  // nullptr: not registered
// Table and `validate` together: "unknown setting X for algorithm Y" and the like, as Katib's services say it.
Status ValidateStoppingRule(std::string_view name, std::span<const Setting> settings);

}  // namespace qalam
