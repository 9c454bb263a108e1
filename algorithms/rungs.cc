// SPDX-License-Identifier: Apache-2.0
#include "algorithms/rungs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/rng.h"

namespace qalam {
namespace {

constexpr double kSameCoordinate = 1e-6;  // of a continuous resource: text and back moves it by less

ParameterSpec SpecOf(const Parameter& parameter) {
  ParameterSpec spec{parameter.name, parameter.type, {}, parameter.condition};
  spec.feasible.list = parameter.list;
  spec.feasible.distribution = parameter.distribution;
  if (parameter.list.empty()) {
    spec.feasible.min = fmt::format("{}", parameter.min);
    spec.feasible.max = fmt::format("{}", parameter.max);
    if (parameter.step) spec.feasible.step = fmt::format("{}", *parameter.step);
  }
  return spec;
}

SearchSpace Without(const SearchSpace& space, std::size_t resource) {
  std::vector<ParameterSpec> specs;
  for (std::size_t i = 0; i < space.parameters().size(); ++i) {
    if (i != resource) specs.push_back(SpecOf(space.parameters()[i]));
  }
  Result<SearchSpace> out = SearchSpace::Create(specs);
  QALAM_CHECK(out.ok(), "parameters that were checked stay right");
  return *std::move(out);
}

// Where the parameter has the largest value that is not above `amount`, or its smallest.
double CoordinateOf(const SearchSpace& space, std::size_t index, double amount) {
  const Parameter& parameter = space.parameters()[index];
  const auto i = static_cast<Eigen::Index>(index);
  constexpr double kRounding = 1e-9;
  if (parameter.type == ParameterType::kDiscrete) {
    const auto above = std::ranges::upper_bound(parameter.list_values, amount * (1 + kRounding));
    const auto below = std::distance(parameter.list_values.begin(), above);
    return space.UnitOf(i, below == 0 ? 0 : static_cast<std::uint64_t>(below - 1));
  }
  const double inside = std::clamp(amount, parameter.min, parameter.max);
  if (parameter.levels > 0) {
    const double step = std::floor((inside - parameter.min) / parameter.step.value_or(1) + kRounding);
    return space.UnitOf(i, std::min(static_cast<std::uint64_t>(step), parameter.levels - 1));
  }
  const Result<double> unit = space.CoordinateOf(i, fmt::format("{}", inside));
  QALAM_CHECK(unit.ok(), "a value inside the range is legal");
  return *unit;
}

}  // namespace

RungSpace::RungSpace(const SearchSpace& space, std::size_t resource, const std::vector<double>& amounts)
    : configurations_(std::make_unique<const SearchSpace>(Without(space, resource))),
      resource_(static_cast<Eigen::Index>(resource)),
      continuous_(space.parameters()[resource].levels == 0) {
  for (const double amount : amounts) {
    const double at = CoordinateOf(space, resource, amount);
    if (at_.empty() || at > at_.back() + (continuous_ ? kSameCoordinate : 0)) at_.push_back(at);
    rung_for_.push_back(at_.size() - 1);
  }
  QALAM_CHECK(!at_.empty(), "there is a rung");
}

Eigen::VectorXd RungSpace::Point(const Eigen::VectorXd& configuration, std::size_t rung) const {
  Eigen::VectorXd point(configuration.size() + 1);
  point.head(resource_) = configuration.head(resource_);
  point[resource_] = at_[rung];
  point.tail(configuration.size() - resource_) = configuration.tail(configuration.size() - resource_);
  return point;
}

Eigen::VectorXd RungSpace::ConfigurationOf(const Eigen::Ref<const Eigen::VectorXd>& point) const {
  const Eigen::Index after = point.size() - 1 - resource_;
  Eigen::VectorXd configuration(point.size() - 1);
  configuration.head(resource_) = point.head(resource_);
  configuration.tail(after) = point.tail(after);
  return configuration;
}

// The levels of a finite parameter are wider than the tolerance, unless there are a million of them: then a neighbour's
// result is as good.
std::optional<std::size_t> RungSpace::RungOf(const Eigen::Ref<const Eigen::VectorXd>& point) const {
  for (std::size_t rung = 0; rung < at_.size(); ++rung) {
    if (std::abs(point[resource_] - at_[rung]) < kSameCoordinate) return rung;
  }
  return std::nullopt;
}

Result<std::size_t> FindResource(const SearchSpace& space, std::string_view name) {
  const auto& parameters = space.parameters();
  if (parameters.empty()) return 0u;  // settings that are asked about alone
  const auto found = std::ranges::find(parameters, name, &Parameter::name);
  if (found == parameters.end()) return InvalidArgument("value of resource_name setting must be in parameters.");
  if (found->type == ParameterType::kCategorical) {
    return InvalidArgument(
        "resource_name is '{}', a categorical parameter; it must be a number: double, int or discrete", name);
  }
  if (parameters.size() == 1) {
    return InvalidArgument("'{}' is the resource and the only parameter: there is nothing to tune", name);
  }
  if (found->condition) {
    return InvalidArgument("resource_name is '{}', which is there only if {}: every trial needs the resource", name,
                           ConditionText(*found->condition));
  }
  for (const Parameter& parameter : parameters) {
    if (parameter.condition && parameter.condition->parent == name) {
      return InvalidArgument(
          "resource_name is '{}', and parameter '{}' depends on it: a trial that gets more of the "
          "resource must stay the same in all else",
          name, parameter.name);
    }
  }
  return static_cast<std::size_t>(found - parameters.begin());
}

bool RungStanding::HasValue() const {
  return state == State::kDone && outcome == Outcome::kSucceeded && std::isfinite(y);
}

// The model of new configurations for one request: fitted to the highest rung of which enough is known.
class RungSearch::Model {
 public:
  Model(const SearchSpace& space, const Thinker& thinker, std::uint64_t seed, const Configurations& all,
        std::size_t rungs)
      : space_(space) {
    if (thinker.model == nullptr) return;
    const auto enough = space.dim() + 2;
    for (std::size_t rung = rungs; rung-- > 0;) {
      const auto known = std::ranges::count_if(all, [&](const Configuration& c) { return c.on[rung].HasValue(); });
      if (known < enough) continue;
      History history(space.dim());
      for (std::size_t i = 0; i < all.size(); ++i) {
        const RungStanding& standing = all[i].on[rung];
        if (standing.state == RungStanding::State::kDone) {
          history.Append(all[i].unit, standing.y, standing.outcome, i + 1);
        }
      }
      suggester_ = thinker.model->make({.space = space,
                                        .seed = seed,
                                        .settings = thinker.settings,
                                        .max_trials = std::nullopt,
                                        .parallel = std::nullopt});
      suggester_->Observe(history.View(), PendingOf(all));
      return;
    }
  }
  std::optional<Proposal> Propose(const Configurations& all) {
    if (suggester_ == nullptr) return std::nullopt;
    suggester_->Observe(History(space_.dim()).View(), PendingOf(all));
    Result<std::vector<Proposal>> proposals = suggester_->Suggest(1, all.size());
    if (!proposals.ok() || proposals->empty()) return std::nullopt;
    return std::move(proposals->front());
  }

