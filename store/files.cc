// SPDX-License-Identifier: Apache-2.0
#include "store/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace qalam {

Status IoFault(const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Error(full                                ? Code::kResourceExhausted
               : error == EACCES || error == EROFS ? Code::kPermissionDenied
                                                   : Code::kUnavailable,
               "{}: {}", what, full ? "the disk is full" : std::strerror(error));
}

Status SyncFile(const std::string& file, int flags) {
  const int descriptor = open(file.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return IoFault(file, errno);
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  return error == 0 ? OkStatus() : IoFault(file, error);
}

Status SyncFolderOf(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return SyncFile(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

void RemoveLogs(const std::string& file) {
  for (const char* tail : {"-wal", "-shm", "-journal"}) unlink((file + tail).c_str());
}

void RemoveDatabase(const std::string& file) {
  unlink(file.c_str());
  RemoveLogs(file);
}

Status MakePrivateFile(const std::string& file) {
  RemoveDatabase(file);  // left by one that was killed here
  const int descriptor = open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0) return IoFault(file + " cannot be made", errno);
  close(descriptor);
  return OkStatus();
}

}  // namespace qalam
