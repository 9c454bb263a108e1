// SPDX-License-Identifier: Apache-2.0
// The part of GJSON paths in which people write when a trial has succeeded or failed:
//   status.conditions.#(type=="Complete")#|#(status=="True")#
//   status.[@this].#(phase=="Succeeded")#
// Keys with wildcards (* ?) and escapes (\.), indices, `#`, `#(query)`, `#(query)#`, `|`, `[path,path]`, `@this`.
// Queries: == != < <= > >= % !% with texts, numbers, true, false, null; none: the path is there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/status.h"

namespace qalam {

class GjsonPath {
 public:
  // INVALID_ARGUMENT: no path (what is wrong, and where); UNIMPLEMENTED: GJSON that is not evaluated here.
  static Result<GjsonPath> Parse(std::string_view text);
  ~GjsonPath();
  GjsonPath(GjsonPath&&) noexcept;
  GjsonPath& operator=(GjsonPath&&) noexcept;

  std::optional<Node> Get(const Node& document) const;  // nullopt: there is nothing
  // As Katib takes a condition: it found an object, or a list that is not empty.
  bool IsMet(const Node& document) const;

  struct Part;

 private:
  explicit GjsonPath(std::vector<Part> parts);
  std::vector<Part> parts_;
};

}  // namespace qalam