 private:
  Pending PendingOf(const Configurations& all) const {
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::ranges::any_of(all[i].on,
                              [](const RungStanding& s) { return s.state == RungStanding::State::kPending; })) {
        which.push_back(i);
      }
    }
    Pending pending;
    pending.x.resize(space_.dim(), static_cast<Eigen::Index>(which.size()));
    for (const std::size_t i : which) {
      pending.x.col(static_cast<Eigen::Index>(pending.ordinal.size())) = all[i].unit;
      pending.ordinal.push_back(i + 1);
    }
    return pending;
  }

  const SearchSpace& space_;
  std::unique_ptr<Suggester> suggester_;
};

RungSearch::RungSearch(RungSpace space, Thinker thinker, std::uint64_t seed)
    : space_(std::move(space)), thinker_(std::move(thinker)), seed_(seed) {}

void RungSearch::Observe(const HistoryView& fresh, const Pending& pending) {
  for (Eigen::Index j = 0; j < fresh.size(); ++j) {
    finished_.push_back({fresh.x.col(j),
                         {RungStanding::State::kDone, fresh.outcome[j], fresh.y[j], fresh.ordinal[j]},
                         fresh.ordinal[j]});
  }
  pending_.clear();
  for (std::size_t j = 0; j < pending.ordinal.size(); ++j) {
    pending_.push_back({pending.x.col(static_cast<Eigen::Index>(j)),
                        {RungStanding::State::kPending, Outcome::kFailed, 0, 0},
                        pending.ordinal[j]});
  }
}

