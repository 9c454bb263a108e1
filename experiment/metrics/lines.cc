// SPDX-License-Identifier: Apache-2.0
#include "experiment/metrics/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/utf8.h"

namespace qalam {
namespace {

constexpr char kEscape = '\x1b';
constexpr std::uint8_t kStartsName = 1, kIsDirt = 2;

// `name` in small letters.
bool StartsIgnoringCase(const char* p, const char* end, const std::string& name) {
  if (static_cast<std::size_t>(end - p) < name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = p[i];
    if (c != name[i] && (c < 'A' || c > 'Z' || c + 32 != name[i])) return false;
  }
  return true;
}

// What follows an escape character: "[31m" (control), "]0;title BEL" (command), "(B" and the like, or one letter.
std::size_t SequenceLength(std::string_view rest) {
  if (rest.empty()) return 0;
  std::size_t i = 1;
  if (rest[0] == '[') {
    while (i < rest.size() && rest[i] >= 0x20 && rest[i] <= 0x3f) ++i;
    return std::min(i + 1, rest.size());
  }
  if (rest[0] == ']') {
    while (i < rest.size() && rest[i] != '\a' && rest[i] != kEscape) ++i;
    return i < rest.size() && rest[i] == '\a' ? i + 1 : i;
  }
  if (rest[0] >= 0x20 && rest[0] <= 0x2f) return std::min<std::size_t>(2, rest.size());
  return 1;
}

std::string Shown(std::string_view text) {
  constexpr int kMaxShown = 80;
  std::string out;
  for (int shown = 0; !text.empty(); ++shown) {
    if (shown == kMaxShown) return out + "...";
    const char32_t c = TakeCodePoint(text);
    if (c == '\t') {
      out += ' ';
    } else if (!IsControl(c)) {
      AppendCodePoint(c, &out);
    }
  }
  return out;
}

std::vector<std::string> MetricNames(const ObjectiveSpec& objective) {
  std::vector<std::string> names = {objective.metric_name};
  names.insert(names.end(), objective.additional_metric_names.begin(), objective.additional_metric_names.end());
  return names;
}

}  // namespace

NameScanner::NameScanner(const std::vector<std::string>& names) {
  kind_[0] = kind_[static_cast<unsigned char>(kEscape)] = kIsDirt;
  for (const std::string& name : names) {
    if (name.empty()) continue;
    names_.push_back(ToLower(name));
    const auto first = static_cast<unsigned char>(names_.back()[0]);
    kind_[first] = kStartsName;
    if (first >= 'a' && first <= 'z') kind_[first - 32] = kStartsName;
  }
}

NameScanner::Found NameScanner::Scan(std::string_view line) const {
  const char* const end = line.data() + line.size();
  for (const char* p = line.data(); p < end; ++p) {
    const std::uint8_t kind = kind_[static_cast<unsigned char>(*p)];
    if (kind == 0) [[likely]]
      continue;
    if (kind == kIsDirt) return Found::kDirt;
    for (const std::string& name : names_) {
      if (StartsIgnoringCase(p, end, name)) return Found::kName;
    }
  }
  return Found::kNothing;
}

std::string Cleaned(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  while (!line.empty()) {
    if (line[0] == kEscape) {
      line.remove_prefix(1);
      line.remove_prefix(SequenceLength(line));
    } else if (const char32_t c = TakeCodePoint(line); c != 0) {
      AppendCodePoint(c, &out);
    }
  }
  return out;
}

LineCollector::LineCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective, std::int64_t offset,
                             std::int64_t lines)
    : names_(MetricNames(objective)),
      scanner_(names_),
      source_(spec.kind == CollectorKind::kFile ? spec.path : "stdout"),
      is_file_(spec.kind == CollectorKind::kFile),
      from_start_(offset == 0),
      fed_(offset),
      consumed_(offset),
      lines_(lines),
      sightings_(objective.metric_name) {}

void LineCollector::Keep(std::string_view part) {
  partial_.append(part.substr(0, kMaxLine + 1 - std::min(partial_.size(), kMaxLine + 1)));
}

