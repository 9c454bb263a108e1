// SPDX-License-Identifier: Apache-2.0
// The ConfigMaps and Secrets that a template may name, as documents given beside the Experiment.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/diagnostic.h"
#include "core/document.h"

namespace qalam {

using ObjectData = std::map<std::string, std::string>;  // what base64 hid is plain here

class Objects {
 public:
  enum class Kind { kConfigMap, kSecret };

  // ConfigMap, Secret, PersistentVolumeClaim: documents that stand beside an Experiment.
  static bool IsOne(const Node& document);
  static bool IsSecret(const Node& document);
  // A document of them; one of the same name is replaced. Without a namespace it is of every one. No fault shows a
  // value, nor the line it stands in.
  void Add(const Node& document, Diagnostics* faults);

  bool empty() const { return objects_.empty(); }
  // nullptr: it was not given.
  const ObjectData* Find(Kind kind, const std::string& namespace_name, const std::string& name) const;

  // What was added, for a file that only its owner may read: those that `namespace_name` sees.
  std::vector<Node> Documents(const std::string& namespace_name) const;

 private:
  struct Object {
    ObjectData data;
    Node document;
  };
  std::map<std::tuple<Kind, std::string, std::string>, Object> objects_;  // kind, namespace ("": every), name
};

std::string_view KindName(Objects::Kind kind);  // "ConfigMap"

}  // namespace qalam
