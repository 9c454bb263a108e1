// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <utility>

#include "algorithms/suggester.h"
#include "bench/contender.h"
#include "core/history.h"

namespace qalam::bench {
namespace {

class Builtin final : public Contender {
 public:
  Builtin(const SearchSpace& space, std::unique_ptr<Suggester> suggester)
      : space_(space), suggester_(std::move(suggester)), history_(space.dim()) {}

  Result<std::vector<Assignments>> Ask(int count) override {
    Pending pending;
    pending.x.resize(space_.dim(), static_cast<Eigen::Index>(pending_.size()));
    for (const auto& [number, unit] : pending_) {
      pending.x.col(static_cast<Eigen::Index>(pending.ordinal.size())) = unit;
      pending.ordinal.push_back(number);
    }
    suggester_->Observe(history_.View(std::exchange(observed_, history_.size())), pending);
    QALAM_TRY(const std::vector<Proposal> proposals, suggester_->Suggest(count, asked_));
    std::vector<Assignments> points;
    for (const Proposal& proposal : proposals) {
      points.push_back(space_.Decode(proposal.unit));
      QALAM_TRY(pending_[++asked_], space_.Encode(points.back()));
    }
    return points;
  }

  Status Tell(std::uint64_t number, const Assignments& point, double value) override {
    return Append(number, point, value, Outcome::kSucceeded);
  }
  Status TellStopped(std::uint64_t number, const Assignments& point, double value) override {
    return Append(number, point, value, Outcome::kEarlyStopped);
  }

 private:
  Status Append(std::uint64_t number, const Assignments& point, double value, Outcome outcome) {
    Eigen::VectorXd unit;
    if (const auto found = pending_.find(number); found != pending_.end()) {
      unit = std::move(found->second);
      pending_.erase(found);
    } else {
      QALAM_TRY(unit, space_.Encode(point));
    }
    history_.Append(unit, value, std::isfinite(value) ? outcome : Outcome::kFailed, number);
    return OkStatus();
  }

  const SearchSpace& space_;
  std::unique_ptr<Suggester> suggester_;
  History history_;
  Eigen::Index observed_ = 0;
  std::uint64_t asked_ = 0;
  std::map<std::uint64_t, Eigen::VectorXd> pending_;
};

}  // namespace

Status Contender::TellStopped(std::uint64_t, const Assignments&, double) {
  return InvalidArgument("it cannot be told of a trial that was stopped");
}

std::string_view KindWord(ContenderSpec::Kind kind) {
  switch (kind) {
    case ContenderSpec::Kind::kBuiltin: return "builtin";
    case ContenderSpec::Kind::kPeer: return "peer";
    case ContenderSpec::Kind::kService: return "service";
  }
  return "";
}

Result<std::unique_ptr<Contender>> MakeBuiltin(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                               std::optional<int> max_trials, int workers) {
  const AlgorithmInfo* const algorithm = FindAlgorithm(spec.algorithm);
  if (algorithm == nullptr) return Error(Code::kNotFound, "there is no algorithm '{}'", spec.algorithm);
  const AlgorithmContext context{problem.space(), seed, spec.settings, max_trials, workers};
  QALAM_RETURN_IF_ERROR(ValidateAlgorithm(*algorithm, context));
  return std::unique_ptr<Contender>(std::make_unique<Builtin>(problem.space(), algorithm->make(context)));
}

}  // namespace qalam::bench
