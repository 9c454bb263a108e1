// SPDX-License-Identifier: Apache-2.0
// What the command prints: a pipe that the shim empties into the log. Were the log itself its standard output, whoever
// opens /dev/stderr for writing (`echo oops > /dev/stderr`) would cut it to nothing, and a full disk would fail the
// command instead of making it wait.
#pragma once

#include <cstddef>

namespace qalam::shim {

class Output {
 public:
  // 0, or an errno. `writer` is the command's end, the caller's to close.
  int Open(int folder, int* writer);
  // What to poll for reading; -1: nothing, for now (the disk has no room) or any more (nobody writes).
  int wanted() const { return full_ || closed_ ? -1 : pipe_; }
  bool full() const { return full_; }  // to be pumped again in a while, whoever writes
  // Moves what is there, up to the size of the buffer.
  void Pump();
  // Nobody writes any more: moves all that is left, and waits for room if it must. Gives up when the attempt's folder
  // has been removed.
  void Finish();
  // Bytes of the log, as it is now; -1: it cannot be told.
  long long size() const;
  bool cut() const { return cut_; }  // the log has reached the limit on a file's size; the rest was thrown away

 private:
  bool Write();
  bool Read();

  int folder_ = -1, log_ = -1, pipe_ = -1;
  bool full_ = false, closed_ = false, cut_ = false;
  char buffer_[64 << 10];
  std::size_t begin_ = 0, end_ = 0;  // what was read and is not in the log yet
};

}  // namespace qalam::shim
