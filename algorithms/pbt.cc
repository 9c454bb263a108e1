// SPDX-License-Identifier: Apache-2.0
// A member is a line of trials, each going on from the one before. Which generation of which member a trial is stands
// in its label, so the population is read off the history and a restart loses nothing.
//
// Nobody waits for a generation to be complete: a member that is free is compared with what each other one had reached
// by the same generation, and what the slow ones have reached is less, so they do not push it out. Of each member the
// last two checkpoints are kept: a loser takes the winner's of its own generation, or, where that is gone, the newest.
#include "algorithms/pbt.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/seen.h"
#include "algorithms/sobol.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr double kSmaller = 0.8, kLarger = 1.2;
constexpr double kLeastMove = 0.02;             // of the range, where a fifth of the value is less: near zero
constexpr std::size_t kKept = 2;                // checkpoints of a member, while it goes on
constexpr std::size_t kMostMembers = 1u << 20;  // labels may be anybody's

struct Place {
  std::size_t generation = 0, member = 0;
};

std::string LabelFor(const Place& place, std::string_view how) {
  return fmt::format("generation {}, member {}: {}", place.generation, place.member + 1, how);
}

std::optional<std::size_t> NumberAfter(std::string_view word, std::string_view* text) {
  if (!text->starts_with(word)) return std::nullopt;
  std::size_t number = 0;
  const char* const begin = text->data() + word.size();
  const auto [end, error] = std::from_chars(begin, text->data() + text->size(), number);
  if (error != std::errc() || number >= kMostMembers) return std::nullopt;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  return number;
}

std::optional<Place> ReadLabel(std::string_view label) {
  const std::optional<std::size_t> generation = NumberAfter("generation ", &label);
  const std::optional<std::size_t> member = generation ? NumberAfter(", member ", &label) : std::nullopt;
  if (!member || *member == 0 || !label.starts_with(": ")) return std::nullopt;
  return Place{*generation, *member - 1};
}

Eigen::VectorXd Drawn(Eigen::Index dim, std::uint64_t seed, std::string_view purpose, std::uint64_t ordinal) {
  Rng rng(seed, purpose, ordinal);
  Eigen::VectorXd unit(dim);
  for (double& u : unit) u = rng.Uniform();
  return unit;
}

struct Reached {
  std::size_t generation = 0;
  double y = 0;
  std::uint64_t ordinal = 0;
  Eigen::VectorXd unit;
};

struct Member {
  std::vector<Reached> line;  // generations rise by one each
  int failures = 0;           // of the next generation
  bool busy = false;
  std::size_t next() const { return line.empty() ? 0 : line.back().generation + 1; }
  const Reached* By(std::size_t generation) const {
    const Reached* found = nullptr;
    for (const Reached& reached : line) {
      if (reached.generation <= generation) found = &reached;
    }
    return found;
  }
};

class Pbt final : public Suggester {
 public:
  Pbt(const SearchSpace& space, const PbtSettings& settings, std::uint64_t seed)
      : space_(space),
        members_(static_cast<std::size_t>(*settings.n_population)),
        truncation_(std::min(*settings.truncation_threshold, 0.5)),
        resample_(settings.resample_probability.value_or(0)),
        seed_(seed) {
    if (space.dim() <= kSobolMaxDimensions) design_.emplace(space.dim(), seed);
  }

