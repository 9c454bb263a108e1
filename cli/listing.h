// SPDX-License-Identifier: Apache-2.0
// Rows of things with named columns, as the verbs that list them filter, sort, cut and print them; and documents in the
// forms of -o.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/jsonpath.h"
#include "cli/text.h"
#include "core/document.h"
#include "core/status.h"

namespace qalam {

// A column says what stands in row i; nothing is computed before it is asked for.
struct Column {
  enum Where : unsigned { kNowhere = 0, kTable = 1, kWide = 2, kCsv = 4, kTables = kTable | kWide, kAll = 7 };
  std::string name;  // for --filter and --sort, and the head of the CSV column
  std::string head;  // of the table's column
  unsigned where = kAll;
  std::function<std::string(std::size_t row)> value;  // exact; "": there is none
  std::function<std::string(std::size_t row)> shown;  // in tables; not given: as `value`, "-" for none
  std::vector<std::string> aliases = {};
  bool largest_first = false;  // --sort puts the largest first
  unsigned reads = 0;          // the parts of a row that it looks at, as bits: of a trial those of TrialQuery
};

struct ListOptions {
  std::string filter = {}, sort = {};
  bool reverse = false;
  std::optional<int> limit = {};
};

class Listing {
 public:
  Listing(std::size_t rows, std::vector<Column> columns);

  // INVALID_ARGUMENT: no such column (the nearest is named), or no such filter. What has no value is sorted to the end.
  Status Apply(const ListOptions& options);
  const std::vector<std::size_t>& rows() const { return rows_; }  // those that are left, in order
  // The parts of its rows that these columns look at: those to filter and sort by, and those that are shown there.
  unsigned ReadsToChoose(const ListOptions& options) const;
  unsigned ReadsToShow(unsigned where) const;

  // `widths`: of the columns of what was printed before, which are kept, and then there is no head.
  std::string Table(bool wide, std::vector<int>* widths = nullptr) const;
  std::string Csv() const;

 private:
  Result<const Column*> FindColumn(const std::string& name) const;
  Status Sort(const std::string& name, bool reverse);
  qalam::Table Build(unsigned where) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> rows_;
};

// Whether -o asks for documents: json, yaml, jsonpath=TEMPLATE.
bool WantsDocument(const std::string& output);
// An empty list of objects, as kubectl prints it; its items are the last entry.
Node EmptyList();
// Of "jsonpath=TEMPLATE". INVALID_ARGUMENT: the template is wrong.
Result<JsonPath> ParseTemplate(std::string_view output);
// A document as -o says. INVALID_ARGUMENT: the template is wrong.
Result<std::string> PrintDocument(const Node& document, const std::string& output);

}  // namespace qalam
