// SPDX-License-Identifier: Apache-2.0
#include "bench/roster.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "algorithms/suggester.h"
#include "bench/contenders/service.h"
#include "bench/files.h"
#include "core/diagnostic.h"

namespace qalam::bench {
namespace {

std::string Trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
  return first == text.npos ? "" : std::string(text.substr(first, last - first + 1));
}

// Where `wanted` stands outside of parentheses, the first time.
std::size_t FindOutside(std::string_view text, char wanted) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0 && text[i] == wanted) return i;
  }
  return text.npos;
}

// NAME, or NAME(SETTING=VALUE,...).
Result<AlgorithmSpec> ParseCall(std::string_view text) {
  const std::size_t open = text.find('(');
  AlgorithmSpec call{Trimmed(text.substr(0, open)), {}};
  if (open == text.npos) return call;
  if (text.back() != ')') return InvalidArgument("'{}' opens a parenthesis that does not end it", text);
  for (const std::string& setting : SplitNames(text.substr(open + 1, text.size() - open - 2))) {
    const std::size_t equals = setting.find('=');
    if (equals == 0 || equals == setting.npos)
      return InvalidArgument("'{}' in '{}' is no SETTING=VALUE", setting, text);
    call.settings.push_back({Trimmed(setting.substr(0, equals)), Trimmed(setting.substr(equals + 1))});
  }
  return call;
}

// As the reports call it.
std::string NameOf(const AlgorithmSpec& call) {
  std::string name = call.name;
  for (std::size_t i = 0; i < call.settings.size(); ++i)
    name += fmt::format("{}{}={}", i == 0 ? "(" : " ", call.settings[i].name, call.settings[i].value);
  return name + (call.settings.empty() ? "" : ")");
}

}  // namespace

std::vector<std::string> SplitNames(std::string_view list) {
  std::vector<std::string> names(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  std::vector<std::string> trimmed;
  for (const std::string& name : names) {
    if (std::string word = Trimmed(name); !word.empty()) trimmed.push_back(std::move(word));
  }
  return trimmed;
}

Roster::Roster(RosterOptions options)
    : options_(std::move(options)),
      peers_({options_.home, options_.logs, options_.workers, options_.timeout, options_.interrupted}) {}

Status Roster::Unknown(const std::string& name) const {
  std::vector<std::string> known;
  for (const AlgorithmInfo& info : Algorithms()) known.emplace_back(info.name);
  for (const auto& [algorithm, service] : options_.services) known.push_back(algorithm);
  if (const auto peers = Peers::List(options_.home); peers.ok()) {
    for (const PeerInfo& peer : *peers) known.push_back(peer.name);
  }
  const std::string nearest = NearestWord(name, known);
  return Error(Code::kNotFound, "'{}' is neither an algorithm nor a peer; {}", name,
               nearest.empty() ? "'qalam bench list' shows all" : fmt::format("did you mean '{}'?", nearest));
}

Result<ContenderSpec> Roster::Parse(std::string_view text) const {
  const std::size_t plus = FindOutside(text, '+');
  if (plus == text.npos) return ParseSampler(text);
  QALAM_TRY(ContenderSpec spec, ParseSampler(text.substr(0, plus)));
  const std::string_view rule = text.substr(plus + 1);
  QALAM_TRY(spec.stopping, ParseCall(rule));
  const auto stopper = MakeStopper(spec.stopping, /*steps=*/100);
  if (!stopper.ok()) return stopper.status().Within(std::string(rule));
  spec.name += "+" + NameOf(spec.stopping);
  return spec;
}

Result<ContenderSpec> Roster::ParseSampler(std::string_view text) const {
  ContenderSpec spec;
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    spec.kind = ContenderSpec::Kind::kService;
    spec.where = Trimmed(text.substr(at + 1));
    text = text.substr(0, at);
    if (spec.where.find(':') == spec.where.npos) return InvalidArgument("'{}' is no HOST:PORT", spec.where);
  }
  QALAM_TRY(AlgorithmSpec call, ParseCall(text));
  spec.name = NameOf(call);
  spec.algorithm = std::move(call.name);
  spec.settings = std::move(call.settings);
  if (!spec.where.empty()) {
    spec.name += "@" + spec.where;
    return spec;
  }
  if (options_.services.contains(spec.algorithm)) {
    spec.kind = ContenderSpec::Kind::kService;
    return spec;
  }
  if (FindAlgorithm(spec.algorithm) != nullptr) return spec;
  const auto peers = Peers::List(options_.home);
  const bool is_peer = peers.ok() && std::any_of(peers->begin(), peers->end(),
                                                 [&](const PeerInfo& peer) { return peer.name == spec.algorithm; });
  if (!is_peer) return Unknown(spec.algorithm);
  if (!spec.settings.empty()) return InvalidArgument("'{}' is a peer, and peers have no settings here", spec.algorithm);
  spec.kind = ContenderSpec::Kind::kPeer;
  return spec;
}

