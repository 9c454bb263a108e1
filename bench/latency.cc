// SPDX-License-Identifier: Apache-2.0
#include "bench/latency.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "bench/suites.h"
#include "bench/thread_time.h"
#include "core/plot.h"
#include "core/rng.h"

namespace qalam::bench {
namespace {

using std::chrono::steady_clock;

Assignments RandomPoint(const SearchSpace& space, std::uint64_t number) {
  Rng rng(1, "bench.latency", number);
  Eigen::VectorXd unit(space.dim());
  for (double& u : unit) u = rng.Uniform();
  return space.Decode(unit);
}

class Measurement {
 public:
  Measurement(const LatencyKey& key, const LatencyOptions& options, const Problem& problem)
      : key_(key), options_(options), problem_(problem), until_(steady_clock::now() + options.limit * 9 / 10) {}

  Result<Latency> Go() {
    const int budget = key_.observations + options_.suggestions + 1;
    QALAM_TRY(contender_, options_.make(key_.contender, problem_, 1, budget, 1));
    if (key_.observations > 0 && !TellOf(0).ok()) {
      // It learns only from what it has proposed itself.
      contender_.reset();
      QALAM_TRY(contender_, options_.make(key_.contender, problem_, 1, budget, 1));
      for (int i = 0; i < key_.observations; ++i) QALAM_RETURN_IF_ERROR(Suggest().status());
    } else {
      for (int i = 1; i < key_.observations; ++i) QALAM_RETURN_IF_ERROR(TellOf(i));
    }
    Latency latency;
    QALAM_TRY(latency.first, Suggest());
    std::vector<double> seconds;
    while (static_cast<int>(seconds.size()) < options_.suggestions &&
           (seconds.empty() || steady_clock::now() < until_)) {
      QALAM_TRY(const double one, Suggest());
      seconds.push_back(one);
    }
    std::ranges::sort(seconds);
    latency.median = seconds[seconds.size() / 2];
    latency.worst = seconds.back();
    latency.suggestions = static_cast<int>(seconds.size());
    latency.memory = Memory();
    return latency;
  }

 private:
  double Seconds() const { return ThreadSeconds() + contender_->SecondsElsewhere(); }

  Status TellOf(int number) {
    const Assignments point = RandomPoint(problem_.space(), static_cast<std::uint64_t>(number));
    return contender_->Tell(0, point, problem_.Evaluate(point, 1, 0).value);
  }

  Result<double> Suggest() {
    const double before = Seconds();
    QALAM_TRY(const std::vector<Assignments> points, contender_->Ask(1));
    if (points.size() != 1) return Error(Code::kResourceExhausted, "it has no more points");
    const double asked = Seconds() - before;
    const double value = problem_.Evaluate(points.front(), 1, 0).value;
    const double again = Seconds();
    QALAM_RETURN_IF_ERROR(contender_->Tell(++asked_, points.front(), value));
    return asked + Seconds() - again;
  }

  // Of this process, where the contender is part of it; else of the one that was started for it.
  double Memory() const {
    if (key_.contender.kind != ContenderSpec::Kind::kBuiltin) return contender_->BytesElsewhere();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return 1024.0 * static_cast<double>(usage.ru_maxrss);
  }

