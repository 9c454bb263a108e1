// SPDX-License-Identifier: Apache-2.0
// Rows as small as a test wants them, rows as full as they can be, and folders that go when the test does.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "store/sqlite_store.h"
#include "store/store.h"

namespace qalam {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& parent = testing::TempDir()) {
    std::string name = (std::filesystem::path(parent) / "store-XXXXXX").string();
    QALAM_CHECK(mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
    path_ = std::filesystem::canonical(name);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string File(const std::string& name = "qalam.db") const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Where syncing costs nothing: for tests that do it thousands of times, and for a few MiB only.
inline std::string QuickFolder() { return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : testing::TempDir(); }

inline std::string ReadFile(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void WriteFile(const std::string& name, const std::string& bytes) {
  std::ofstream(name, std::ios::binary | std::ios::trunc) << bytes;
}

// The value, where a test has no use for a fault.
template <class T>
T Get(Result<T> result) {
  QALAM_CHECK(result.ok(), result.status().ToString());
  return *std::move(result);
}

inline WallTime At(int second, int nanosecond = 0) {
  return WallTime(std::chrono::seconds(1'767'225'600 + second) + std::chrono::nanoseconds(nanosecond));
}

Experiment SomeExperiment(std::int64_t id = 1, const std::string& name = "digits");
Trial SomeTrial(std::uint64_t ordinal = 1, const std::string& experiment = "digits", std::int64_t id = 1);
StepRecord SomeStep(const std::string& step = "main", int attempt = 1, const std::string& run = "digits-t1");
ObservationRow SomeReport(std::int64_t sequence, const std::string& trial = "digits-t1", int attempt = 1);
CollectorPosition SomePosition(std::int64_t offset, int attempt = 1, const std::string& trial = "digits-t1");
Event SomeEvent(const std::string& message, int second = 0, const std::string& object = "trial/digits-t1");

// An experiment with one trial, everything filled in, for the round trips.
WriteBatch FullBatch();

// All that a row says (but an id that the store gives), as text.
std::string Describe(const Experiment& experiment);
std::string Describe(const Trial& trial);
std::string Describe(const StepRecord& step);
std::string Describe(const ObservationRow& row);
std::string Describe(const CollectorPosition& position);
std::string Describe(const Event& event);

template <class Rows>
std::vector<std::string> DescribeAll(const Rows& rows) {
  std::vector<std::string> lines;
  for (const auto& row : rows) lines.push_back(Describe(row));
  return lines;
}

// All that a store holds: two hold the same if these are equal.
std::vector<std::string> DescribeStore(StoreReader& store);

}  // namespace qalam
