// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: the stream is a function of (seed, purpose, ordinal), so the same suggestion is the
// same on every machine, in any order, after any restart. Philox4x32-10, Salmon et al. 2011.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace qalam {

class Rng {
 public:
  Rng(std::uint64_t seed, std::string_view purpose, std::uint64_t ordinal);

  std::uint64_t Next();                      // 64 uniform bits
  double Uniform();                          // in (0, 1): never an end point
  std::uint64_t Below(std::uint64_t bound);  // in [0, bound), without bias; bound > 0
  double Normal();                           // standard, by inversion: one draw a number

 private:
  void Refill();
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
};

// The block function itself: 128 random bits for a counter and a key.
std::array<std::uint32_t, 4> Philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// 64-bit FNV-1a, then mixed: stable for ever, since names and streams in stored experiments depend on it.
std::uint64_t StableHash(std::string_view text);
std::uint64_t MixHash(std::uint64_t a, std::uint64_t b);

}  // namespace qalam
