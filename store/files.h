// SPDX-License-Identifier: Apache-2.0
// A database as files: made for its owner alone, made durable, removed with all that belongs to it.
#pragma once

#include <string>

#include "core/status.h"

namespace qalam {

Status IoFault(const std::string& what, int error);   // "what: the system's word"; RESOURCE_EXHAUSTED: no room
Status SyncFile(const std::string& file, int flags);  // opened with these
Status SyncFolderOf(const std::string& file);         // so that names made or changed there survive a power cut
void RemoveLogs(const std::string& file);             // -wal, -shm and -journal
void RemoveDatabase(const std::string& file);         // and the file
Status MakePrivateFile(const std::string& file);      // empty, 0600; SQLite gives -wal and -shm the same mode

}  // namespace qalam
