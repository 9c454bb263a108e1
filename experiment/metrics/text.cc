// SPDX-License-Identifier: Apache-2.0
// As Katib reads text, but for what it reads wrongly: "loss=nan" is "nan" and not an empty value, "loss=-inf" is not
// "-", "loss=0x1F" is not 0, and "loss=1,5" is not 1.
#include "experiment/metrics/text.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "experiment/metrics/lines.h"

namespace qalam {
namespace {

constexpr std::string_view kNumber = R"(([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?))";

using Filter = std::shared_ptr<const RE2>;

Filter Compile(const std::string& filter) {
  RE2::Options options;
  options.set_log_errors(false);
  return std::make_shared<RE2>(filter, options);
}

Result<Filter> CompileChecked(const std::string& text) {
  Filter filter = Compile(text);
  if (!filter->ok()) return InvalidArgument("filter '{}' does not compile: {}", text, filter->error());
  if (filter->NumberOfCapturingGroups() < 2) {
    return InvalidArgument("filter '{}' needs two groups, ( ) around the metric's name and ( ) around its value", text);
  }
  return filter;
}

// One for all trials: it costs more than to read the few lines of a short one.
const Filter& DefaultFilter() {
  static const Filter filter = Compile(fmt::format(R"(([\w|-]+)\s*=\s*{})", kNumber));
  return filter;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return static_cast<unsigned char>(c) <= ' '; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// What was printed where a value was expected: up to a space, a comma, or a bracket or quote that was not opened here.
std::string_view RawToken(std::string_view text) {
  constexpr std::size_t kMaxToken = 256;
  text = text.substr(0, kMaxToken);
  if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
    const std::size_t close = text.find(text[0], 1);
    if (close != std::string_view::npos) return Trim(text.substr(1, close - 1));
  }
  std::size_t end = 0;
  for (int depth = 0; end < text.size() && !IsSpace(text[end]); ++end) {
    const char c = text[end];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && --depth < 0) break;
    if (depth == 0 && (c == ',' || c == ';' || c == '|' || c == '"' || c == '\'')) break;
  }
  return text.substr(0, end);
}

// The default filter takes the longest beginning that looks like a number. Where it stopped inside one, the whole.
std::string_view WholeNumber(std::string_view value, std::string_view rest) {
  const char next = rest.empty() ? ' ' : rest[0];
  const bool goes_on = rest.size() > 1 && IsDigit(rest[1]);
  const bool sign_only = value == "-" || value == "+";
  const bool hex =
      (next == 'x' || next == 'X') && value.ends_with('0') && value.find_first_of("123456789.") == value.npos;
  const bool separator =
      goes_on && (next == '_' || next == '.' || (next == ',' && value.find_first_of(".eE") == value.npos));
  if (!sign_only && !hex && !separator) return value;
  std::size_t end = 0;
  while (end < rest.size() && !IsSpace(rest[end]) && rest[end] != ';' && rest[end] != '}' && rest[end] != ')' &&
         rest[end] != ']' && rest[end] != '|') {
    if (rest[end] == ',' && (!separator || end + 1 >= rest.size() || !IsDigit(rest[end + 1]))) break;
    ++end;
  }
  return {value.data(), value.size() + end};
}

// "step=700", "epoch 7/50", "Epoch: 7"; a step says more than an epoch.
std::optional<std::int64_t> StepOf(std::string_view line) {
  static const RE2 step(R"((?i)\b(?:global_step|step|iteration)\s*[=:\s]\s*(\d{1,18})(?:[^\w.]|\.\D|\.?$))");
  static const RE2 epoch(R"((?i)\bepoch\s*[=:\s]\s*(\d{1,18})(?:[^\w.]|\.\D|\.?$))");
  const re2::StringPiece text(line.data(), line.size());
  for (const RE2* pattern : {&step, &epoch}) {
    std::int64_t number = 0;
    if (RE2::PartialMatch(text, *pattern, &number)) return number;
  }
  return std::nullopt;
}

class TextCollector final : public LineCollector {
 public:
  TextCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective, std::int64_t offset,
                std::int64_t lines, std::vector<Filter> filters)
      : LineCollector(spec, objective, offset, lines),
        filters_(std::move(filters)),
        by_default_(spec.filters.empty()) {}