  void Observe(const HistoryView& fresh, const Pending& pending) override {
    for (Eigen::Index j = 0; j < fresh.size(); ++j) {
      const std::optional<Place> place = ReadLabel(fresh.label[j]);
      if (!place) continue;  // from elsewhere
      const bool good = fresh.outcome[j] == Outcome::kSucceeded && std::isfinite(fresh.y[j]);
      Told& told = told_[{place->member, place->generation}];
      if (!good) {
        ++told.failures;
      } else if (!told.reached || told.reached->ordinal > fresh.ordinal[j]) {
        told.reached = Reached{place->generation, fresh.y[j], fresh.ordinal[j], fresh.x.col(j)};
      }
    }
    pending_.clear();
    for (const std::string& label : pending.label) {
      if (const std::optional<Place> place = ReadLabel(label)) pending_.push_back(*place);
    }
  }

  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t) override {
    std::vector<Proposal> out;
    std::vector<Member> population = Read();
    while (static_cast<int>(out.size()) < count) {
      const std::size_t member = NextOf(&population);
      out.push_back(Propose(population, member));
      population[member].busy = true;
    }
    return out;
  }

 private:
  struct Told {
    std::optional<Reached> reached;
    int failures = 0;
  };

  std::vector<Member> Read() const {
    std::vector<Member> population(members_);
    const auto grow = [&](std::size_t member) -> Member& {
      if (member >= population.size()) population.resize(member + 1);
      return population[member];
    };
    for (const auto& [place, told] : told_) {  // by member, then generation
      Member& member = grow(place.first);
      if (told.reached) {
        member.line.push_back(*told.reached);
        member.failures = 0;
      } else {
        member.failures = told.failures;
      }
    }
    for (const Place& place : pending_) grow(place.member).busy = true;
    return population;
  }

  // The one that is furthest behind, of those that are free. More trials at once than members: the population grows.
  static std::size_t NextOf(std::vector<Member>* population) {
    std::optional<std::size_t> next;
    const auto key = [&](std::size_t i) { return std::pair((*population)[i].next(), (*population)[i].failures); };
    for (std::size_t i = 0; i < population->size(); ++i) {
      if (!(*population)[i].busy && (!next || key(i) < key(*next))) next = i;
    }
    if (next) return *next;
    population->emplace_back();
    return population->size() - 1;
  }

  Proposal Propose(const std::vector<Member>& population, std::size_t index) {
    const Member& member = population[index];
    const std::uint64_t stream = MixHash(MixHash(index, member.next()), static_cast<std::uint64_t>(member.failures));
    Proposal proposal;
    proposal.generation = static_cast<int>(member.next());
    const Place place{member.next(), index};
    if (member.line.empty()) {
      proposal.unit = FirstPoint(index, member.failures, stream);
      proposal.label = LabelFor(place, "drawn");
      return proposal;
    }
    const Reached& own = member.line.back();
    if (member.line.size() >= kKept) proposal.replaces = member.line[member.line.size() - kKept].ordinal;
    if (const Reached* winner = WinnerFor(population, index, stream)) {
      proposal.unit = Explore(space_, winner->unit, resample_, seed_, stream);
      proposal.continues = winner->ordinal;
      proposal.label = LabelFor(place, fmt::format("goes on from #{}, with other values", winner->ordinal));
    } else {
      proposal.unit = own.unit;
      proposal.continues = own.ordinal;
      proposal.label = LabelFor(place, "goes on");
    }
    return proposal;
  }

  Eigen::VectorXd FirstPoint(std::size_t index, int failures, std::uint64_t stream) {
    const bool drawn = failures > 0 || !design_;
    Eigen::VectorXd unit = drawn ? Drawn(space_.dim(), seed_, "pbt.first", stream) : design_->Point(index);
    if (drawn && !space_.conditional()) return unit;
    MoveToLevels(space_, &unit);
    return unit;
  }

  // Whom it is to follow: nullptr, itself. One whose last trial failed follows another one if there is any: what it was
  // told to do does not work.
  const Reached* WinnerFor(const std::vector<Member>& population, std::size_t index, std::uint64_t stream) const {
    const std::size_t generation = population[index].line.back().generation;
    std::vector<std::pair<double, std::size_t>> ranked;  // the best first
    for (std::size_t i = 0; i < population.size(); ++i) {
      if (const Reached* reached = population[i].By(generation)) ranked.emplace_back(reached->y, i);
    }
    std::ranges::sort(ranked);
    const auto share = static_cast<std::size_t>(std::floor(truncation_ * static_cast<double>(ranked.size()) + 1e-9));
    const std::size_t rank = static_cast<std::size_t>(
        std::ranges::find(ranked, index, &std::pair<double, std::size_t>::second) - ranked.begin());
    const bool failed = population[index].failures > 0;
    if (!failed && rank + share < ranked.size()) return nullptr;
    std::erase_if(ranked, [&](const auto& entry) { return entry.second == index; });
    const std::size_t best = std::min(ranked.size(), std::max<std::size_t>(share, failed ? 1 : 0));
    if (best == 0) return nullptr;
    Rng rng(seed_, "pbt.winner", stream);
    const Member& winner = population[ranked[rng.Below(best)].second];
    const Reached* reached = winner.By(generation);
    return reached->generation + kKept <= winner.line.back().generation ? &winner.line.back() : reached;
  }

  const SearchSpace& space_;
  const std::size_t members_;
  const double truncation_, resample_;
  const std::uint64_t seed_;
  std::optional<ScrambledSobol> design_;
  std::map<std::pair<std::size_t, std::size_t>, Told> told_;  // by member and generation
  std::vector<Place> pending_;
};

