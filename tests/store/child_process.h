// SPDX-License-Identifier: Apache-2.0
// A copy of the test that can be killed. Fork only while the test has one thread and no database open.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace qalam {

class Child {
 public:
  // Runs `body`, which may write to the descriptor it is given, and ends.
  explicit Child(const std::function<void(int to_parent)>& body);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // kills it

  pid_t pid() const { return pid_; }
  bool Read(void* into, std::size_t size);  // what it wrote; false: it ended before it wrote that much
  std::string ReadAll();                    // until it ends
  void Kill();                              // SIGKILL; what it wrote can still be read
  int Wait();                               // its exit code, or 128 + the signal that ended it

 private:
  pid_t pid_ = -1;
  int from_ = -1;
  int exit_ = -1;
};

}  // namespace qalam
