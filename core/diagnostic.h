// SPDX-License-Identifier: Apache-2.0
// A fault or a warning about something that a person wrote, with its place, as a compiler shows it.
#pragma once

#include <string>
#include <vector>

#include "core/document.h"

namespace qalam {

struct Diagnostic {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  std::string file;
  Position position;    // line 0: about the file as a whole
  std::string field;    // "spec.parameters[2].feasibleSpace.min"; empty when position says it all
  std::string message;  // what was found, what is allowed, what to do
};

// All faults of one document, collected before answering.
class Diagnostics {
 public:
  void Error(const Position& position, std::string field, std::string message);
  void Warning(const Position& position, std::string field, std::string message);
  void SetFile(std::string file) { file_ = std::move(file); }  // for those added from now on
  bool HasErrors() const;
  const std::vector<Diagnostic>& all() const { return all_; }

 private:
  std::string file_;
  std::vector<Diagnostic> all_;
};

// One line each, "exp.yaml:14:18: error: spec.algorithm.algorithmName: ..."; with `source` (the text of the file) the
// line and a caret below it. In the order of their places.
std::string Render(const Diagnostics& diagnostics, std::string_view source = {});
// The known word nearest to `found`, or "" when none is near: for "did you mean 'tpe'?".
std::string NearestWord(std::string_view found, const std::vector<std::string>& known);

}  // namespace qalam
