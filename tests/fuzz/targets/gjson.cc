// SPDX-License-Identifier: Apache-2.0
// Any GJSON path over any document: the first line of the input is the path, the rest is JSON.
#include "experiment/gjson.h"

#include "experiment/read.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

Status TryGjson(std::string_view input) {
  const auto [lines, text] = SplitLines(input, 1);
  const Result<GjsonPath> path = GjsonPath::Parse(lines[0]);
  if (!path.ok()) return OkStatus();
  Result<Node> document = ReadJson(text);
  if (!document.ok()) document = *ReadJson(R"({"status":{"conditions":[{"type":"Complete","status":"True","n":1}]}})");
  const bool found = path->Get(*document).has_value();
  if (path->IsMet(*document) && !found) return Broken("met by nothing", lines[0], ToJson(*document));
  return OkStatus();
}

}  // namespace qalam::fuzz
