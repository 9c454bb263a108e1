// SPDX-License-Identifier: Apache-2.0
// The table of verbs as words: what completion, the man page and the reference of docs/cli.md say about an option.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace qalam {

bool IsPositional(const VerbOption& option);
bool IsFlag(const VerbOption& option);
bool TakesMany(const VerbOption& option);
std::vector<std::string> OptionWords(const VerbOption& option);  // "-n", "--trials"; of a positional none
std::string ValueWord(const VerbOption& option);                 // "FILE"; of a flag none
std::string DefaultOf(const VerbOption& option);                 // "qalam.db", or ""
// "get KIND [NAME]": how it is called, but for its options. `before`: the verb that it belongs to.
std::string Usage(const Verb& verb, const std::string& before);

std::string ManPage(const std::vector<Verb>& verbs);
std::string MarkdownReference(const std::vector<Verb>& verbs);

}  // namespace qalam
