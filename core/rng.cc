// SPDX-License-Identifier: Apache-2.0
#include "core/rng.h"

#include "core/math.h"
#include "core/status.h"

namespace qalam {
namespace {

// A bijection of 64 bits in which each input bit flips each output bit about half of the time (Stafford's mix 13).
std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr std::uint32_t Low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t High(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

}  // namespace

std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {High(b) ^ counter[1] ^ key[0], Low(b), High(a) ^ counter[3] ^ key[1], Low(a)};
    key[0] += 0x9E3779B9;  // golden ratio
    key[1] += 0xBB67AE85;  // sqrt(3) - 1
  }
  return counter;
}

// The counter's low half numbers the blocks of one stream, its high half is the ordinal.
Rng::Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t ordinal)
    : counter_{0, 0, Low(ordinal), High(ordinal)} {
  const std::uint64_t key = MixHash(seed, StableHash(purpose));
  key_ = {Low(key), High(key)};
}

void Rng::Refill() {
  block_ = Philox4x32(counter_, key_);
  if (++counter_[0] == 0) ++counter_[1];
  used_ = 0;
}

std::uint64_t Rng::Next() {
  if (used_ == 4) Refill();
  const std::uint64_t low = block_[used_], high = block_[used_ + 1];
  used_ += 2;
  return high << 32 | low;
}

double Rng::Uniform() {
  std::uint64_t bits = 0;
  while (bits == 0) bits = Next() >> 11;  // 53 bits; zero comes once in 2^53 draws
  return static_cast<double>(bits) * 0x1p-53;
}

// Lemire 2019: the high word of a product, rejecting the few draws that would favour some results.
std::uint64_t Rng::Below(std::uint64_t bound) {
  QALAM_CHECK(bound > 0, "a random number below 0 is not asked for");
  using Wide = unsigned __int128;
  Wide product = Wide{Next()} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t excess = -bound % bound;  // 2^64 mod bound
    while (static_cast<std::uint64_t>(product) < excess) product = Wide{Next()} * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

double Rng::Normal() { return NormalQuantile(Uniform()); }

std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return Mix(hash);
}

std::uint64_t MixHash(std::uint64_t a, std::uint64_t b) { return Mix(a + Mix(b + 0x9e3779b97f4a7c15)); }

}  // namespace qalam
