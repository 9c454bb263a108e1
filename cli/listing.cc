// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "cli/filter.h"
#include "cli/jsonpath.h"
#include "core/decimal.h"
#include "core/diagnostic.h"

namespace qalam {
namespace {

constexpr std::string_view kJsonPath = "jsonpath=";

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// Numbers by size and before texts; what is missing at the end.
struct SortKey {
  int group = 0;  // 0 number, 1 text, 2 nothing
  double number = 0;
  std::string text;
};

SortKey KeyOf(std::string value) {
  if (value.empty()) return {2, 0, ""};
  if (const auto number = ParseNumber(value)) return {0, *number, ""};
  return {1, 0, std::move(value)};
}

}  // namespace

Listing::Listing(std::size_t rows, std::vector<Column> columns) : columns_(std::move(columns)), rows_(rows) {
  std::iota(rows_.begin(), rows_.end(), 0U);
}

Result<const Column*> Listing::FindColumn(const std::string& name) const {
  for (const Column& column : columns_) {
    if (column.name == name) return &column;
  }
  std::vector<std::string> names;
  for (const Column& column : columns_) {
    if (std::ranges::find(column.aliases, name) != column.aliases.end()) return &column;
    names.push_back(column.name);
  }
  const std::string nearest = NearestWord(name, names);
  return InvalidArgument("there is no column '{}'{}; there are: {}", name,
                         nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest), Joined(names));
}

Status Listing::Apply(const ListOptions& options) {
  if (!options.filter.empty()) {
    QALAM_TRY(const Filter filter, Filter::Parse(options.filter));
    std::vector<std::pair<std::string, const Column*>> asked;
    for (const std::string& name : filter.names()) {
      QALAM_TRY(const Column* column, FindColumn(name));
      asked.emplace_back(name, column);
    }
    std::erase_if(rows_, [&](std::size_t row) {
      return !filter.Holds([&](const std::string& name) -> std::optional<std::string> {
        const auto column = std::ranges::find(asked, name, &std::pair<std::string, const Column*>::first);
        std::string value = column->second->value(row);
        return value.empty() ? std::nullopt : std::optional(std::move(value));
      });
    });
  }
  if (!options.sort.empty()) QALAM_RETURN_IF_ERROR(Sort(options.sort, options.reverse));
  if (options.sort.empty() && options.reverse) std::ranges::reverse(rows_);
  if (options.limit && rows_.size() > static_cast<std::size_t>(*options.limit))
    rows_.resize(static_cast<std::size_t>(*options.limit));
  return OkStatus();
}

unsigned Listing::ReadsToChoose(const ListOptions& options) const {
  std::vector<std::string> names;
  if (const auto filter = Filter::Parse(options.filter); filter.ok()) names = filter->names();
  if (!options.sort.empty()) names.push_back(options.sort);
  unsigned reads = 0;
  for (const std::string& name : names) {
    if (const auto column = FindColumn(name); column.ok()) reads |= (*column)->reads;
  }
  return reads;
}

unsigned Listing::ReadsToShow(unsigned where) const {
  unsigned reads = 0;
  for (const Column& column : columns_) reads |= (column.where & where) != 0 ? column.reads : 0;
  return reads;
}

Status Listing::Sort(const std::string& name, bool reverse) {
  QALAM_TRY(const Column* column, FindColumn(name));
  std::vector<std::pair<SortKey, std::size_t>> keyed;
  for (const std::size_t row : rows_) keyed.emplace_back(KeyOf(column->value(row)), row);
  const bool falling = column->largest_first != reverse;
  std::ranges::stable_sort(keyed, [falling](const auto& a, const auto& b) {
    const SortKey &left = a.first, &right = b.first;
    if (left.group == 2 || right.group == 2 || left.group != right.group) {
      return falling && left.group < 2 && right.group < 2 ? left.group > right.group : left.group < right.group;
    }
    const SortKey &small = falling ? right : left, &large = falling ? left : right;
    return left.group == 0 ? small.number < large.number : small.text < large.text;
  });
  for (std::size_t i = 0; i < keyed.size(); ++i) rows_[i] = keyed[i].second;
  return OkStatus();
}

Table Listing::Build(unsigned where) const {
  std::vector<const Column*> columns;
  std::vector<std::string> header;
  const bool csv = where == Column::kCsv;
  for (const Column& column : columns_) {
    if ((column.where & where) == 0) continue;
    columns.push_back(&column);
    header.push_back(csv ? column.name : Printable(column.head));
  }
  qalam::Table table(std::move(header));
  for (const std::size_t row : rows_) {
    std::vector<std::string> cells;
    for (const Column* column : columns) {
      std::string cell = !csv && column->shown ? column->shown(row) : column->value(row);
      if (!csv) cell = cell.empty() && !column->shown ? "-" : Printable(cell);
      cells.push_back(std::move(cell));
    }
    table.Row(std::move(cells));
  }
  return table;
}

std::string Listing::Table(bool wide, std::vector<int>* widths) const {
  return Build(wide ? Column::kWide : Column::kTable).Text(widths);
}

std::string Listing::Csv() const { return Build(Column::kCsv).Csv(); }

bool WantsDocument(const std::string& output) {
  return output == "json" || output == "yaml" || output.starts_with(kJsonPath);
}

Node EmptyList() {
  Node out = Node::Map();
  out.Set("apiVersion", Node::String("v1"));
  out.Set("kind", Node::String("List"));
  out.Set("items", Node::Sequence());
  return out;
}

Result<JsonPath> ParseTemplate(std::string_view output) { return JsonPath::Parse(output.substr(kJsonPath.size())); }

Result<std::string> PrintDocument(const Node& document, const std::string& output) {
  if (output == "json") return ToJson(document, 2) + "\n";
  if (output == "yaml") return ToYaml(document);
  QALAM_TRY(const JsonPath path, ParseTemplate(output));
  return path.Print(document);
}

}  // namespace qalam