 private:
  void Parse(std::string_view line, std::vector<MetricPoint>* points) override {
    const std::size_t before = points->size();
    std::vector<const char*> taken;  // values that an earlier filter has found
    Visit(line, [&](std::string_view name, std::string_view value) {
      if (std::ranges::find(names(), name) == names().end() || std::ranges::find(taken, value.data()) != taken.end()) {
        return;
      }
      if (filters_.size() > 1) taken.push_back(value.data());
      points->push_back({std::string(name), std::string(value), {}, {}});
    });
    if (points->size() == before) return;
    WallTime time{};
    if (const std::size_t space = line.find(' '); space != line.npos) {
      if (const Result<WallTime> parsed = ParseTime(line.substr(0, space)); parsed.ok()) time = *parsed;
    }
    const std::optional<std::int64_t> step = StepOf(line);
    for (std::size_t i = before; i < points->size(); ++i) (*points)[i].time = time, (*points)[i].step = step;
  }

  // Calls `found(name, value)` for every match of every filter that has a value.
  template <class Found>
  void Visit(std::string_view line, const Found& found) const {
    const re2::StringPiece text(line.data(), line.size());
    for (const auto& filter : filters_) {
      std::array<re2::StringPiece, 3> groups;
      for (std::size_t at = 0;
           at <= line.size() && filter->Match(text, at, line.size(), RE2::UNANCHORED, groups.data(), 3);) {
        const auto end = static_cast<std::size_t>(groups[0].end() - text.begin());
        at = groups[0].empty() ? end + 1 : end;
        const char* value_begin = groups[2].data() != nullptr ? groups[2].data() : groups[0].end();
        const std::string_view rest(value_begin, static_cast<std::size_t>(text.end() - value_begin));
        std::string_view value = Trim(rest.substr(0, groups[2].size()));
        if (value.empty()) {
          value = RawToken(rest.substr(groups[2].size()));
        } else if (by_default_) {
          value = WholeNumber(value, rest.substr(groups[2].size()));
        }
        if (!value.empty() && !groups[1].empty()) found(Trim({groups[1].data(), groups[1].size()}), value);
      }
    }
  }

  std::string Manner() const override {
    std::string out = filters_.size() == 1 ? "with the filter" : "with the filters";
    for (const auto& filter : filters_) out += "  " + filter->pattern();
    return out;
  }
  std::string Example(const std::string& name, const std::string& value) const override {
    if (by_default_) return fmt::format("\"{}={}\"", name, value);
    return fmt::format("'{}' as the filter has it", name);
  }
  std::string OtherFixes(const Sighting* nearest) const override {
    constexpr std::string_view kWhere = "   (spec.metricsCollectorSpec.source.filter.metricsFormat)";
    if (nearest == nullptr) return fmt::format(", or add a filter{}", kWhere);
    std::string out, filter = "a filter";
    bool read = false;
    Visit(nearest->text, [&](std::string_view name, std::string_view) { read = read || name == nearest->word; });
    if (nearest->colon && !read) filter = fmt::format(R"(the filter  ([\w|-]+)\s*:\s*{})", kNumber);
    if (nearest->word != names()[0]) {
      if (read) return fmt::format(", or set objectiveMetricName: {}, or add a filter{}", nearest->word, kWhere);
      if (nearest->colon) out = fmt::format(", or set objectiveMetricName: {} and add ", nearest->word);
    }
    if (out.empty()) out = ", or add ";
    return out + filter + std::string(kWhere);
  }

  std::vector<Filter> filters_;
  bool by_default_;
};

}  // namespace

Status CheckFilter(const std::string& filter) { return CompileChecked(filter).status(); }

Result<std::unique_ptr<Collector>> MakeTextCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective,
                                                     std::int64_t offset, std::int64_t lines) {
  std::vector<Filter> filters;
  for (const std::string& text : spec.filters) {
    QALAM_TRY(Filter filter, CompileChecked(text));
    filters.push_back(std::move(filter));
  }
  if (filters.empty()) filters.push_back(DefaultFilter());
  return std::unique_ptr<Collector>(
      std::make_unique<TextCollector>(spec, objective, offset, lines, std::move(filters)));
}

}  // namespace qalam
