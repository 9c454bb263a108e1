// SPDX-License-Identifier: Apache-2.0
// Any expression of `get --filter`. It asks for the names that it announced, and for no others.
#include "cli/filter.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryFilter(std::string_view input) {
  const Result<Filter> filter = Filter::Parse(input);
  if (!filter.ok()) return OkStatus();
  std::string unknown;
  for (const char* value : {"", "0.001", "Succeeded", "nan"}) {
    (void)filter->Holds([&](const std::string& name) -> std::optional<std::string> {
      if (std::ranges::find(filter->names(), name) == filter->names().end()) unknown = name;
      return *value == '\0' ? std::nullopt : std::optional<std::string>(value);
    });
  }
  if (!unknown.empty()) return Broken("a name that was not announced", unknown, input);
  return OkStatus();
}

}  // namespace qalam::fuzz
