// SPDX-License-Identifier: Apache-2.0
// Where an experiment came from, so that it can be repeated: program, command line, git commit, environment. Kept in
// its annotations when it is first submitted; of the environment the names only, never a value.
#pragma once

#include <string>

#include "cli/input.h"

namespace qalam {

inline constexpr const char* kVersionAnnotation = "qalam.dev/version";
inline constexpr const char* kCommandAnnotation = "qalam.dev/command";
inline constexpr const char* kGitAnnotation = "qalam.dev/git-commit";  // "<commit>", "<commit> (dirty)"; absent: no git
inline constexpr const char* kEnvironmentAnnotation = "qalam.dev/environment";
inline constexpr const char* kOriginAnnotations[] = {kVersionAnnotation, kCommandAnnotation, kGitAnnotation,
                                                     kEnvironmentAnnotation};

// Into every request that is new. Never fails: what cannot be found out is left out.
void RecordOrigin(const std::string& command_line, Input* input);
// Of the work tree that holds `folder`, by the `git` program; empty where there is none, or it takes too long.
std::string GitCommit(const std::string& folder);

}  // namespace qalam
