// SPDX-License-Identifier: Apache-2.0
// What the trials of one experiment taught so far, as algorithms read it: columnar, in the unit cube, minimised.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

namespace qalam {

enum class Outcome : std::uint8_t { kSucceeded, kEarlyStopped, kFailed };

// Finished trials, oldest first. Column j of `x` is trial j in the unit cube (d rows); `y[j]` is minimised and NaN
// where the trial gave no finite value; an early-stopped trial's y is its last value, a lower fidelity.
// Borrowed from History: valid until the next Append. Not thread-safe.
struct HistoryView {
  Eigen::Map<const Eigen::MatrixXd> x;
  Eigen::Map<const Eigen::VectorXd> y;
  const Outcome* outcome;
  const std::uint64_t* ordinal;
  const std::string* label;  // what its suggester wrote on it; empty: it came from elsewhere, or nobody kept it
  Eigen::Index size() const { return y.size(); }
};

// Trials that were proposed and have no result: column j is one point, `ordinal[j]` its suggestion number.
struct Pending {
  Eigen::MatrixXd x;
  std::vector<std::uint64_t> ordinal;
  std::vector<std::string> label = {};  // beside `ordinal`, or shorter: then the rest is not known
};

class History {
 public:
  explicit History(Eigen::Index dim) : dim_(dim) {}
  // O(d), amortised. `ordinal` counts suggestions of the experiment from 1; 0 where the trial came from elsewhere.
  void Append(const Eigen::Ref<const Eigen::VectorXd>& unit, double y, Outcome outcome, std::uint64_t ordinal,
              std::string label = {});
  Eigen::Index size() const { return static_cast<Eigen::Index>(y_.size()); }
  HistoryView View(Eigen::Index from = 0) const;  // trials from, from+1, ...

 private:
  Eigen::Index dim_;
  std::vector<double> x_, y_;
  std::vector<Outcome> outcome_;
  std::vector<std::uint64_t> ordinal_;
  std::vector<std::string> label_;
};

}  // namespace qalam
