// SPDX-License-Identifier: Apache-2.0
// A place in a manifest: a node and how to name it. Faults are said where they are found, and reading goes on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"

namespace qalam {

class Reader {
 public:
  Reader(const Node& node, std::string path, Diagnostics* faults)
      : node_(&node), path_(std::move(path)), faults_(faults) {}

  const Node& node() const { return *node_; }
  const std::string& path() const { return path_; }
  Diagnostics* faults() const { return faults_; }

  void Error(std::string message) const { faults_->Error(node_->position, path_, std::move(message)); }
  void Warning(std::string message) const { faults_->Warning(node_->position, path_, std::move(message)); }

  // nullopt: it is absent (or null, which Kubernetes takes as absent).
  std::optional<Reader> Find(std::string_view key) const;
  std::vector<Reader> Items(std::string_view key) const;  // of a sequence; a fault when it is something else
  std::string Text(std::string_view key) const;           // "" when absent; a fault when it is no scalar
  std::vector<std::string> Texts(std::string_view key) const;
  // A fault when it is no whole number or below `min`; what is above `most` counts as `most`.
  std::optional<long long> Whole(std::string_view key, long long min, long long most) const;
  bool IsMap() const;  // a fault when it is not
  const std::vector<Node::Entry>& entries() const { return node_->entries; }
  Reader Below(const Node::Entry& entry) const;

 private:
  std::optional<std::string> Scalar() const;

  const Node* node_;
  std::string path_;
  Diagnostics* faults_;
};

void AddAll(const Diagnostics& from, Diagnostics* to);

}  // namespace qalam
