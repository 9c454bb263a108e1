// SPDX-License-Identifier: Apache-2.0
#include "algorithms/permutation.h"

#include <bit>
#include <numeric>
#include <utility>

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
  Rng rng(key, "permutation", size);
  if (size <= kTabulated) {
    values_.resize(size);
    positions_.resize(size);
    std::iota(values_.begin(), values_.end(), std::uint16_t{0});
    for (std::uint64_t left = size; left > 1; --left) std::swap(values_[left - 1], values_[rng.Below(left)]);
    for (std::size_t i = 0; i < size; ++i) positions_[values_[i]] = static_cast<std::uint16_t>(i);
    return;
  }
  const int bits =
      static_cast<int>(std::bit_width(size - 1));  // the domain 2^bits is less than twice the size: few steps to walk
  low_bits_ = (bits + 1) / 2;
  low_mask_ = (1ULL << low_bits_) - 1;
  high_mask_ = (1ULL << (bits - low_bits_)) - 1;
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
  if (!values_.empty()) return values_[position];
  do position = Forward(position);
  while (position >= size_);
  return position;
}

std::uint64_t KeyedPermutation::PositionOf(std::uint64_t value) const {
  QALAM_CHECK(value < size_, "a value is within the permutation");
  if (identity_) return value;
  if (!positions_.empty()) return positions_[value];
  do value = Backward(value);
  while (value >= size_);
  return value;
}

}  // namespace qalam
