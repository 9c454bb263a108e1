// SPDX-License-Identifier: Apache-2.0
// A shuffle of 0..n-1 in O(1) memory however large n is: position to value and back in O(1), from a key.
// Feistel network over the bits of n, walking its cycle past values >= n (Black and Rogaway 2002); a table of Fisher
// and Yates for few elements, where the network is visibly uneven.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace qalam {

// Immutable.
class KeyedPermutation {
 public:
  static KeyedPermutation Identity(std::uint64_t size);
  KeyedPermutation(std::uint64_t size, std::uint64_t key);  // size in 1 .. 2^63

  std::uint64_t size() const { return size_; }
  std::uint64_t At(std::uint64_t position) const;       // position < size
  std::uint64_t PositionOf(std::uint64_t value) const;  // At(PositionOf(v)) == v

 private:
  static constexpr std::uint64_t kTabulated = 256;
  static constexpr int kRounds = 12;
  std::uint64_t Forward(std::uint64_t value) const;
  std::uint64_t Backward(std::uint64_t value) const;
  std::uint64_t Round(int round, std::uint64_t value) const;

  std::uint64_t size_ = 1;
  bool identity_ = true;
  std::vector<std::uint16_t> values_, positions_;  // of a tabulated one
  int low_bits_ = 0;
  std::uint64_t low_mask_ = 0, high_mask_ = 0;
  std::array<std::uint64_t, kRounds> keys_{};
};

}  // namespace qalam
