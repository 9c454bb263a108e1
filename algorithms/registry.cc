// SPDX-License-Identifier: Apache-2.0
// The algorithms there are: one line each, sorted by name.
#include <algorithm>
#include <array>

#include "algorithms/asha.h"
#include "algorithms/auto.h"
#include "algorithms/bananas.h"
#include "algorithms/bayesian.h"
#include "algorithms/cmaes.h"
#include "algorithms/darts.h"
#include "algorithms/enas.h"
#include "algorithms/grid.h"
#include "algorithms/hyperband.h"
#include "algorithms/local_search.h"
#include "algorithms/pbt.h"
#include "algorithms/random.h"
#include "algorithms/regularised_evolution.h"
#include "algorithms/sobol.h"
#include "algorithms/suggester.h"
#include "algorithms/tpe.h"

namespace qalam {
namespace {

constexpr std::array kAlgorithms = {
    AlgorithmInfo{"asha", "many configurations a little, the best of them longer, without ever waiting", &kAshaSettings,
                  &MakeAsha, &ValidateAsha},
    AlgorithmInfo{"auto",
                  "several models in turn, the one that helps more gets more trials: what to take when in doubt",
                  &kAutoSettings, &MakeAuto, nullptr},
    AlgorithmInfo{"bananas", "a model of the trials picks from mutations of the best: categorical spaces, few trials",
                  &kBananasSettings, &MakeBananas, nullptr},
    AlgorithmInfo{"bayesianoptimization",
                  "Gaussian process and expected improvement: the fewest trials, where each is dear",
                  &kBayesianSettings, &MakeBayesian, nullptr},
    AlgorithmInfo{"bohb", "hyperband with a Parzen model that thinks of the configurations", &kBohbSettings, &MakeBohb,
                  &ValidateHyperband},
    AlgorithmInfo{"cmaes", "covariance matrix adaptation: hundreds of trials or more, for numbers that matter together",
                  &kCmaEsSettings, &MakeCmaEs, &ValidateCmaEs},
    AlgorithmInfo{"darts", "every trial searches an architecture of its own, by gradients: for a nasConfig",
                  &kDartsSettings, &MakeDarts, &ValidateDarts, Searched::kNothing},
    AlgorithmInfo{"enas", "a controller network learns which architectures are good: for a nasConfig", &kEnasSettings,
                  &MakeEnas, &ValidateEnas, Searched::kNetworks},
    AlgorithmInfo{"evolution",
                  "regularised evolution: children of the best of the young; categorical spaces, cheap trials",
                  &kEvolutionSettings, &MakeRegularisedEvolution, nullptr},
    AlgorithmInfo{"grid", "every combination of levels once, then the end", &kGridSettings, &MakeGrid, &ValidateGrid},
    AlgorithmInfo{"hyperband", "many configurations a little, the best of them longer, from several rungs in turn",
                  &kHyperbandSettings, &MakeHyperband, &ValidateHyperband},
    AlgorithmInfo{"local", "local search: what differs from the best trial in one parameter; small categorical spaces",
                  &kLocalSearchSettings, &MakeLocalSearch, nullptr},
    AlgorithmInfo{"multivariate-tpe", "the same as tpe, with Optuna's names of settings", &kMultivariateTpeSettings,
                  &MakeTpe, nullptr},
    AlgorithmInfo{"pbt", "a population that trains in pieces; between them the worst take over from the best",
                  &kPbtSettings, &MakePbt, &ValidatePbt},
    AlgorithmInfo{"random", "independent draws from each parameter's distribution; no repeats in finite spaces",
                  &kRandomSettings, &MakeRandom, nullptr},
    AlgorithmInfo{"sobol", "scrambled low-discrepancy points: random search, more evenly spread", &kSobolSettings,
                  &MakeSobol, &ValidateSobol},
    AlgorithmInfo{"tpe",
                  "tree-structured Parzen estimators with joint kernels: any kind of space, any number of trials",
                  &kTpeSettings, &MakeTpe, nullptr},
};
static_assert(std::ranges::is_sorted(kAlgorithms, {}, &AlgorithmInfo::name));

}  // namespace

std::span<const AlgorithmInfo> Algorithms() { return kAlgorithms; }

const AlgorithmInfo* FindAlgorithm(std::string_view name) {
  const auto found = std::ranges::lower_bound(kAlgorithms, name, {}, &AlgorithmInfo::name);
  return found != kAlgorithms.end() && found->name == name ? &*found : nullptr;
}

Status ValidateAlgorithm(const AlgorithmInfo& algorithm, const AlgorithmContext& context) {
  QALAM_RETURN_IF_ERROR(algorithm.settings->Check(algorithm.name, context.settings));
  return algorithm.validate == nullptr ? OkStatus() : algorithm.validate(context);
}

std::uint64_t SeedOf(const AlgorithmContext& context, std::optional<std::int64_t> random_state) {
  return random_state ? static_cast<std::uint64_t>(*random_state) : context.seed;
}

}  // namespace qalam
