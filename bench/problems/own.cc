// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/own.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "bench/csv.h"
#include "bench/files.h"

namespace qalam::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using std::size_t;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class OwnTable final : public Problem {
 public:
  struct Row {
    Assignments point;
    Eigen::VectorXd unit;
    double value = 0;
  };
  OwnTable(std::string name, std::vector<ParameterSpec> parameters, std::vector<Row> rows, double best)
      : Problem(std::move(name), std::move(parameters), 1, best), rows_(std::move(rows)) {}

  Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override {
    const auto unit = space().Encode(point);
    QALAM_CHECK(unit.ok(), "a problem is asked for legal points");
    const Row* nearest = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const Row& row : rows_) {
      double distance = 0;
      for (Eigen::Index i = 0; i < unit->size(); ++i) {
        const auto at = static_cast<size_t>(i);
        if (parameters()[at].type == ParameterType::kCategorical) {
          distance += row.point[at].value == point[at].value ? 0 : 1;
        } else {
          distance += std::pow(row.unit[i] - (*unit)[i], 2);
        }
      }
      if (distance < least) least = distance, nearest = &row;
    }
    return {nearest->value, 1};
  }

 private:
  const std::vector<Row> rows_;
};

// What a command prints on standard output; nullopt: it could not be started, did not end in time, or ended badly.
std::optional<std::string> OutputOf(const std::vector<std::string>& words, const std::string& folder,
                                    std::chrono::seconds patience) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // so that all it starts can be ended
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int fault = posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  std::string output;
  bool whole = false;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (fault == 0 && !whole) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd watched{ends[0], POLLIN, 0};
    if (left <= 0 || poll(&watched, 1, static_cast<int>(left)) == 0) break;
    char bytes[4'096];
    const ssize_t n = read(ends[0], bytes, sizeof bytes);
    if (n > 0) output.append(bytes, static_cast<size_t>(n));
    whole = n == 0;
  }
  close(ends[0]);
  if (fault != 0) return std::nullopt;
  if (!whole) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

class OwnCommand final : public Problem {
 public:
  OwnCommand(std::string name, std::vector<ParameterSpec> parameters, std::vector<std::string> command,
             std::string folder, double sign, double best)
      : Problem(std::move(name), std::move(parameters), 1, best),
        command_(std::move(command)),
        folder_(std::move(folder)),
        sign_(sign) {}

