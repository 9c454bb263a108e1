// SPDX-License-Identifier: Apache-2.0
#include "experiment/metrics/sightings.h"

#include <algorithm>
#include <cctype>

namespace qalam {
namespace {

constexpr std::size_t kMaxText = 512, kMaxWords = 16;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) {
  return IsDigit(c) || (Lower(c) >= 'a' && Lower(c) <= 'z') || c == '_' || c == '-' || c == '/' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The number in front of which `rest` has at most a few signs: ": 0.231", "=3", "' -> 1e-3".
std::string NextNumber(std::string_view rest) {
  std::size_t begin = 0;
  while (begin < rest.size() && begin < 8 && !IsDigit(rest[begin]) && !IsWord(rest[begin])) ++begin;
  std::size_t end = begin;
  if (end < rest.size() && rest[end] == '-') ++end;
  while (end < rest.size() && (IsDigit(rest[end]) || rest[end] == '.' || rest[end] == 'e' || rest[end] == 'E' ||
                               ((rest[end] == '-' || rest[end] == '+') && Lower(rest[end - 1]) == 'e'))) {
    ++end;
  }
  while (end > begin && !IsDigit(rest[end - 1])) --end;
  return std::string(rest.substr(begin, end - begin));
}

}  // namespace

std::string ToLower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), Lower);
  return out;
}

std::size_t FindIgnoringCase(std::string_view text, std::string_view name) {
  const auto found = std::ranges::search(text, name, {}, Lower);
  return found.empty() && !name.empty() ? std::string_view::npos
                                        : static_cast<std::size_t>(found.begin() - text.begin());
}

Sightings::Sightings(std::string_view name) : name_(ToLower(name)) {}

void Sightings::Note(std::int64_t line, std::string_view text) {
  std::size_t begin = FindIgnoringCase(text, name_);
  if (begin == std::string_view::npos) return;
  std::size_t end = begin + name_.size();
  while (begin > 0 && IsWord(text[begin - 1])) --begin;
  while (end < text.size() && IsWord(text[end])) ++end;
  while (end > begin + name_.size() && text[end - 1] == '.') --end;
  if (end - begin > kMaxText) return;  // no word of a person

  const std::string_view word = text.substr(begin, end - begin), rest = text.substr(end);
  auto kept = std::ranges::find(kept_, word, &Sighting::word);
  if (kept == kept_.end()) {
    if (kept_.size() == kMaxWords) return;
    kept = kept_.insert(kept_.end(), Sighting{});
    kept->word = word;
  }
  kept->line = line;
  // Of a long line the part around the word.
  const std::size_t from = end <= kMaxText / 2 ? 0 : begin;
  kept->text.assign(text.substr(from, kMaxText));
  kept->number = NextNumber(rest);
  kept->colon = rest.starts_with(':') || rest.starts_with(" :");
}

std::vector<Sighting> Sightings::Nearest(std::size_t count) const {
  std::vector<Sighting> out = kept_;
  // The name itself in other capitals, then the shortest word around it; with a number behind it before one without.
  std::ranges::stable_sort(out, {}, [](const Sighting& s) { return std::pair(s.number.empty(), s.word.size()); });
  if (out.size() > count) out.resize(count);
  return out;
}

}  // namespace qalam
