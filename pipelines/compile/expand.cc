// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/expand.h"

#include <algorithm>

namespace qalam {
namespace {

constexpr char kDollar = '\xff';  // in no UTF-8

}  // namespace

const Variable* FindVariable(const Variables& variables, std::string_view name) {
  const auto found =
      std::find_if(variables.rbegin(), variables.rend(), [name](const auto& v) { return v.name == name; });
  return found == variables.rend() ? nullptr : &*found;
}

std::string Expand(std::string_view text, const Variables& variables, bool* secret) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t dollar = text.find('$', at);
    out.append(text, at, dollar == std::string_view::npos ? dollar : dollar - at);
    if (dollar == std::string_view::npos) break;
    const char next = dollar + 1 < text.size() ? text[dollar + 1] : '\0';
    at = dollar + 1;
    if (next == '$') ++at;
    const std::size_t close = next == '(' ? text.find(')', at) : std::string_view::npos;
    const Variable* const value =
        close == std::string_view::npos ? nullptr : FindVariable(variables, text.substr(at + 1, close - at - 1));
    if (value == nullptr) {
      out += '$';
      continue;
    }
    out += value->value;
    *secret = *secret || value->secret;
    at = close + 1;
  }
  return out;
}

bool HasDollars(const Assignments& assignments) {
  return std::any_of(assignments.begin(), assignments.end(),
                     [](const Assignment& a) { return a.value.find('$') != std::string::npos; });
}

Assignments ProtectDollars(Assignments assignments) {
  for (Assignment& assignment : assignments) std::ranges::replace(assignment.value, '$', kDollar);
  return assignments;
}

void RestoreDollars(std::string* text) { std::ranges::replace(*text, kDollar, '$'); }

void RestoreDollars(Run* run) {
  for (Step& step : run->steps) {
    for (auto* words : {&step.command, &step.shown_command}) {
      for (std::string& word : *words) RestoreDollars(&word);
    }
    for (auto* variables : {&step.env, &step.secret_env}) {
      for (auto& [name, value] : *variables) RestoreDollars(&value);
    }
    for (Mount& mount : step.mounts) {
      RestoreDollars(&mount.path);
      RestoreDollars(&mount.sub_path);
    }
    RestoreDollars(&step.working_dir);
    RestoreDollars(&step.hint);
  }
  for (Volume& volume : run->volumes) {
    RestoreDollars(&volume.path);
    for (Volume::File& file : volume.files) RestoreDollars(&file.content);
  }
}

}  // namespace qalam