  Evaluation Evaluate(const Assignments& point, int, std::uint64_t) const override {
    constexpr std::chrono::seconds kPatience{600};
    std::vector<std::string> words = command_;
    for (std::string& word : words) {
      for (const Assignment& assignment : point) {
        const std::string hole = "{" + assignment.name + "}";
        for (size_t at = word.find(hole); at != word.npos; at = word.find(hole, at + assignment.value.size()))
          word.replace(at, hole.size(), assignment.value);
      }
    }
    const auto output = OutputOf(words, folder_, kPatience);
    // It costs 1, however long it took: a run is the same on every machine.
    if (!output) return {kNan, 1};
    const size_t last = output->find_last_not_of(" \t\r\n");
    if (last == output->npos) return {kNan, 1};
    const size_t before = output->find_last_of(" \t\r\n=:", last);
    const std::string_view word(output->data() + (before == output->npos ? 0 : before + 1), output->data() + last + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return {error == std::errc() && end == word.data() + word.size() && std::isfinite(value) ? sign_ * value : kNan, 1};
  }

 private:
  const std::vector<std::string> command_;
  const std::string folder_;
  const double sign_;
};

std::string TextOf(const Json& json) { return json.is_string() ? json.get<std::string>() : json.dump(); }

Result<ParameterSpec> ReadParameter(const Json& json) {
  ParameterSpec spec;
  spec.name = json.at("name").get<std::string>();
  const auto type = ParseParameterType(json.at("parameterType").get<std::string>());
  if (!type) return InvalidArgument("parameter '{}': parameterType is double, int, discrete or categorical", spec.name);
  spec.type = *type;
  const Json& feasible = json.at("feasibleSpace");
  for (const auto& [field, text] : {std::pair{"min", &spec.feasible.min}, std::pair{"max", &spec.feasible.max},
                                    std::pair{"step", &spec.feasible.step}}) {
    if (feasible.contains(field)) *text = TextOf(feasible.at(field));
  }
  for (const Json& item : feasible.value("list", Json::array())) spec.feasible.list.push_back(TextOf(item));
  if (feasible.contains("distribution")) {
    const auto distribution = ParseDistribution(feasible.at("distribution").get<std::string>());
    if (!distribution)
      return InvalidArgument("parameter '{}': distribution is uniform, logUniform, normal or logNormal", spec.name);
    spec.feasible.distribution = *distribution;
  }
  return spec;
}

Result<std::unique_ptr<Problem>> ReadTable(const std::string& name, const Json& json, const std::string& folder,
                                           std::vector<ParameterSpec> parameters, double sign) {
  const std::string path = (fs::path(folder) / json.at("csv").get<std::string>()).string();
  QALAM_TRY(const Csv table, Csv::Read(path));
  QALAM_TRY(const SearchSpace space, SearchSpace::Create(parameters));
  const auto value_column = table.Column(json.at("objective").get<std::string>());
  if (!value_column.ok()) return value_column.status().Within(path);
  std::vector<size_t> columns;
  for (const ParameterSpec& parameter : parameters) {
    const auto column = table.Column(parameter.name);
    if (!column.ok()) return column.status().Within(path);
    columns.push_back(*column);
  }
  std::vector<OwnTable::Row> rows;
  double best = std::numeric_limits<double>::infinity();
  for (size_t r = 0; r < table.rows(); ++r) {
    OwnTable::Row row{{}, {}, sign * table.Number(r, *value_column)};
    for (size_t i = 0; i < parameters.size(); ++i) row.point.push_back({parameters[i].name, table.Text(r, columns[i])});
    const auto unit = space.Encode(row.point);
    if (!unit.ok()) return InvalidArgument("{}, line {}: {}", path, r + 2, unit.status().message());
    row.unit = *unit;
    if (row.value < best) best = row.value;
    rows.push_back(std::move(row));
  }
  if (!std::isfinite(best)) return InvalidArgument("{} has no row with a value", path);
  return std::unique_ptr<Problem>(std::make_unique<OwnTable>(name, std::move(parameters), std::move(rows), best));
}

Result<std::unique_ptr<Problem>> Read(const std::string& path, const Json& json) {
  std::vector<ParameterSpec> parameters;
  for (const Json& parameter : json.at("parameters")) {
    QALAM_TRY(ParameterSpec spec, ReadParameter(parameter));
    parameters.push_back(std::move(spec));
  }
  const auto space = SearchSpace::Create(parameters);
  if (!space.ok()) return space.status();
  const std::string type = json.value("type", "minimize");
  if (type != "minimize" && type != "maximize") return InvalidArgument("type is '{}', not minimize or maximize", type);
  const double sign = type == "maximize" ? -1 : 1;
  const std::string folder = fs::absolute(path).parent_path().string();
  if (json.contains("csv") == json.contains("command"))
    return InvalidArgument("it has a csv or a command, and one of them alone");
  if (json.contains("csv")) return ReadTable(path, json, folder, std::move(parameters), sign);
  auto command = json.at("command").get<std::vector<std::string>>();
  if (command.empty()) return InvalidArgument("the command is empty");
  if (!json.contains("best"))
    return InvalidArgument(
        "a command needs 'best': the best value there is, or that is known; regret is measured to it");
  return std::unique_ptr<Problem>(std::make_unique<OwnCommand>(path, std::move(parameters), std::move(command), folder,
                                                               sign, sign * json.at("best").get<double>()));
}

}  // namespace

Result<std::unique_ptr<Problem>> MakeOwn(const std::string& path) {
  QALAM_TRY(const std::string text, ReadWhole(path));
  try {
    auto problem = Read(path, Json::parse(text));
    return problem.ok() ? std::move(problem) : problem.status().Within(path);
  } catch (const std::exception& fault) {
    return InvalidArgument("{}: {}", path, fault.what());
  }
}

}  // namespace qalam::bench
