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
  ContenderSpec spec;
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    spec.kind = ContenderSpec::Kind::kService;
    spec.where = Trimmed(text.substr(at + 1));
    text = text.substr(0, at);
    if (spec.where.find(':') == spec.where.npos) return InvalidArgument("'{}' is no HOST:PORT", spec.where);
  }
  const std::size_t open = text.find('(');
  spec.algorithm = spec.name = Trimmed(text.substr(0, open));
  if (open != text.npos) {
    if (text.back() != ')') return InvalidArgument("'{}' opens a parenthesis that does not end it", text);
    for (const std::string& setting : SplitNames(text.substr(open + 1, text.size() - open - 2))) {
      const std::size_t equals = setting.find('=');
      if (equals == 0 || equals == setting.npos)
        return InvalidArgument("'{}' in '{}' is no SETTING=VALUE", setting, text);
      spec.settings.push_back({Trimmed(setting.substr(0, equals)), Trimmed(setting.substr(equals + 1))});
      spec.name += fmt::format("{}{}={}", spec.settings.size() == 1 ? "(" : " ", spec.settings.back().name,
                               spec.settings.back().value);
    }
    if (!spec.settings.empty()) spec.name += ")";
  }
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

}  // namespace qalam::bench
