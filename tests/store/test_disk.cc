// SPDX-License-Identifier: Apache-2.0
#include "tests/store/test_disk.h"

#include <sqlite3.h>

#include <utility>

namespace qalam {
namespace {

struct Disk {
  int until_fault = 0;  // 0: well
  int code = SQLITE_OK;
  bool persists = false, failed = false, paused = false;
  bool records = false;
  std::vector<DiskOperation> operations;
} disk;

// What the operation that comes now is to answer instead; SQLITE_OK: let it be done.
int Fail() {
  if (disk.paused || disk.until_fault == 0 || --disk.until_fault > 0) return SQLITE_OK;
  disk.failed = true;
  if (disk.persists) disk.until_fault = 1;
  return disk.code;
}
// A full disk only minds what makes files longer.
int FailUnlessFull() { return disk.code == SQLITE_FULL ? SQLITE_OK : Fail(); }

sqlite3_vfs* real = nullptr;

struct File {
  sqlite3_file base;
  std::string* name;
  sqlite3_file* of() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
sqlite3_file* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->of(); }
const sqlite3_io_methods& MethodsOf(sqlite3_file* file) { return *Of(file)->pMethods; }

void Record(sqlite3_file* f, DiskOperation::Kind kind, sqlite3_int64 offset = 0, std::string bytes = "") {
  if (!disk.records) return;
  disk.operations.push_back({kind, *reinterpret_cast<File*>(f)->name, offset, std::move(bytes)});
}

int Close(sqlite3_file* f) {
  delete std::exchange(reinterpret_cast<File*>(f)->name, nullptr);
  return MethodsOf(f).xClose(Of(f));
}
int Read(sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_READ;
  return MethodsOf(f).xRead(Of(f), into, size, at);
}
int Write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
  if (const int code = Fail(); code != SQLITE_OK) {
    MethodsOf(f).xWrite(Of(f), from, size / 2, at);  // as a disk does: half of it arrived
    return code == SQLITE_FULL ? code : SQLITE_IOERR_WRITE;
  }
  Record(f, DiskOperation::Kind::kWrite, at, {static_cast<const char*>(from), static_cast<std::size_t>(size)});
  return MethodsOf(f).xWrite(Of(f), from, size, at);
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_TRUNCATE;
  Record(f, DiskOperation::Kind::kTruncate, size);
  return MethodsOf(f).xTruncate(Of(f), size);
}
int Sync(sqlite3_file* f, int flags) {
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  Record(f, DiskOperation::Kind::kSync);
  return MethodsOf(f).xSync(Of(f), flags);
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) {
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_FSTAT;
  return MethodsOf(f).xFileSize(Of(f), size);
}
int Lock(sqlite3_file* f, int level) { return MethodsOf(f).xLock(Of(f), level); }
int Unlock(sqlite3_file* f, int level) { return MethodsOf(f).xUnlock(Of(f), level); }
int CheckReservedLock(sqlite3_file* f, int* held) { return MethodsOf(f).xCheckReservedLock(Of(f), held); }
int FileControl(sqlite3_file* f, int what, void* argument) { return MethodsOf(f).xFileControl(Of(f), what, argument); }
int SectorSize(sqlite3_file* f) { return MethodsOf(f).xSectorSize(Of(f)); }
int DeviceCharacteristics(sqlite3_file* f) { return MethodsOf(f).xDeviceCharacteristics(Of(f)); }
int ShmMap(sqlite3_file* f, int region, int size, int extend, void volatile** memory) {
  if (extend != 0 && FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_SHMSIZE;
  return MethodsOf(f).xShmMap(Of(f), region, size, extend, memory);
}
int ShmLock(sqlite3_file* f, int offset, int count, int flags) {
  return MethodsOf(f).xShmLock(Of(f), offset, count, flags);
}
void ShmBarrier(sqlite3_file* f) { MethodsOf(f).xShmBarrier(Of(f)); }
int ShmUnmap(sqlite3_file* f, int remove) { return MethodsOf(f).xShmUnmap(Of(f), remove); }

constexpr sqlite3_io_methods kMethods = {2,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         DeviceCharacteristics,
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap,
                                         nullptr,
                                         nullptr};

int Open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags, int* flags_out) {
  f->pMethods = nullptr;
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_CANTOPEN;
  const int code = real->xOpen(real, name, Of(f), flags, flags_out);
  if (Of(f)->pMethods != nullptr) {
    f->pMethods = &kMethods;
    reinterpret_cast<File*>(f)->name = new std::string(name != nullptr ? name : "");
  }
  return code;
}
int Delete(sqlite3_vfs*, const char* name, int sync) {
  if (FailUnlessFull() != SQLITE_OK) return SQLITE_IOERR_DELETE;
  return real->xDelete(real, name, sync);
}

sqlite3_vfs layer;

}  // namespace

TestDisk::TestDisk() {
  real = sqlite3_vfs_find("unix");
  layer = *real;
  layer.pNext = nullptr;
  layer.zName = "test-disk";
  layer.szOsFile = static_cast<int>(sizeof(File)) + real->szOsFile;
  layer.xOpen = Open;
  layer.xDelete = Delete;
  sqlite3_vfs_register(&layer, /*makeDflt=*/1);
  disk = {};
}
TestDisk::~TestDisk() {
  disk = {};
  sqlite3_vfs_unregister(&layer);
  sqlite3_vfs_register(real, /*makeDflt=*/1);
}
void TestDisk::FailAt(int n, int code, bool persists) {
  disk.until_fault = n;
  disk.code = code;
  disk.persists = persists;
}
void TestDisk::Heal() { disk.until_fault = 0; }
bool TestDisk::failed() const { return disk.failed; }

TestDisk::Pause::Pause() { disk.paused = true; }
TestDisk::Pause::~Pause() { disk.paused = false; }

void TestDisk::Record() { disk.records = true; }
const std::vector<DiskOperation>& TestDisk::operations() const { return disk.operations; }

}  // namespace qalam
