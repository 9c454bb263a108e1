// SPDX-License-Identifier: Apache-2.0
// What the verbs that change something share: naming an experiment or a trial as kubectl does, and a database that is
// changed through the qalam that holds it, or directly where nobody does.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/holder.h"
#include "cli/lookup.h"
#include "cli/remote.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace qalam {

struct ControlOptions {
  std::string db = kDefaultDatabase;
  std::string namespace_name;  // empty: any
  std::vector<std::string> target;
};
// TARGET..., --db and -n. `what`: the help of TARGET.
void AddControl(Verb* verb, ControlOptions* options, const std::string& what);

class Control {
 public:
  // NOT_FOUND: there is no such database; none is made.
  static Result<std::unique_ptr<Control>> Open(const std::string& db);

  // What the words name: one thing or more. A kind without a name is refused: too much could be meant.
  Result<std::vector<Target>> Find(const ControlOptions& options, Kinds kinds);
  // The same, where it can be one only.
  Result<Target> FindOne(const ControlOptions& options, Kinds kinds);

  // A qalam runs the database: what is done goes through it, and takes effect at once.
  bool held() const { return remote_ != nullptr; }
  StoreReader& reader() { return held() ? remote_->reader() : holder_->reader(); }
  Result<Node> Do(const Node& command);
  // Until `over`, looked at again and again: what is stopped directly needs this process until it has ended.
  Status WaitUntil(const std::function<Result<bool>()>& over);
  // How what was recorded goes on, where nobody runs the database: "\n  goes on with: qalam resume exp NAME".
  std::string GoesOn(const std::string& experiment) const;
  std::string DbOption() const;

 private:
  explicit Control(std::string db) : db_(std::move(db)) {}
  std::string db_;
  std::unique_ptr<RemoteHost> remote_;  // one of the two
  std::unique_ptr<Holder> holder_;
};

std::string Trials(int n);  // "1 trial", "3 trials"

}  // namespace qalam
