// SPDX-License-Identifier: Apache-2.0
// Standard output and what stands behind it: a terminal that can be drawn on, or lines into a pipe or a file.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "cli/progress.h"

namespace qalam {

// Whether a display may be drawn again and again: a terminal of at least 60 columns, and neither CI=1 nor TERM=dumb.
bool CanRedraw(int fd);
// Size of the terminal and whether colour is welcome (NO_COLOR). 80 x 24 without colour where there is none.
View TerminalView(int fd);

// Never holds up the loop: what a slow or stopped reader has not taken yet is kept, up to a limit, and the display
// skips frames. A reader that went away is nothing: the experiments matter more.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  void Line(std::string_view line);                   // stays; above the display if there is one
  void Frame(const std::vector<std::string>& lines);  // in place of the last one
  void EndFrame();                                    // the last frame stays and is built upon no more
  void EraseFrame();
  void Flush();  // what can be written now
  // Waits for the reader, but no longer than `patience` for one who takes nothing.
  void FlushAll(std::chrono::milliseconds patience = std::chrono::milliseconds::max());
  bool behind() const { return !waiting_.empty(); }

 private:
  void Write(std::string_view bytes);
  std::string EraseSequence() const;

  int fd_;
  bool gone_ = false;
  std::string waiting_;       // not taken yet
  std::size_t left_out_ = 0;  // lines that found no room
  std::vector<int> frame_;    // width of each of its lines
};

}  // namespace qalam