Result<std::unique_ptr<Contender>> Roster::Make(const ContenderSpec& spec, const Problem& problem, std::uint64_t seed,
                                                std::optional<int> max_trials, int workers) {
  if (spec.kind == ContenderSpec::Kind::kPeer) return peers_.Make(spec, problem, seed, max_trials);
  if (spec.kind == ContenderSpec::Kind::kBuiltin) return MakeBuiltin(spec, problem, seed, max_trials, workers);
  ServiceOptions service{{}, "", options_.workers, options_.interrupted};
  service.service.endpoint = spec.where;
  if (spec.where.empty()) {
    const auto plugin = options_.services.find(spec.algorithm);
    if (plugin == options_.services.end())
      return Error(Code::kNotFound, "no plugin of this name is in the configuration (--config FILE)");
    service.service = plugin->second;
    std::error_code error;
    std::filesystem::create_directories(options_.logs, error);
    service.log = fmt::format("{}/{}-{}-s{}.log", options_.logs, PathWord(spec.name), PathWord(problem.name()), seed);
  }
  service.service.deadline = std::min(service.service.deadline, options_.timeout);
  return MakeService(spec, problem, seed, max_trials, std::move(service));
}

bool Roster::TrainsSteps(const ContenderSpec& spec) const {
  if (spec.kind != ContenderSpec::Kind::kPeer) return false;
  const auto peers = Peers::List(options_.home);
  return peers.ok() &&
         std::ranges::any_of(*peers, [&](const PeerInfo& peer) { return peer.name == spec.algorithm && peer.steps; });
}

Status Roster::CheckSteps(const ContenderSpec& spec, bool by_steps) const {
  if (spec.stopping.name.empty()) {
    // Nothing to stop.
  } else if (!by_steps) {
    return InvalidArgument("'+{}' stops trials early: it can be tried with --steps only", spec.stopping.name);
  } else if (spec.kind != ContenderSpec::Kind::kBuiltin) {
    return InvalidArgument("'{}' is none of ours and cannot be told of trials that were stopped", spec.algorithm);
  }
  if (!by_steps && TrainsSteps(spec))
    return InvalidArgument("'{}' trains step by step: it can be tried with --steps only", spec.algorithm);
  return OkStatus();
}

Result<std::unique_ptr<StepContender>> Roster::MakeSteps(const ContenderSpec& spec, const Problem& problem,
                                                         std::uint64_t seed, std::optional<int> max_trials,
                                                         int workers) {
  if (TrainsSteps(spec)) return peers_.MakeSteps(spec, problem, seed, max_trials);
  if (spec.kind == ContenderSpec::Kind::kBuiltin) return MakeBuiltinSteps(spec, problem, seed, max_trials, workers);
  QALAM_TRY(auto sampler, Make(spec, problem, seed, max_trials, workers));
  QALAM_TRY(auto stopper, MakeStopper(spec.stopping, problem.steps()));
  return MakeStopped(std::move(sampler), std::move(stopper), problem.steps());
}

}  // namespace qalam::bench
