// SPDX-License-Identifier: Apache-2.0
#include "algorithms/sobol.h"

#include <bit>
#include <boost/random/sobol.hpp>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/cells.h"
#include "core/rng.h"

namespace qalam {
namespace {

constexpr std::string_view kLabel = "sobol";

std::uint64_t ReverseBits(std::uint64_t x) {
  x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
  x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
  x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64(x);
}

// Owen's scrambling: whether a binary digit is flipped depends, as if at random, on the digits above it. On reversed
// bits "above" is "below", and sums, products with odd numbers and shifted squares carry upwards only (they are
// T-functions, Klimov and Shamir 2002): the digits that make a Sobol point a net stay a net.
std::uint64_t Scramble(std::uint64_t x, std::uint64_t key) {
  x = ReverseBits(x);
  for (int round = 0; round < 4; ++round) {
    x += key;
    x *= key >> 32 | 1;
    x ^= x * x << 1;
    key = std::rotl(key, 19);  // every round begins with other bits of the key
  }
  return ReverseBits(x);
}

// The middle of one of 2^52 intervals: never 0 or 1.
double ToUnit(std::uint64_t bits) { return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52; }

class SobolPoints final : public Suggester {
 public:
  explicit SobolPoints(PointWalk walk) : walk_(std::move(walk)) {}
  void Observe(const HistoryView& fresh, const Pending& pending) override { walk_.Observe(fresh, pending); }
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    return walk_.Suggest(count, ordinal, kLabel);
  }

 private:
  PointWalk walk_;
};

class SobolCells final : public Suggester {
 public:
  explicit SobolCells(CellWalk walk) : walk_(std::move(walk)) {}
  void Observe(const HistoryView& fresh, const Pending& pending) override { walk_.Observe(fresh, pending); }
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t ordinal) override {
    return walk_.Suggest(count, ordinal, kLabel);
  }

 private:
  CellWalk walk_;
};

}  // namespace

// Boost leaves out the zero point, with which alone the first 2^m points are a net: it is put back in front.
struct ScrambledSobol::Impl {
  explicit Impl(std::size_t dim) : engine(dim) {}
  boost::random::sobol engine;
  std::uint64_t next = 1;  // index of the engine's next point
  std::vector<std::uint64_t> keys;
};

ScrambledSobol::ScrambledSobol(Eigen::Index dim, std::uint64_t seed) {
  QALAM_CHECK(dim >= 1 && dim <= kSobolMaxDimensions, "sobol's dimensions are validated");
  impl_ = std::make_unique<Impl>(static_cast<std::size_t>(dim));
  Rng rng(seed, "sobol.scramble", 0);
  for (Eigen::Index i = 0; i < dim; ++i) impl_->keys.push_back(rng.Next());
}
ScrambledSobol::~ScrambledSobol() = default;
ScrambledSobol::ScrambledSobol(ScrambledSobol&&) noexcept = default;

Eigen::VectorXd ScrambledSobol::Point(std::uint64_t index) {
  Impl& impl = *impl_;
  if (index != 0 && index != impl.next) impl.engine.seed(index - 1), impl.next = index;
  if (index != 0) ++impl.next;
  Eigen::VectorXd unit(static_cast<Eigen::Index>(impl.keys.size()));
  for (std::size_t i = 0; i < impl.keys.size(); ++i) {
    unit[static_cast<Eigen::Index>(i)] = ToUnit(Scramble(index == 0 ? 0 : impl.engine(), impl.keys[i]));
  }
  return unit;
}

Status ValidateSobol(const AlgorithmContext& context) {
  if (context.space.dim() > kSobolMaxDimensions) {
    return InvalidArgument("algorithm sobol takes at most {} parameters, here are {}; use random", kSobolMaxDimensions,
                           context.space.dim());
  }
  return OkStatus();
}

std::unique_ptr<Suggester> MakeSobol(const AlgorithmContext& context) {
  const SearchSpace& space = context.space;
  const std::uint64_t seed = SeedOf(context, kSobolSettings.Parse(context.settings).random_state);
  const auto point = [sequence = std::make_shared<ScrambledSobol>(space.dim(), seed)](std::uint64_t index) {
    return sequence->Point(index);
  };
  if (!space.cardinality()) return std::make_unique<SobolPoints>(PointWalk(space, point));

  const KeyedPermutation order(*space.cardinality(), Rng(seed, "sobol.order", 0).Next());
  return std::make_unique<SobolCells>(CellWalk(space, order, point));
}

}  // namespace qalam
