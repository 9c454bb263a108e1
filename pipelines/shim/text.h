// SPDX-License-Identifier: Apache-2.0
// A short text put together in place: no allocation, no locale. What does not fit is cut off, and told by `whole`.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace qalam::shim {

template <std::size_t kCapacity>
class Text {
 public:
  Text& operator<<(std::string_view text) {
    const std::size_t fits = text.size() < kCapacity - size_ ? text.size() : kCapacity - size_ - 1;
    std::memcpy(data_ + size_, text.data(), fits);
    size_ += fits;
    data_[size_] = '\0';
    whole_ = whole_ && fits == text.size();
    return *this;
  }
  Text& operator<<(const char* text) { return *this << std::string_view(text); }
  Text& operator<<(char c) { return *this << std::string_view(&c, 1); }
  Text& operator<<(long long number) {
    char digits[24];
    char* at = digits + sizeof(digits);
    const bool negative = number < 0;
    auto rest = negative ? 0ULL - static_cast<unsigned long long>(number) : static_cast<unsigned long long>(number);
    do {
      *--at = static_cast<char>('0' + rest % 10);
    } while ((rest /= 10) != 0);
    if (negative) *--at = '-';
    return *this << std::string_view(at, static_cast<std::size_t>(digits + sizeof(digits) - at));
  }
  Text& operator<<(int number) { return *this << static_cast<long long>(number); }
  Text& operator<<(long number) { return *this << static_cast<long long>(number); }

  const char* c_str() const { return data_; }
  std::string_view view() const { return {data_, size_}; }
  bool whole() const { return whole_; }

 private:
  char data_[kCapacity] = {};
  std::size_t size_ = 0;
  bool whole_ = true;
};

}  // namespace qalam::shim
