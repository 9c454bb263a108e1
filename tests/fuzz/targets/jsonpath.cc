// SPDX-License-Identifier: Apache-2.0
// Any template of `-o jsonpath=` over any document: the first line of the input is the template, the rest is JSON.
#include "cli/jsonpath.h"

#include "experiment/read.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryJsonPath(std::string_view input) {
  const auto [lines, text] = SplitLines(input, 1);
  const Result<JsonPath> path = JsonPath::Parse(lines[0]);
  if (!path.ok()) return OkStatus();
  Result<Node> document = ReadJson(text);
  if (!document.ok()) document = *ReadJson(R"({"items":[{"metadata":{"name":"a","n":1}},{"metadata":{"name":"b"}}]})");
  (void)path->Print(*document);
  return OkStatus();
}

}  // namespace qalam::fuzz
