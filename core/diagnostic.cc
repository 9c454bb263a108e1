// SPDX-License-Identifier: Apache-2.0
#include "core/diagnostic.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/utf8.h"

namespace qalam {
namespace {

constexpr std::size_t kWidest = 100;  // characters of a source line that are shown

// The lines of a source, found once: there may be many faults and a long file.
class Lines {
 public:
  explicit Lines(std::string_view source) : source_(source) {
    for (std::size_t end = source.find('\n'); end != std::string_view::npos; end = source.find('\n', end + 1))
      starts_.push_back(end + 1);
  }
  std::string_view Get(int number) const {  // from 1; empty when there is none
    const auto index = static_cast<std::size_t>(number - 1);
    if (number < 1 || index >= starts_.size()) return {};
    std::string_view line = source_.substr(starts_[index]);
    line = line.substr(0, line.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  std::string_view source_;
  std::vector<std::size_t> starts_{0};
};

// Characters a terminal shows one beside the other: what would move its cursor is replaced.
std::u32string Shown(std::string_view line) {
  std::u32string out;
  while (!line.empty()) {
    const char32_t c = TakeCodePoint(line);
    out += c == '\t' ? U' ' : IsControl(c) ? kReplacement : c;
  }
  return out;
}

// Where the word that starts at `from` ends: a quoted string, or up to a blank or a separator.
std::size_t WordEnd(const std::u32string& line, std::size_t from) {
  if (from >= line.size()) return from + 1;
  if (line[from] == '"' || line[from] == '\'') {
    const std::size_t close = line.find(line[from], from + 1);
    return close == std::u32string::npos ? line.size() : close + 1;
  }
  std::size_t end = std::min(line.find_first_of(U" ,]}#", from), line.size());
  if (end > from + 1 && line[end - 1] == ':') --end;  // a key
  return std::max(end, from + 1);
}

void AppendUtf8(const std::u32string& text, std::string* out) {
  for (char32_t c : text) AppendCodePoint(c, out);
}

//    14 |   algorithmName: tpee
//       |                  ^^^^
void AppendSnippet(const Position& position, const Lines& lines, std::string* out) {
  std::u32string line = Shown(lines.Get(position.line));
  if (line.empty() || position.column < 1 || static_cast<std::size_t>(position.column) > line.size() + 1) return;
  std::size_t from = static_cast<std::size_t>(position.column) - 1;
  if (line.size() > kWidest) {  // a window around the place; JSON may come in one line of a megabyte
    const std::size_t start = from > kWidest / 2 ? std::min(from - kWidest / 2, line.size() - kWidest) : 0;
    const bool cut_end = start + kWidest < line.size();
    line = (start > 0 ? U"..." : U"") + line.substr(start, kWidest) + (cut_end ? U"..." : U"");
    from = from - start + (start > 0 ? 3 : 0);
  }
  const std::size_t width = WordEnd(line, from) - from;
  fmt::format_to(std::back_inserter(*out), "{:5} | ", position.line);
  AppendUtf8(line, out);
  fmt::format_to(std::back_inserter(*out), "\n      | {:{}}{:^>{}}\n", "", from, "", width);
}

std::string_view Word(Diagnostic::Severity severity) {
  return severity == Diagnostic::Severity::kError ? "error" : "warning";
}

std::string Place(const Diagnostic& d) {
  std::string place = d.file;
  if (d.position.line > 0)
    place += fmt::format("{}{}:{}", d.file.empty() ? "" : ":", d.position.line, d.position.column);
  if (!place.empty()) place += ": ";
  return place;
}

// Further lines of a message stand a little to the right; what it quotes from outside cannot move the cursor.
std::string ShownMessage(std::string_view message) {
  std::string out;
  for (;;) {
    const std::size_t end = message.find('\n');
    out += EscapeControls(message.substr(0, end));
    if (end == std::string_view::npos) return out;
    out += "\n  ";
    message.remove_prefix(end + 1);
  }
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Letters to insert, remove, replace or swap with their neighbour; capitals do not count.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Lower(a[i - 1]) == Lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) && Lower(a[i - 2]) == Lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

void Diagnostics::Error(const Position& position, std::string field, std::string message) {
  all_.push_back({Diagnostic::Severity::kError, file_, position, std::move(field), std::move(message)});
}

void Diagnostics::Warning(const Position& position, std::string field, std::string message) {
  all_.push_back({Diagnostic::Severity::kWarning, file_, position, std::move(field), std::move(message)});
}

bool Diagnostics::HasErrors() const {
  return std::ranges::any_of(all_, [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::kError; });
}

std::string Render(const Diagnostics& diagnostics, std::string_view source) {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& d : diagnostics.all()) sorted.push_back(&d);
  std::ranges::stable_sort(sorted, {}, [](const Diagnostic* d) {
    return std::tuple<std::string_view, int, int>(d->file, d->position.line, d->position.column);
  });
  const Lines lines(source);
  std::string out;
  for (const Diagnostic* d : sorted) {
    out += fmt::format("{}{}: {}{}{}\n", Place(*d), Word(d->severity), EscapeControls(d->field),
                       d->field.empty() ? "" : ": ", ShownMessage(d->message));
    AppendSnippet(d->position, lines, &out);
  }
  return out;
}

std::string NearestWord(std::string_view found, const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(1, found.size() / 3) + 1;
  for (const std::string& word : known) {
    const std::size_t longer = std::max(word.size(), found.size()), shorter = std::min(word.size(), found.size());
    if (longer - shorter >= least) continue;
    const std::size_t distance = EditDistance(found, word);
    if (distance >= least || distance >= longer) continue;
    least = distance;
    nearest = &word;
  }
  return nearest == nullptr ? "" : *nearest;
}

}  // namespace qalam
