// SPDX-License-Identifier: Apache-2.0
#include "suggest/reply.h"

#include <fmt/core.h>
#include <grpcpp/support/status.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "core/objective.h"
#include "suggest/architecture.h"
#include "suggest/convert.h"

namespace qalam {
namespace {

// A number has fewer digits; a list member is no longer than the document it stands in.
constexpr std::size_t kMaxNumberBytes = 1 << 10;
constexpr std::size_t kMaxValueBytes = 1 << 20;
constexpr std::size_t kMaxShownName = 100;
constexpr std::size_t kMaxSettingsBytes = 1 << 20;
constexpr std::size_t kMaxArchitecture = 64;
constexpr std::size_t kMaxLabels = 64;
constexpr int kMaxRules = 64;
constexpr std::size_t kMaxLabelBytes = 4096;

bool IsDnsLabel(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && alphanumeric(name.front()) && alphanumeric(name.back()) &&
         std::ranges::all_of(name, [&](char c) { return alphanumeric(c) || c == '-'; });
}

// The assignments of a search for an architecture: names and values are the service's own, each name once.
Result<Assignments> ReadArchitecture(const wire::GetSuggestionsReply::ParameterAssignments& from,
                                     const ExperimentSpec* nas) {
  Assignments out;
  for (const wire::ParameterAssignment& a : from.assignments()) {
    if (a.name().empty()) return InvalidArgument("an assignment has no name");
    if (FindValue(out, a.name()) != nullptr)
      return InvalidArgument("'{}' has two values", Shown(a.name(), kMaxShownName));
    if (a.value().size() > kMaxValueBytes)
      return InvalidArgument("'{}' has a value of {} bytes", Shown(a.name(), kMaxShownName), a.value().size());
    out.push_back({a.name(), a.value()});
    if (out.size() > kMaxArchitecture) return InvalidArgument("there are more than {} assignments", kMaxArchitecture);
  }
  if (out.empty()) return InvalidArgument("there are no assignments");
  if (nas != nullptr) QALAM_RETURN_IF_ERROR(CheckArchitecture(*nas, out));
  return out;
}

// The assignments in the order of the space, each active parameter exactly once. Those of others become labels.
Result<Assignments> ReadAssignments(const wire::GetSuggestionsReply::ParameterAssignments& from,
                                    const SearchSpace& space, const ExperimentSpec* nas,
                                    std::map<std::string, std::string>* labels) {
  const std::vector<Parameter>& parameters = space.parameters();
  if (parameters.empty()) return ReadArchitecture(from, nas);
  Assignments out(parameters.size());
  for (const wire::ParameterAssignment& a : from.assignments()) {
    const auto it = std::ranges::find(parameters, a.name(), &Parameter::name);
    if (it == parameters.end())
      return InvalidArgument("parameter '{}' is not one of the experiment", Shown(a.name(), kMaxShownName));
    Assignment& to = out[static_cast<std::size_t>(it - parameters.begin())];
    if (!to.name.empty()) return InvalidArgument("parameter '{}' has two values", a.name());
    const bool number = it->type == ParameterType::kDouble || it->type == ParameterType::kInt;
    if (a.value().size() > (number ? kMaxNumberBytes : kMaxValueBytes)) {
      return InvalidArgument("parameter '{}' has a value of {} bytes", a.name(), a.value().size());
    }
    to = {a.name(), a.value()};
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].name.empty() && !parameters[i].condition)
      return InvalidArgument("parameter '{}' has no value", parameters[i].name);
  }
  std::erase_if(out, [](const Assignment& a) { return a.name.empty(); });
  space.MoveToSteps(&out);
  for (const Assignment& dropped : space.DropInactive(&out))
    (*labels)[fmt::format("{}{}", kInactiveLabelStart, dropped.name)] = dropped.value;
  QALAM_RETURN_IF_ERROR(space.Check(out));
  return out;
}

Result<Suggestion> ReadSuggestion(const wire::GetSuggestionsReply::ParameterAssignments& from, const SearchSpace& space,
                                  const ExperimentSpec* nas) {
  Suggestion out;
  std::map<std::string, std::string> inactive;
  QALAM_TRY(out.assignments, ReadAssignments(from, space, nas, &inactive));
  if (!from.trial_name().empty() && !IsDnsLabel(from.trial_name())) {
    return InvalidArgument(
        "trial name '{}' is not a DNS label (lower-case letters, digits and '-', at most 63 characters)",
        Shown(from.trial_name(), kMaxShownName));
  }
  out.trial_name = from.trial_name();
  std::size_t bytes = 0;
  for (const auto& [key, value] : from.labels()) bytes += key.size() + value.size();
  if (from.labels_size() > static_cast<int>(kMaxLabels) || bytes > kMaxLabels * kMaxLabelBytes) {
    return InvalidArgument("{} labels of {} bytes are too many", from.labels_size(), bytes);
  }
  out.labels = std::move(inactive);
  for (const auto& [key, value] : from.labels()) {
    if (!key.starts_with(kInactiveLabelStart)) out.labels.emplace(key, value);
  }
  return out;
}

}  // namespace

