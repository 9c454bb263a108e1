// SPDX-License-Identifier: Apache-2.0
#include "algorithms/hyperband.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "algorithms/rungs.h"

namespace qalam {
namespace {

constexpr double kRounding = 1e-9;

int EtaOf(const HyperbandSettings& settings) {
  const double eta = std::trunc(settings.eta);
  return eta <= 0 ? 3 : static_cast<int>(std::min(eta, 1e9));
}

// s_max of the paper. Katib's own logarithm makes 4 of r_l 243 and eta 3.
int MostHalvings(const HyperbandSettings& settings) {
  const double halvings = std::log(*settings.r_l) / std::log(EtaOf(settings));
  return static_cast<int>(std::max(0.0, std::floor(halvings + kRounding)));
}

struct Step {
  std::size_t rung;
  std::size_t size;  // configurations
};
using Shape = std::vector<Step>;  // of one bracket, from its lowest rung up

std::vector<Shape> ShapesOf(const RungSpace& space, int eta, int s_max) {
  std::vector<Shape> shapes;
  for (int s = s_max; s >= 0; --s) {
    const double first = std::ceil((s_max + 1) * std::pow(eta, s) / (s + 1) - kRounding);
    Shape& shape = shapes.emplace_back();
    for (int i = 0; i <= s; ++i) {
      const std::size_t rung = space.RungFor(static_cast<std::size_t>(s_max - s + i));
      if (!shape.empty() && shape.back().rung == rung) continue;
      const double size = std::max(1.0, std::floor(first * std::pow(eta, -i) + kRounding));
      shape.push_back({rung, static_cast<std::size_t>(size)});
    }
  }
  return shapes;
}

// Brackets come in turn and again from the first. A configuration belongs to the bracket that its number among those of
// the same lowest rung falls into, so who is where follows from the history alone. While a rung waits for its last
// trial the next bracket begins: nobody who asks has to wait.
class Hyperband final : public RungSearch {
 public:
  Hyperband(RungSpace space, Thinker thinker, std::uint64_t seed, int eta, int s_max)
      : RungSearch(std::move(space), std::move(thinker), seed), shapes_(ShapesOf(this->space(), eta, s_max)) {}

 private:
  using Members = std::vector<std::size_t>;

  RungJob Next(const Configurations& all) const override {
    const std::map<std::size_t, Members> brackets = BracketsOf(all);
    for (std::size_t number = 0;; ++number) {
      const Shape& shape = shapes_[number % shapes_.size()];
      const auto found = brackets.find(number);
      if (found == brackets.end() || found->second.size() < shape[0].size)
        return {.configuration = std::nullopt, .rung = shape[0].rung};
      if (std::optional<RungJob> job = PromotionIn(shape, found->second, all)) return *job;
    }
  }

  std::map<std::size_t, Members> BracketsOf(const Configurations& all) const {
    std::map<std::size_t, Members> brackets;
    std::vector<std::size_t> begun(space().rungs());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t start = all[i].start;
      std::size_t round = 0;  // configurations that begin on this rung in one turn of all brackets
      for (const Shape& shape : shapes_) round += shape[0].rung == start ? shape[0].size : 0;
      if (round == 0) continue;
      std::size_t within = begun[start] % round, number = begun[start] / round * shapes_.size();
      ++begun[start];
      for (const Shape& shape : shapes_) {
        if (shape[0].rung == start) {
          if (within < shape[0].size) break;
          within -= shape[0].size;
        }
        ++number;
      }
      brackets[number].push_back(i);
    }
    return brackets;
  }

  // Of a bracket whose lowest rung is full. None: it waits for trials, or is over.
  static std::optional<RungJob> PromotionIn(const Shape& shape, Members here, const Configurations& all) {
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) {
      const auto on = [&](std::size_t member) -> const RungStanding& { return all[member].on[shape[i].rung]; };
      const auto above = [&](std::size_t member) -> const RungStanding& { return all[member].on[shape[i + 1].rung]; };
      if (!std::ranges::all_of(here, [&](std::size_t m) { return on(m).state == RungStanding::State::kDone; }))
        return {};
      std::erase_if(here, [&](std::size_t m) {
        return !on(m).HasValue() && above(m).state == RungStanding::State::kNone;  // failed or stopped early
      });
      std::ranges::stable_sort(here, {}, [&](std::size_t m) { return on(m).y; });
      Members next;
      std::optional<std::size_t> best;
      for (const std::size_t m : here) {
        if (above(m).state != RungStanding::State::kNone) {
          next.push_back(m);
        } else if (!best) {
          best = m;
        }
      }
      if (next.size() < shape[i + 1].size && best) return RungJob{.configuration = *best, .rung = shape[i + 1].rung};
      here = std::move(next);
    }
    return {};
  }

  const std::vector<Shape> shapes_;
};

std::unique_ptr<Suggester> Make(const AlgorithmContext& context, const HyperbandSettings& settings, Thinker thinker) {
  const Result<std::size_t> resource = FindResource(context.space, settings.resource_name);
  QALAM_CHECK(resource.ok(), "settings are checked before they are used");
  const int eta = EtaOf(settings), s_max = MostHalvings(settings);
  std::vector<double> amounts;
  for (int s = s_max; s >= 0; --s) amounts.push_back(*settings.r_l * std::pow(eta, -s));
  return std::make_unique<Hyperband>(RungSpace(context.space, *resource, amounts), std::move(thinker),
                                     SeedOf(context, settings.random_state), eta, s_max);
}

}  // namespace

Status ValidateHyperband(const AlgorithmContext& context) {
  HyperbandSettings settings;
  for (const Setting& setting : context.settings) {
    if (setting.name == "r_l")
      settings.r_l = std::get<double>(ReadSetting(*kHyperbandSettings.Find("r_l"), setting.value));
    if (setting.name == "eta")
      settings.eta = std::get<double>(ReadSetting(*kHyperbandSettings.Find("eta"), setting.value));
    if (setting.name == "resource_name") settings.resource_name = setting.value;
  }
  if (!settings.r_l || settings.resource_name.empty()) return InvalidArgument("r_l and resource_name must be set.");
  if (EtaOf(settings) == 1) return InvalidArgument("eta is 1: every trial would go on; it must be 2 or more");
  return FindResource(context.space, settings.resource_name).status();
}

std::unique_ptr<Suggester> MakeHyperband(const AlgorithmContext& context) {
  return Make(context, kHyperbandSettings.Parse(context.settings), {});
}

std::unique_ptr<Suggester> MakeBohb(const AlgorithmContext& context) {
  const HyperbandSettings settings = kBohbSettings.Parse(context.settings);
  return Make(context, settings, {FindAlgorithm("tpe"), {{"n_startup_trials", "0"}}, settings.random_fraction});
}

}  // namespace qalam
