// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "cli/text.h"

namespace qalam {
namespace {

constexpr int kNarrowest = 60;
constexpr std::size_t kMostWaiting = 1 << 20;
constexpr std::size_t kChunk = 512;  // a terminal or pipe that polls writable takes this much without waiting

bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// Columns without the escape sequences of colours.
int VisibleWidth(std::string_view line) {
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b') {
      while (i < line.size() && line[i] != 'm') ++i;
    } else {
      plain += line[i];
    }
  }
  return DisplayWidth(plain);
}

}  // namespace

bool CanRedraw(int fd) {
  const char* term = std::getenv("TERM");
  const char* ci = std::getenv("CI");
  if (isatty(fd) == 0 || (term != nullptr && std::string_view(term) == "dumb")) return false;
  if (ci != nullptr && (std::string_view(ci) == "1" || std::string_view(ci) == "true")) return false;
  return TerminalView(fd).width >= kNarrowest;
}

View TerminalView(int fd) {
  View view;
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    view.width = size.ws_col;
    view.height = size.ws_row;
  }
  view.color = isatty(fd) != 0 && !IsSet("NO_COLOR");
  return view;
}

void Output::Line(std::string_view line) {
  if (waiting_.size() > kMostWaiting) {
    ++left_out_;
    return;
  }
  std::string text = EraseSequence();
  frame_.clear();
  if (left_out_ > 0) text += fmt::format("({} lines were left out: nobody read them)\n", left_out_);
  left_out_ = 0;
  Write(text.append(line).append("\n"));
}

void Output::Frame(const std::vector<std::string>& lines) {
  if (behind()) return;
  std::string text = EraseSequence();
  frame_.clear();
  for (const std::string& line : lines) {
    frame_.push_back(VisibleWidth(line));
    text.append(line).append("\n");
  }
  Write(text);
}

void Output::EndFrame() { frame_.clear(); }

void Output::EraseFrame() {
  Write(EraseSequence());
  frame_.clear();
}

// Up over every line that the frame takes now: a terminal that became narrower has folded the long ones.
std::string Output::EraseSequence() const {
  if (frame_.empty()) return "";
  const int width = std::max(1, TerminalView(fd_).width);
  int rows = 0;
  for (const int columns : frame_) rows += std::max(1, (columns + width - 1) / width);
  return fmt::format("\x1b[{}A\r\x1b[J", rows);
}

void Output::Write(std::string_view bytes) {
  waiting_.append(bytes);
  Flush();
}

void Output::Flush() {
  std::size_t written = 0;
  while (written < waiting_.size() && !gone_) {
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, 0) <= 0) break;
    const ssize_t n = write(fd_, waiting_.data() + written, std::min(kChunk, waiting_.size() - written));
    if (n > 0) written += static_cast<std::size_t>(n);
    if (n < 0 && errno != EINTR && errno != EAGAIN) gone_ = true;
    if (n < 0 && errno == EAGAIN) break;
  }
  if (gone_) written = waiting_.size();
  waiting_.erase(0, written);
}

void Output::FlushAll(std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kLook{1'000};
  for (Flush(); behind() && patience.count() > 0; Flush()) {
    const auto wait = std::min(patience, kLook);
    pollfd ready{fd_, POLLOUT, 0};
    const int got = poll(&ready, 1, static_cast<int>(wait.count()));
    if (got < 0 && errno != EINTR) return;
    if (got <= 0) patience -= wait;
  }
}

}  // namespace qalam
