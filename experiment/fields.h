// SPDX-License-Identifier: Apache-2.0
// Reading the fields of a document: typed, every fault with its place and path, all of them in one pass.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"
#include "experiment/field_table.h"

namespace qalam {

// A change of the text that mends a fault beyond doubt.
struct Fix {
  enum class Kind {
    kReplace,  // the word `from` at `at` by `to`
    kUnquote,  // the quotes around `from` at `at` go
    kAdd,      // the field `from: to` beside the field `key`, whose value stands at `at`
  };
  Kind kind = Kind::kReplace;
  Position at;
  std::string from, to;
  Position key = {};
};

// Faults of one document, handed on in the order of their places.
class FaultList {
 public:
  explicit FaultList(bool strict, bool to_run = true) : strict_(strict), to_run_(to_run) {}

  void Error(const Position& position, std::string field, std::string message);
  void Warning(const Position& position, std::string field, std::string message);
  void UnknownField(const Position& position, std::string field, std::string message);  // an error when strict
  // Correct, but this version cannot run it: an error when it is to run.
  void NotHere(const Position& position, std::string field, std::string message);
  void CanFix(Fix fix) { fixes_.push_back(std::move(fix)); }
  // `found` at `at` is meant to be the one known word that is near; if two are, nothing is known.
  void CanReplace(const Position& at, std::string_view found, std::vector<std::string> known);
  std::vector<Fix> TakeFixes() { return std::move(fixes_); }
  bool HasErrors() const;
  void MoveTo(Diagnostics* faults);

 private:
  bool strict_, to_run_;
  std::vector<Diagnostic> all_;
  std::vector<Fix> fixes_;
};

// "; did you mean 'tpe'?", or "" when no known word is near.
std::string DidYouMean(std::string_view found, const std::vector<std::string>& known);
std::string JoinWords(const std::vector<std::string>& words);  // "a, b, c"
std::string Describe(const Node& node);                        // "a list", "the number 3", "the text 'x'"

// An item of a list: its value, the path that names it, and the fields it has when it is a map of a table.
struct ListItem {
  const Node* node = nullptr;
  std::string path;
  const FieldGroup* group = nullptr;
};

// One map while it is read. What is known in it is what its table has (a field that is asked for must be there);
// without a table, what was asked for. A field that is null counts as absent, as in Go. Borrows the document and the
// list of faults.
class Fields {
 public:
  // `where` is shown when something is missing: the place of the key that holds the map. A node that is not a map is a
  // fault; then every field is absent.
  Fields(const Node* node, std::string path, const Position& where, FaultList* faults);
  Fields(const Node* node, const FieldGroup* group, std::string path, const Position& where, FaultList* faults);
  Fields(const ListItem& item, FaultList* faults);  // an item that is null is a fault

  bool present() const { return map_ != nullptr; }
  std::string Path(std::string_view key) const;
  Position At(std::string_view key) const;     // of its value if that is a word, else of the key; of the map if absent
  Position KeyAt(std::string_view key) const;  // of the key itself; of the map if absent
  FaultList& faults() const { return *faults_; }

  const Node* Take(std::string_view key);
  Fields Map(std::string_view key);
  std::vector<ListItem> List(std::string_view key);
  std::optional<std::string> Text(std::string_view key);  // numbers and bools as they are written
  std::vector<std::string> Texts(std::string_view key);
  // Without `except`, of which somebody else reads what stands there.
  std::map<std::string, std::string> TextMap(std::string_view key, std::string_view except = {});
  std::vector<int> Counts(std::string_view key, int least);  // a list; items that are none, or less, are faults
  std::optional<int> Count(std::string_view key);
  std::optional<double> Number(std::string_view key);
  std::optional<bool> Flag(std::string_view key);

  void Error(std::string_view key, std::string message) const;
  void Warning(std::string_view key, std::string message) const;
  void NotHere(std::string_view key, std::string message) const;
  // A value that is to be one of `known`; the fault names the nearest.
  void NotOneOf(std::string_view key, std::string_view found, const std::vector<std::string>& known) const;

  // Once everything was asked for: the fields that nobody knows. `ignored` are known and mean nothing here, beside
  // those of the table.
  void Finish(std::initializer_list<std::string_view> ignored = {});

 private:
  const Node::Entry* FindEntry(std::string_view key) const;
  void WrongKind(std::string_view key, const Node& found, std::string_view wanted, std::string advice = "") const;

  void CheckKnown(std::string_view key) const;
  std::optional<int> Whole(const Node& node, const std::string& path) const;

  const Node* map_ = nullptr;
  const FieldGroup* group_ = nullptr;
  std::string path_;
  Position where_;
  FaultList* faults_;
  std::vector<std::string> known_;
};

// The text of a scalar; a fault, and nullopt, for lists, maps and null.
std::optional<std::string> TextOf(const Node& node, const std::string& path, FaultList* faults);

}  // namespace qalam
