// SPDX-License-Identifier: Apache-2.0
// SQLite's layer over the system's files, with a disk that fails at a chosen operation.
#pragma once

namespace qalam {

// The default layer of SQLite while it lives: one at a time, and no database open when it comes or goes.
class FaultyVfs {
 public:
  // The operation that is the n-th from now fails with `code`; if it persists, each one after it too.
  FaultyVfs(int n, int code, bool persists);
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;
  ~FaultyVfs();

  // Nothing fails, and nothing is counted, while it lives.
  class Pause {
   public:
    Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();
  };

  void Heal();          // nothing fails from now on
  bool failed() const;  // something has
};

}  // namespace qalam