// A client that does not number its suggestions is read in the order in which its trials finished.
Configurations RungSearch::Read(SeenPoints* seen) const {
  std::vector<const Told*> told;
  for (const Told& t : finished_) told.push_back(&t);
  for (const Told& t : pending_) told.push_back(&t);
  std::ranges::stable_sort(told, {}, &Told::ordinal);
  Configurations all;
  std::unordered_map<std::uint64_t, std::size_t> known;
  for (const Told* t : told) {
    Eigen::VectorXd unit = space_.ConfigurationOf(t->point);
    seen->Add(unit);
    const std::optional<std::size_t> rung = space_.RungOf(t->point);
    if (!rung) continue;  // from elsewhere
    const auto [it, added] = known.try_emplace(seen->KeyOf(unit), all.size());
    if (added) all.push_back({std::move(unit), *rung, std::vector<RungStanding>(space_.rungs())});
    Configuration& configuration = all[it->second];
    configuration.start = std::min(configuration.start, *rung);
    RungStanding& standing = configuration.on[*rung];
    if (standing.state != RungStanding::State::kDone || (!standing.HasValue() && t->standing.HasValue())) {
      standing = t->standing;
    }
  }
  return all;
}

std::optional<Eigen::VectorXd> RungSearch::Draw(const Configurations& all, const SeenPoints& seen, Model* model,
                                                std::uint64_t ordinal, std::string* label) const {
  const bool by_chance =
      thinker_.random_share > 0 && Rng(seed_, "rungs.share", ordinal).Uniform() < thinker_.random_share;
  if (!by_chance) {
    std::optional<Proposal> proposal = model->Propose(all);
    if (proposal && !seen.Contains(proposal->unit)) {
      *label = std::move(proposal->label);
      return std::move(proposal->unit);
    }
  }
  *label = "random";
  const SearchSpace& space = space_.configurations();
  return UnseenPoint(space, seen, SeenPoints(space), seed_, "rungs.configuration", ordinal);
}

namespace {

// The trial that a promotion to `rung` goes on from: the longest one below it that came to its end. 0: none.
std::uint64_t LongestBelow(const Configuration& configuration, std::size_t rung) {
  for (std::size_t below = rung; below-- > 0;) {
    if (configuration.on[below].HasValue()) return configuration.on[below].ordinal;
  }
  return 0;
}

// When every configuration there is has been begun: the best of those that can still go up, whatever the rules of
// promotion say; those without a value yet come last.
std::optional<RungJob> AnyPromotion(const Configurations& all) {
  std::optional<RungJob> best;
  std::tuple<bool, std::size_t, double> best_key;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t top = all[i].on.size();
    while (top > 0 && all[i].on[top - 1].state == RungStanding::State::kNone) --top;
    if (top == 0 || top == all[i].on.size()) continue;
    const RungStanding& standing = all[i].on[top - 1];
    if (standing.state == RungStanding::State::kDone && !standing.HasValue()) continue;
    const bool waits = standing.state == RungStanding::State::kPending;
    const std::tuple key(waits, waits ? top : all[i].on.size() - top, waits ? 0.0 : standing.y);
    if (!best || key < best_key) best = RungJob{.configuration = i, .rung = top}, best_key = key;
  }
  return best;
}

}  // namespace

Result<std::vector<Proposal>> RungSearch::Suggest(int count, std::uint64_t ordinal) {
  std::vector<Proposal> out;
  if (count <= 0) return out;
  SeenPoints seen(space_.configurations());
  Configurations all = Read(&seen);
  Model model(space_.configurations(), thinker_, seed_, all, space_.rungs());
  while (static_cast<int>(out.size()) < count) {
    ++ordinal;
    RungJob job = Next(all);
    std::string how;
    if (!job.configuration) {
      if (std::optional<Eigen::VectorXd> unit = Draw(all, seen, &model, ordinal, &how)) {
        seen.Add(*unit);
        job.configuration = all.size();
        all.push_back({*std::move(unit), job.rung, std::vector<RungStanding>(space_.rungs())});
      } else if (const std::optional<RungJob> up = AnyPromotion(all)) {
        job = *up;
      } else {
        break;
      }
    }
    if (how.empty()) how = job.why;
    Configuration& configuration = all[*job.configuration];
    configuration.on[job.rung].state = RungStanding::State::kPending;
    Proposal& proposal = out.emplace_back();
    proposal.unit = space_.Point(configuration.unit, job.rung);
    proposal.label = fmt::format("rung {} of {}: {}", job.rung + 1, space_.rungs(), how);
    proposal.continues = proposal.replaces = LongestBelow(configuration, job.rung);
  }
  return out;
}

}  // namespace qalam
