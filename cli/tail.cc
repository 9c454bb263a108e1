// SPDX-License-Identifier: Apache-2.0
#include "cli/tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace qalam {

Result<std::int64_t> StartOfLastLines(int fd, std::int64_t lines) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return Error(Code::kUnavailable, "{}", std::strerror(errno));
  std::array<char, 65'536> block;
  std::int64_t end = info.st_size;
  while (end > 0) {
    const std::int64_t start = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(block.size()));
    const ssize_t n = pread(fd, block.data(), static_cast<std::size_t>(end - start), start);
    if (n < 0) return Error(Code::kUnavailable, "{}", std::strerror(errno));
    for (std::int64_t i = n - 1; i >= 0; --i) {
      // The newline that ends the last line begins no other.
      if (block[static_cast<std::size_t>(i)] != '\n' || start + i + 1 == info.st_size) continue;
      if (--lines <= 0) return start + i + 1;
    }
    end = start;
  }
  return std::int64_t{0};
}

std::string LastLines(const std::string& path, std::int64_t lines) {
  constexpr std::int64_t kMost = 65'536;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return "";
  std::string text;
  struct stat info {};
  if (const auto start = StartOfLastLines(fd, lines); start.ok() && fstat(fd, &info) == 0 && info.st_size > *start) {
    const std::int64_t from = std::max(*start, info.st_size - kMost);
    text.resize(static_cast<std::size_t>(info.st_size - from));
    const ssize_t n = pread(fd, text.data(), text.size(), from);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  }
  close(fd);
  return text;
}

}  // namespace qalam
