// SPDX-License-Identifier: Apache-2.0
// Lines that nearly held the objective ("Loss: 0.231", "val_loss: 0.301"), kept for the day it never comes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qalam {

struct Sighting {
  std::int64_t line = 0;
  std::string text;    // its beginning, or what is around the word
  std::string word;    // the word that has the name in it, as it was written: "val_loss"
  std::string number;  // the next number after the word; may be empty
  bool colon = false;  // "word: number"
};

// The newest line of each word; a handful of words.
class Sightings {
 public:
  explicit Sightings(std::string_view name);
  void Note(std::int64_t line, std::string_view text);     // if it has the name in it, in capitals or not
  std::vector<Sighting> Nearest(std::size_t count) const;  // the nearest first

 private:
  std::string name_;  // in small letters
  std::vector<Sighting> kept_;
};

// Position of `name` (in small letters) in `text`, in capitals or not; npos: not there.
std::size_t FindIgnoringCase(std::string_view text, std::string_view name);
std::string ToLower(std::string_view text);  // ASCII

}  // namespace qalam
