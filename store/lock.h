// SPDX-License-Identifier: Apache-2.0
// One process owns a database: it holds an advisory lock on a file beside it, which says the process's number.
#pragma once

#include <string>
#include <utility>

#include "core/status.h"

namespace qalam {

// Held until destroyed, and never by a child of this process: the descriptor is closed by exec.
// The file stays behind when the lock goes: to remove it would let two processes each lock one of the same name.
class FileLock {
 public:
  // FAILED_PRECONDITION: another holds it; the message names its process. Does not wait for it to go.
  static Result<FileLock> Take(const std::string& lock_file, const std::string& protects);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// SQLite's log needs shared memory and locks that network file systems do not keep. FAILED_PRECONDITION says so, for
// the magic number of a file system as statfs(2) gives it; QALAM_ALLOW_NFS=1 in the environment lets it pass.
Status CheckFilesystemType(long magic, const std::string& file);
Status CheckFilesystem(const std::string& file);  // the one that `file`'s folder is on

}  // namespace qalam
