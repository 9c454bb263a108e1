// SPDX-License-Identifier: Apache-2.0
#include "algorithms/permutation.h"

#include <bit>

#include "core/rng.h"
#include "core/status.h"

namespace qalam {

KeyedPermutation KeyedPermutation::Identity(std::uint64_t size) {
  KeyedPermutation out(size, 0);
  out.identity_ = true;
  return out;
}

KeyedPermutation::KeyedPermutation(std::uint64_t size, std::uint64_t key) : size_(size), identity_(size == 1) {
  QALAM_CHECK(size >= 1 && size <= (1ULL << 63), "a permutation has 1 .. 2^63 elements");
  const int bits =
      static_cast<int>(std::bit_width(size - 1));  // the domain 2^bits is less than twice the size: few steps to walk
  low_bits_ = (bits + 1) / 2;
  low_mask_ = (1ULL << low_bits_) - 1;
  high_mask_ = (1ULL << (bits - low_bits_)) - 1;
  Rng rng(key, "permutation", size);
  for (std::uint64_t& k : keys_) k = rng.Next();
}

std::uint64_t KeyedPermutation::Round(int round, std::uint64_t value) const {
  return MixHash(keys_[static_cast<std::size_t>(round)], value);
}

// The halves take turns: each round XORs one with a hash of the other, which undoes itself.
std::uint64_t KeyedPermutation::Forward(std::uint64_t value) const {
  std::uint64_t low = value & low_mask_, high = value >> low_bits_;
  for (int round = 0; round < kRounds; round += 2) {
    low ^= Round(round, high) & low_mask_;
    high ^= Round(round + 1, low) & high_mask_;
  }
  return high << low_bits_ | low;
}

std::uint64_t KeyedPermutation::Backward(std::uint64_t value) const {
  std::uint64_t low = value & low_mask_, high = value >> low_bits_;
  for (int round = kRounds - 2; round >= 0; round -= 2) {
    high ^= Round(round + 1, low) & high_mask_;
    low ^= Round(round, high) & low_mask_;
  }
  return high << low_bits_ | low;
}

std::uint64_t KeyedPermutation::At(std::uint64_t position) const {
  QALAM_CHECK(position < size_, "a position is within the permutation");
  if (identity_) return position;
  do position = Forward(position);
  while (position >= size_);
  return position;
}

std::uint64_t KeyedPermutation::PositionOf(std::uint64_t value) const {
  QALAM_CHECK(value < size_, "a value is within the permutation");
  if (identity_) return value;
  do value = Backward(value);
  while (value >= size_);
  return value;
}

}  // namespace qalam
