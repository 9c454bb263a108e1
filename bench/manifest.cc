// SPDX-License-Identifier: Apache-2.0
#include "bench/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/files.h"

namespace qalam::bench {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const ContenderSpec& contender) {
  Json json = {{"name", contender.name}, {"kind", KindWord(contender.kind)}, {"algorithm", contender.algorithm}};
  for (const Setting& setting : contender.settings) json["settings"].push_back({setting.name, setting.value});
  if (!contender.where.empty()) json["where"] = contender.where;
  if (!contender.stopping.name.empty()) {
    json["stopping"]["rule"] = contender.stopping.name;
    for (const Setting& setting : contender.stopping.settings)
      json["stopping"]["settings"].push_back({setting.name, setting.value});
  }
  return json;
}

ContenderSpec ToContender(const Json& json) {
  ContenderSpec contender;
  contender.name = json.at("name").get<std::string>();
  contender.algorithm = json.at("algorithm").get<std::string>();
  const auto kind = json.at("kind").get<std::string>();
  for (const auto known : {ContenderSpec::Kind::kBuiltin, ContenderSpec::Kind::kPeer, ContenderSpec::Kind::kService}) {
    if (KindWord(known) == kind) contender.kind = known;
  }
  for (const Json& setting : json.value("settings", Json::array())) {
    contender.settings.push_back({setting.at(0).get<std::string>(), setting.at(1).get<std::string>()});
  }
  contender.where = json.value("where", "");
  if (const auto stopping = json.find("stopping"); stopping != json.end()) {
    contender.stopping.name = stopping->at("rule").get<std::string>();
    for (const Json& setting : stopping->value("settings", Json::array()))
      contender.stopping.settings.push_back({setting.at(0).get<std::string>(), setting.at(1).get<std::string>()});
  }
  return contender;
}

}  // namespace

std::string Words(const Setup& setup) {
  std::string words = fmt::format("{}{} trials", setup.by_steps ? "the steps of " : "", setup.budget);
  words += setup.workers == 1 ? ", one at a time" : fmt::format(", {} workers", setup.workers);
  if (setup.common_start > 0) words += fmt::format(", {} common first points", setup.common_start);
  return words + (setup.budget_told ? "" : ", budget not told");
}

Result<Manifest> ReadManifest(const std::string& folder) {
  const std::string path = folder + "/" + kManifestFile;
  QALAM_TRY(const std::string text, ReadWhole(path));
  try {
    const Json json = Json::parse(text);
    Manifest manifest;
    manifest.setup = {json.at("budget").get<int>(), json.at("workers").get<int>(), json.at("commonStart").get<int>(),
                      json.at("budgetTold").get<bool>(), json.value("bySteps", false)};
    manifest.seeds = json.at("seeds").get<int>();
    for (const Json& contender : json.at("contenders")) manifest.contenders.push_back(ToContender(contender));
    manifest.problems = json.at("problems").get<std::vector<std::string>>();
    return manifest;
  } catch (const std::exception& fault) {
    return Error(Code::kDataLoss, "{}: {}", path, fault.what());
  }
}

Status WriteManifest(const Manifest& manifest, const std::string& folder) {
  Json json = {{"budget", manifest.setup.budget},
               {"workers", manifest.setup.workers},
               {"commonStart", manifest.setup.common_start},
               {"budgetTold", manifest.setup.budget_told},
               {"bySteps", manifest.setup.by_steps},
               {"seeds", manifest.seeds}};
  json["contenders"] = Json::array();
  for (const ContenderSpec& contender : manifest.contenders) json["contenders"].push_back(ToJson(contender));
  json["problems"] = manifest.problems;
  return WriteWhole(folder + "/" + kManifestFile, json.dump(1) + "\n");
}

Status Extend(Manifest* manifest, const Manifest& more) {
  if (manifest->setup != more.setup) {
    return Error(Code::kFailedPrecondition, "it holds another campaign, of {}; these would be of {}",
                 Words(manifest->setup), Words(more.setup));
  }
  for (const ContenderSpec& contender : more.contenders) {
    const auto known = std::find_if(manifest->contenders.begin(), manifest->contenders.end(),
                                    [&](const ContenderSpec& c) { return c.name == contender.name; });
    if (known == manifest->contenders.end()) {
      manifest->contenders.push_back(contender);
    } else if (ToJson(*known) != ToJson(contender)) {
      return Error(Code::kFailedPrecondition, "'{}' is another contender there", contender.name);
    }
  }
  for (const std::string& problem : more.problems) {
    if (std::find(manifest->problems.begin(), manifest->problems.end(), problem) == manifest->problems.end()) {
      manifest->problems.push_back(problem);
    }
  }
  manifest->seeds = std::max(manifest->seeds, more.seeds);
  return OkStatus();
}

}  // namespace qalam::bench
