// SPDX-License-Identifier: Apache-2.0
// The tables that problems are made of: CSV, gzip or plain, one header line, no quotes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam::bench {

// The whole of a file, unpacked if it is gzip. NOT_FOUND, or DATA_LOSS where it is torn.
Result<std::string> ReadCompressed(const std::string& path);

class Csv {
 public:
  // NOT_FOUND: no such file. DATA_LOSS: a line has another number of cells than the header; the message names the line.
  static Result<Csv> Read(const std::string& path);

  std::size_t rows() const { return header_.empty() ? 0 : cells_.size() / header_.size(); }
  const std::vector<std::string>& header() const { return header_; }
  // NOT_FOUND names the columns that there are.
  Result<std::size_t> Column(std::string_view name) const;
  const std::string& Text(std::size_t row, std::size_t column) const { return cells_[row * header_.size() + column]; }
  // NaN for an empty cell, and for one that is no number.
  double Number(std::size_t row, std::size_t column) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::string> cells_;
};

}  // namespace qalam::bench