void LineCollector::Feed(std::string_view bytes, std::vector<MetricPoint>* points) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const auto find = [](const char* from, const char* to, char c) {
    const void* found = std::memchr(from, c, static_cast<std::size_t>(to - from));
    return found != nullptr ? static_cast<const char*>(found) : to;
  };
  const char* newline = begin;
  for (const char* p = begin; p < end;) {
    if (newline < p || p == begin) newline = find(p, end, '\n');
    const char* stop = find(p, newline, '\r');
    std::string_view line(p, static_cast<std::size_t>(stop - p));
    if (stop == end || !partial_.empty()) Keep(line);
    if (stop == end) break;
    Complete(partial_.empty() ? line : std::string_view(partial_), points);
    if (stop == newline) ++lines_;
    p = stop + 1;
    consumed_ = fed_ + (p - begin);
    partial_.clear();
    if (partial_.capacity() > 4096) partial_.shrink_to_fit();
  }
  fed_ += static_cast<std::int64_t>(bytes.size());
}

void LineCollector::Finish(std::vector<MetricPoint>* points) {
  if (partial_.empty()) return;
  Complete(partial_, points);
  ++lines_;
  consumed_ = fed_;
  partial_.clear();
}

void LineCollector::Complete(std::string_view line, std::vector<MetricPoint>* points) {
  if (line.empty()) return;
  if (line.size() > kMaxLine) {
    const std::size_t space = line.substr(0, kMaxLine).find_last_of(" \t");
    line = line.substr(0, space == std::string_view::npos ? 0 : space);
  }
  Glance(line);
  NameScanner::Found found = scanner_.Scan(line);
  if (found == NameScanner::Found::kNothing) return;
  std::string clean;
  if (found == NameScanner::Found::kDirt ||
      std::ranges::any_of(line, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    clean = Cleaned(line);
    line = clean;
    if (scanner_.Scan(line) == NameScanner::Found::kNothing) return;
  }

  if (objective_points_ == 0) sightings_.Note(lines_ + 1, line);
  if (std::ranges::none_of(names_, [&](const std::string& name) { return line.find(name) != line.npos; })) return;
  const std::size_t before = points->size();
  Parse(line, points);
  for (std::size_t i = before; i < points->size(); ++i) {
    if ((*points)[i].name != names_[0]) continue;
    ++objective_points_;
    last_line_ = lines_ + 1;
    last_value_ = (*points)[i].value;
  }
}

std::string LineCollector::Diagnosis() const {
  const std::string& objective = names_[0];
  if (objective_points_ > 0) {
    return fmt::format(
        "the objective '{}' came {}, but not as a finite number; the last one was \"{}\" on line {} of {}.\n"
        "  fix: only finite numbers count; let a trial that diverges print a bad one, or fail",
        objective, objective_points_ == 1 ? "once" : fmt::format("{} times", objective_points_), Shown(last_value_),
        last_line_, source_);
  }
  std::string out = fmt::format("no line matched the objective '{}'.\n", objective);
  if (lines_ == 0) {
    out += is_file_ ? fmt::format("  the file {} was empty, or never written\n", source_)
                    : std::string("  nothing was printed on stdout\n");
  } else {
    out += fmt::format("  read {} {} of {} {}\n", lines_, lines_ == 1 ? "line" : "lines", source_, Manner());
    std::vector<Sighting> nearest = sightings_.Nearest(3);
    std::ranges::sort(nearest, {}, &Sighting::line);
    if (!nearest.empty()) {
      out += nearest.size() == 1 ? "  the nearest was" : "  the nearest were";
      const char* gap = "  ";
      for (const Sighting& s : nearest) {
        out += fmt::format("{}line {}: \"{}\"", gap, s.line, Shown(s.text));
        gap = "   ";
      }
      out += '\n';
    } else if (from_start_) {
      out += fmt::format("  none of them had '{}' in it, in capitals or not\n", objective);
    }
  }
  return out + Fix();
}

std::string LineCollector::Fix() const {
  const std::string& objective = names_[0];
  const std::vector<Sighting> nearest = sightings_.Nearest(1);
  const Sighting* best = nearest.empty() ? nullptr : &nearest[0];
  const std::string example =
      Example(objective, best != nullptr && !best->number.empty() ? best->number : std::string("<number>"));
  if (lines_ == 0) {
    return is_file_
               ? fmt::format("  fix: write {} to that file, or set metricsCollectorSpec.source.fileSystemPath.path",
                             example)
               : fmt::format("  fix: print {}, or set metricsCollectorSpec if the metrics go to a file", example);
  }
  return fmt::format("  fix: {} {}{}", is_file_ ? "write" : "print", example, OtherFixes(best));
}

}  // namespace qalam
