// SPDX-License-Identifier: Apache-2.0
// The words of the short form, on the command line and in its file: "log(1e-5, 1e-1)", "{lr}", and the name that a
// command gives an experiment. Functions return the fault, and nullopt when there is none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/document.h"
#include "core/search_space.h"

namespace qalam {

inline constexpr std::string_view kCommandContainer = "trial";  // of a template that is made from a command

bool IsParameterName(std::string_view name);
inline constexpr std::string_view kParameterNameRule =
    "must be letters, digits, '_', '-' and '.', and begin with a letter or '_'";

// "real(0,1)", "log(1e-5,1e-1)", "int(1,8)", "16,32,64", "sgd,adam" into the type and the space of `parameter`.
std::optional<std::string> ParseSpace(std::string_view values, ParameterSpec* parameter);
// The same the other way; nullopt for a list, and for what the words cannot say.
std::optional<std::string> SpaceWord(const ParameterSpec& parameter);

// An argument in which "{lr}" stands for the parameter, and "{{" for a brace, as a trial template says it. The names
// that occur are added to `used`, once each.
std::optional<std::string> ReplaceBraces(std::string_view argument, const std::vector<std::string>& parameters,
                                         std::string* out, std::vector<std::string>* used);

// "python3 -u models/Train_Net.py" is called train-net.
std::string NameOfCommand(const std::vector<std::string>& command);
// Any text as an experiment's name: small letters, digits and '-'.
std::string NameFrom(std::string_view text);

// A batch/v1 Job that runs this command.
Node JobOfCommand(Node command, const std::string& working_dir);

}  // namespace qalam
