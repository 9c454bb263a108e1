// SPDX-License-Identifier: Apache-2.0
// SQLite's layer over the system's files, with a disk that fails at a chosen operation, or that remembers everything
// that was done to it, so that a power cut can be made at any point afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qalam {

struct DiskOperation {
  enum class Kind { kWrite, kTruncate, kSync };
  Kind kind;
  std::string file;
  std::int64_t offset = 0;  // or the size that a file is cut to
  std::string bytes;
};

// The default layer of SQLite while it lives: one at a time, and no database open when it comes or goes.
class TestDisk {
 public:
  TestDisk();
  TestDisk(const TestDisk&) = delete;
  TestDisk& operator=(const TestDisk&) = delete;
  ~TestDisk();

  // The operation that is the n-th from now fails with `code`; if it persists, each one after it too.
  void FailAt(int n, int code, bool persists);
  void Heal();          // nothing fails from now on
  bool failed() const;  // something has
  // Nothing fails, and nothing is counted, while it lives.
  class Pause {
   public:
    Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();
  };

  void Record();  // from now on
  const std::vector<DiskOperation>& operations() const;
};

}  // namespace qalam
