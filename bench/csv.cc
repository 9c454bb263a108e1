// SPDX-License-Identifier: Apache-2.0
#include "bench/csv.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>

namespace qalam::bench {
namespace {

std::size_t SplitInto(std::string_view line, std::vector<std::string>* cells) {
  std::size_t count = 0;
  while (true) {
    const std::size_t comma = line.find(',');
    cells->emplace_back(line.substr(0, comma));
    ++count;
    if (comma == std::string_view::npos) return count;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

// gzopen reads plain files as they are.
Result<std::string> ReadCompressed(const std::string& path) {
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };
  const std::unique_ptr<gzFile_s, Close> file(gzopen(path.c_str(), "rb"));
  if (!file) return Error(Code::kNotFound, "{}: {}", path, std::strerror(errno != 0 ? errno : ENOMEM));
  std::string text;
  char block[1 << 16];
  int got = 0;
  while ((got = gzread(file.get(), block, sizeof(block))) > 0) text.append(block, static_cast<std::size_t>(got));
  int fault = Z_OK;
  const char* const why = gzerror(file.get(), &fault);
  if (got < 0 || (fault != Z_OK && fault != Z_STREAM_END)) return Error(Code::kDataLoss, "{}: {}", path, why);
  return text;
}

Result<Csv> Csv::Read(const std::string& path) {
  QALAM_TRY(const std::string text, ReadCompressed(path));
  Csv csv;
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (number == 1) {
      SplitInto(line, &csv.header_);
      continue;
    }
    if (line.empty() && rest.empty()) break;
    if (const std::size_t count = SplitInto(line, &csv.cells_); count != csv.header_.size()) {
      return Error(Code::kDataLoss, "{}:{}: {} cells, the header has {}", path, number, count, csv.header_.size());
    }
  }
  if (csv.header_.empty()) return Error(Code::kDataLoss, "{}: is empty; wanted is a header line", path);
  return csv;
}

Result<std::size_t> Csv::Column(std::string_view name) const {
  for (std::size_t i = 0; i < header_.size(); ++i) {
    if (header_[i] == name) return i;
  }
  return Error(Code::kNotFound, "no column '{}'; there are {}", name, fmt::join(header_, ", "));
}

double Csv::Number(std::size_t row, std::size_t column) const {
  const std::string& text = Text(row, column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? value
             : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace qalam::bench
