// SPDX-License-Identifier: Apache-2.0
// Every field of an Experiment, once: the reader asks by it and finds unknown names with it, `qalam schema` prints it
// as JSON Schema, `qalam explain` tells it.
//
// To walk it: start at ExperimentFields(), go through `fields`; a field of kind kMap or kList has a group below it in
// `below`. FindField("spec.objective.goal") goes straight to one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam {

enum class FieldKind {
  kText,     // a number or a bool without quotes is taken as its text
  kWord,     // one of `words`
  kWhole,    // a whole number, at least `least`
  kNumber,   // a finite number
  kFlag,     // true or false
  kTexts,    // a list of texts
  kWholes,   // a list of whole numbers, each at least `least`
  kTextMap,  // texts by keys of the user's
  kMap,      // the fields of `below`
  kList,     // a list; each item has the fields of `below`
  kObject,   // a map that is Kubernetes': not looked into here
};
std::string_view ToString(FieldKind kind);  // for people: "text", "whole number", "list of texts"

struct FieldGroup;

struct Field {
  std::string_view name = {};
  FieldKind kind = FieldKind::kText;
  std::string_view doc = {};  // one sentence, without its full stop
  bool required = false;
  std::string_view fallback = {};                // what counts where it is left out, as one writes it; empty: nothing
  std::span<const std::string_view> words = {};  // allowed values of kWord
  std::optional<int> least = {};                 // of kWhole and kWholes
  std::string_view pattern = {};                 // of kText: a regular expression, both ends anchored
  const FieldGroup* below = nullptr;             // of kMap and kList
};

// The fields of one map. `ignored`: known and without meaning here, such as what a server adds.
struct FieldGroup {
  std::span<const Field> fields = {};
  std::span<const std::string_view> ignored = {};
  const Field* Find(std::string_view name) const;  // nullptr: there is none
  std::vector<std::string> Names() const;          // of `fields`, in the order of the table
};

// The Experiment as a whole: apiVersion, kind, metadata, spec. Lives as long as the program.
const FieldGroup& ExperimentFields();

// By path from the root: "spec.parameters.feasibleSpace.min". A leading "experiment.", and "[]" or "[3]" after a list's
// name, are skipped. NOT_FOUND names the part that is unknown and the nearest known name. The pointer is never null.
Result<const Field*> FindField(std::string_view path);

}  // namespace qalam
