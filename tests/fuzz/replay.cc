// SPDX-License-Identifier: Apache-2.0
// Every input that is kept below corpus/, through the same functions that libFuzzer calls.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {

#define QALAM_FUZZ_TARGET(name, function) Status function(std::string_view input);
#include "tests/fuzz/targets.inc"
#undef QALAM_FUZZ_TARGET

namespace {

struct Named {
  const char* name;
  Target target;
};
constexpr Named kTargets[] = {
#define QALAM_FUZZ_TARGET(name, function) {#name, &function},
#include "tests/fuzz/targets.inc"
#undef QALAM_FUZZ_TARGET
};

class FuzzReplay : public testing::TestWithParam<Named> {};

TEST_P(FuzzReplay, WhatIsKeptDoesNoHarm) {
  const std::filesystem::path folder = std::filesystem::path(QALAM_SOURCE_DIR "/tests/fuzz/corpus") / GetParam().name;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::ranges::sort(files);
  ASSERT_FALSE(files.empty()) << folder << " has no inputs";
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const std::string whole = text.str();
    // A crash takes this program with it: then the last line says which input it was.
    if (std::getenv("QALAM_FUZZ_VERBOSE") != nullptr) std::cerr << path << std::endl;
    EXPECT_EQ(GetParam().target(whole).ToString(), "OK") << path;
    // And what is left when a file is cut off.
    for (std::size_t i = 1; i <= 8; ++i) {
      const std::string_view part = std::string_view(whole).substr(0, whole.size() * i / 9);
      EXPECT_EQ(GetParam().target(part).ToString(), "OK") << path << ", its first " << part.size() << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FuzzReplay, testing::ValuesIn(kTargets),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(FuzzCorpus, EachFolderHasATarget) {
  for (const auto& entry : std::filesystem::directory_iterator(QALAM_SOURCE_DIR "/tests/fuzz/corpus")) {
    const std::string name = entry.path().filename();
    const bool known =
        std::ranges::find(kTargets, name, [](const Named& n) { return std::string(n.name); }) != std::end(kTargets);
#ifdef QALAM_FUZZ_WITHOUT_GRPC
    if (name.starts_with("grpc_")) continue;
#endif
    EXPECT_TRUE(known) << name;
  }
}

}  // namespace
}  // namespace qalam::fuzz
