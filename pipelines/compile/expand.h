// SPDX-License-Identifier: Apache-2.0
// Kubernetes' $(NAME) in a container's command, args and environment.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/run.h"
#include "core/search_space.h"

namespace qalam {

struct Variable {
  std::string name, value;
  bool secret = false;  // it came from a Secret, or holds the value of one that did
};
using Variables = std::vector<Variable>;

const Variable* FindVariable(const Variables& variables, std::string_view name);  // the last of that name

// $(NAME) for names that are there, and "$$" is one "$"; all else stays as it is. `secret` is set when a value that
// was put in is one.
std::string Expand(std::string_view text, const Variables& variables, bool* secret);

// Values of parameters are no text of the template: a "$" in them is no reference. ProtectDollars replaces it, before
// the template is rendered, by a byte that no YAML can hold; RestoreDollars undoes that once all is expanded.
bool HasDollars(const Assignments& assignments);
Assignments ProtectDollars(Assignments assignments);
void RestoreDollars(std::string* text);
void RestoreDollars(Run* run);

}  // namespace qalam