  const LatencyKey& key_;
  const LatencyOptions& options_;
  const Problem& problem_;
  const steady_clock::time_point until_;
  std::unique_ptr<Contender> contender_;
  std::uint64_t asked_ = 0;
};

// What the measuring process says: a line of numbers, or a fault.
std::string Line(const Result<Latency>& latency) {
  if (!latency.ok()) return "!" + latency.status().message();
  return fmt::format("{:.17g} {:.17g} {:.17g} {:.17g} {}", latency->first, latency->median, latency->worst,
                     latency->memory, latency->suggestions);
}

Result<Latency> FromLine(const std::string& line) {
  if (line.starts_with('!')) return Status(Code::kUnknown, line.substr(1));
  Latency latency;
  if (std::sscanf(line.c_str(), "%lf %lf %lf %lf %d", &latency.first, &latency.median, &latency.worst, &latency.memory,
                  &latency.suggestions) != 5)
    return Error(Code::kUnknown, "its process ended without an answer");
  return latency;
}

[[noreturn]] void Measure(const LatencyKey& key, const LatencyOptions& options, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto problem = MakeProblem(fmt::format("bbob/f08/d{}/i6", key.dimension), "");
  const std::string line =
      problem.ok() ? Line(Measurement(key, options, **problem).Go()) : "!" + problem.status().message();
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t n = write(out, line.data() + sent, line.size() - sent);
    if (n < 0 && errno != EINTR) break;
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  _exit(0);
}

// What comes out of `in` until it is closed; nullopt: not within the limit.
std::optional<std::string> ReadUntil(int in, steady_clock::time_point until) {
  std::string text;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now()).count();
    if (left <= 0) return std::nullopt;
    pollfd watched{in, POLLIN, 0};
    if (poll(&watched, 1, static_cast<int>(std::min<long long>(left, 1'000))) <= 0) continue;
    char bytes[4'096];
    const ssize_t n = read(in, bytes, sizeof bytes);
    if (n == 0 || (n < 0 && errno != EINTR)) return text;
    if (n > 0) text.append(bytes, static_cast<std::size_t>(n));
  }
}

}  // namespace

Result<Latency> MeasureLatency(const LatencyKey& key, const LatencyOptions& options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error(Code::kUnavailable, "no pipe: {}", std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    return Error(Code::kUnavailable, "no process: {}", std::strerror(errno));
  }
  if (child == 0) {
    close(ends[0]);
    Measure(key, options, ends[1]);
  }
  close(ends[1]);
  const std::optional<std::string> line = ReadUntil(ends[0], steady_clock::now() + options.limit);
  close(ends[0]);
  if (!line) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!line) return Error(Code::kDeadlineExceeded, "more than {} s", options.limit.count());
  return FromLine(*line);
}

std::string LatencyCsv(const std::vector<LatencyRow>& rows) {
  std::string text =
      "contender,dimensions,observations,first_seconds,median_seconds,worst_seconds,memory_bytes,suggestions,fault\n";
  for (const LatencyRow& row : rows) {
    std::string fault = row.fault;
    std::ranges::replace_if(
        fault, [](char c) { return c == ',' || c == '"' || c == '\n'; }, ' ');
    text += fmt::format("{},{},{},", row.key.contender.name, row.key.dimension, row.key.observations);
    text += row.latency ? fmt::format("{:.6g},{:.6g},{:.6g},{:.0f},{},\n", row.latency->first, row.latency->median,
                                      row.latency->worst, row.latency->memory, row.latency->suggestions)
                        : fmt::format(",,,,,{}\n", fault);
  }
  return text;
}

std::string LatencyHtml(const std::vector<LatencyRow>& rows) {
  std::set<int> dimensions;
  for (const LatencyRow& row : rows) dimensions.insert(row.key.dimension);
  std::string body;
  for (const int dimension : dimensions) {
    LinePlot time{
        fmt::format("{} parameters", dimension), "observations", "ms a suggestion", Scale::kLog, Scale::kLog, {}};
    LinePlot memory{time.title, time.x_label, "MB", Scale::kLog, Scale::kLog, {}};
    for (const LatencyRow& row : rows) {
      if (row.key.dimension != dimension || !row.latency) continue;
      const auto add = [&](LinePlot* plot, double value) {
        if (plot->lines.empty() || plot->lines.back().name != row.key.contender.name)
          plot->lines.push_back({row.key.contender.name, {}, {}, {}, {}});
        plot->lines.back().x.push_back(row.key.observations);
        plot->lines.back().y.push_back(value);
      };
      add(&time, 1e3 * row.latency->median);
      if (row.latency->memory > 0) add(&memory, 1e-6 * row.latency->memory);
    }
    body += fmt::format("<h2>{} parameters</h2>\n", dimension) + LinePlotSvg(time) + LinePlotSvg(memory);
    std::vector<std::vector<std::string>> cells;
    for (const LatencyRow& row : rows) {
      if (row.key.dimension != dimension) continue;
      std::vector<std::string> line = {row.key.contender.name, std::to_string(row.key.observations)};
      if (row.latency) {
        for (const double seconds : {row.latency->median, row.latency->worst, row.latency->first})
          line.push_back(fmt::format("{:.3g}", 1e3 * seconds));
        line.push_back(row.latency->memory > 0 ? fmt::format("{:.0f}", 1e-6 * row.latency->memory) : "");
      } else {
        line.insert(line.end(), {row.fault, "", "", ""});
      }
      cells.push_back(std::move(line));
    }
    body += HtmlTable({"contender", "observations", "median ms", "worst ms", "first ms", "MB"}, cells);
  }
  return HtmlPage("What a suggestion costs", body);
}

}  // namespace qalam::bench