// ---------------------------------------------------------------- other values

double ValueOf(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// One level further, up or down as `up` says, the other way at the end; a list of choices is a ring.
double NextLevel(const SearchSpace& space, Eigen::Index i, double unit, bool up) {
  const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
  const std::uint64_t levels = parameter.levels, level = space.LevelOf(i, unit);
  if (levels < 2) return unit;
  if (parameter.type == ParameterType::kCategorical) return space.UnitOf(i, (level + (up ? 1 : levels - 1)) % levels);
  if (level == 0) up = true;
  if (level + 1 == levels) up = false;
  return space.UnitOf(i, up ? level + 1 : level - 1);
}

// A number moved to 0.8 or 1.2 of itself, inside its range and on its steps.
double Scaled(const SearchSpace& space, Eigen::Index i, double unit, bool up) {
  const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
  const bool log =
      parameter.distribution == Distribution::kLogUniform || parameter.distribution == Distribution::kLogNormal;
  const double value = ValueOf(space.TextAt(i, unit));
  const double least = log ? 0 : kLeastMove * (parameter.max - parameter.min);
  const auto moved = [&](bool larger) {
    const double move = std::max(std::abs(value) * (larger ? kLarger - 1 : 1 - kSmaller), least);
    return std::clamp(larger ? value + move : value - move, parameter.min, parameter.max);
  };
  double to = moved(up);
  if (to == value) to = moved(!up);
  Assignments changed = {{parameter.name, parameter.type == ParameterType::kInt ? fmt::format("{:.0f}", std::round(to))
                                                                                : fmt::format("{}", to)}};
  space.MoveToSteps(&changed);
  const Result<double> moved_to = space.CoordinateOf(i, changed[0].value);
  QALAM_CHECK(moved_to.ok(), "a number inside its range and on a step is legal");
  return *moved_to;
}

}  // namespace

Eigen::VectorXd Explore(const SearchSpace& space, const Eigen::VectorXd& unit, double resample, std::uint64_t seed,
                        std::uint64_t ordinal) {
  Rng rng(seed, "pbt.explore", ordinal);
  const Eigen::VectorXd drawn = Drawn(space.dim(), seed, "pbt.resample", ordinal);
  const std::vector<char> active = space.ActiveAt(unit);
  Eigen::VectorXd out = unit;
  for (Eigen::Index i = 0; i < space.dim(); ++i) {
    const Parameter& parameter = space.parameters()[static_cast<std::size_t>(i)];
    const bool anew = rng.Uniform() < resample || !active[static_cast<std::size_t>(i)], up = rng.Below(2) == 0;
    if (anew) {
      out[i] = drawn[i];
      continue;
    }
    const bool number = parameter.type == ParameterType::kDouble || parameter.type == ParameterType::kInt;
    if (number) out[i] = Scaled(space, i, unit[i], up);
    const bool stays = parameter.levels > 0 && space.LevelOf(i, out[i]) == space.LevelOf(i, unit[i]);
    if (!number || stays) out[i] = NextLevel(space, i, unit[i], up);
  }
  if (space.conditional()) MoveToLevels(space, &out);
  return out;
}

Status ValidatePbt(const AlgorithmContext& context) {
  std::string missing;
  for (const std::string_view name : {"suggestion_trial_dir", "n_population", "truncation_threshold"}) {
    if (std::ranges::find(context.settings, name, &Setting::name) == context.settings.end())
      missing.append(missing.empty() ? "" : ", ").append(name);
  }
  if (!missing.empty()) return InvalidArgument("Required params missing: {}", missing);
  const std::string_view folder = kPbtSettings.Parse(context.settings).suggestion_trial_dir;
  if (!folder.starts_with('/') || folder.find_first_not_of('/') == std::string_view::npos) {
    return InvalidArgument("suggestion_trial_dir is '{}': it must be the absolute path of a folder below /", folder);
  }
  return OkStatus();
}

std::unique_ptr<Suggester> MakePbt(const AlgorithmContext& context) {
  const PbtSettings settings = kPbtSettings.Parse(context.settings);
  return std::make_unique<Pbt>(context.space, settings, SeedOf(context, settings.random_state));
}

}  // namespace qalam