std::string Shown(std::string_view text, std::size_t longest) {
  std::string out(text.substr(0, longest));
  // Not in the middle of a character.
  while (text.size() > longest && !out.empty() && (text[out.size()] & 0xC0) == 0x80) out.pop_back();
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text.size() > longest ? out + "..." : out;
}

Status FaultOf(const grpc::Status& status, const std::string& service, std::chrono::milliseconds deadline) {
  auto code = static_cast<Code>(status.error_code());
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) code = Code::kPermissionDenied;
  if (code > Code::kDataLoss) code = Code::kUnknown;
  std::string text = Shown(status.error_message());
  if (code == Code::kDeadlineExceeded)
    text = fmt::format("no answer within {} s", std::chrono::duration<double>(deadline).count());
  if (text.empty()) text = "failed without a word";
  return Status(code, std::move(text)).Within(service);
}

Result<std::vector<EarlyStoppingRule>> CheckRules(
    const google::protobuf::RepeatedPtrField<wire::EarlyStoppingRule>& rules, const ObjectiveSpec& objective) {
  if (rules.size() > kMaxRules) return InvalidArgument("{} early-stopping rules are too many", rules.size());
  std::vector<EarlyStoppingRule> out;
  for (const wire::EarlyStoppingRule& from : rules) {
    const std::string name = Shown(from.name(), kMaxShownName);
    const auto& more = objective.additional_metric_names;
    if (from.name() != objective.metric_name && std::ranges::find(more, from.name()) == more.end())
      return InvalidArgument("an early-stopping rule is about '{}', which is no metric of the experiment", name);
    if (!ParseMetricValue(from.value()) || from.value().size() > kMaxNumberBytes)
      return InvalidArgument("the early-stopping rule for {} compares with '{}', which is no number", name,
                             Shown(from.value(), kMaxShownName));
    EarlyStoppingRule& rule = out.emplace_back(EarlyStoppingRule{from.name(), from.value(), {}, from.start_step()});
    switch (from.comparison()) {
      case wire::EQUAL: rule.comparison = Comparison::kEqual; break;
      case wire::LESS: rule.comparison = Comparison::kLess; break;
      case wire::GREATER: rule.comparison = Comparison::kGreater; break;
      default:
        return InvalidArgument(
            "the early-stopping rule for {} has the comparison {}: it must be EQUAL, LESS or GREATER", name,
            static_cast<int>(from.comparison()));
    }
    if (rule.start_step < 0)
      return InvalidArgument("the early-stopping rule for {} has the start_step {}", name, rule.start_step);
  }
  return out;
}

Result<SuggestionReply> CheckReply(const wire::GetSuggestionsReply& reply, const SearchSpace& space, int wanted,
                                   const ExperimentSpec* nas) {
  SuggestionReply out;
  std::set<std::string> names;
  for (const auto& from : reply.parameter_assignments()) {
    if (out.suggestions.size() >= static_cast<std::size_t>(std::max(wanted, 0))) break;
    Result<Suggestion> suggestion = ReadSuggestion(from, space, nas);
    if (suggestion.ok() && !suggestion->trial_name.empty() && !names.insert(suggestion->trial_name).second) {
      suggestion = InvalidArgument("trial name '{}' came twice", suggestion->trial_name);
    }
    if (suggestion.ok()) {
      out.suggestions.push_back(*std::move(suggestion));
    } else if (out.rejected++ == 0) {
      out.rejected_why = Shown(suggestion.status().message());
    }
  }
  std::size_t bytes = 0;
  for (const wire::AlgorithmSetting& setting : reply.algorithm().algorithm_settings()) {
    bytes += setting.name().size() + setting.value().size();
    if (bytes > kMaxSettingsBytes) {
      return Error(Code::kResourceExhausted, "the algorithm settings in the reply are more than {} bytes",
                   kMaxSettingsBytes);
    }
    out.algorithm_settings.push_back({setting.name(), setting.value()});
  }
  out.exhausted = reply.exhausted();
  return out;
}

}  // namespace qalam
