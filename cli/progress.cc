// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "cli/text.h"

namespace qalam {
namespace {

constexpr std::string_view kBold = "1", kGreen = "32", kRed = "31", kYellow = "33", kCyan = "36", kDim = "2";
constexpr int kMessageRoom = 24;  // columns that parameters leave to the reasons of failed trials

std::string Paint(const std::string& text, std::string_view style, const View& view) {
  return view.color && !style.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", style, text) : text;
}

std::string_view Word(TrialState state) {
  switch (state) {
    case TrialState::kMetricsUnavailable: return "No metric";
    case TrialState::kEarlyStopped: return "Stopped";
    default: return ToString(state);
  }
}
std::string_view Style(TrialState state) {
  switch (state) {
    case TrialState::kSucceeded: return kGreen;
    case TrialState::kRunning: return kCyan;
    case TrialState::kEarlyStopped:
    case TrialState::kKilled: return kYellow;
    case TrialState::kFailed:
    case TrialState::kMetricsUnavailable: return kRed;
    case TrialState::kCreated: return kDim;
  }
  return "";
}
std::string_view Arrow(Trend trend) {
  switch (trend) {
    case Trend::kFalling: return " ↘";
    case Trend::kRising: return " ↗";
    case Trend::kFlat: return " →";
    case Trend::kUnknown: break;
  }
  return "";
}

std::string Join(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

std::string TrialsOf(const ProgressModel& model) {
  const int ended = Ended(model.counts);
  return model.max_trials ? fmt::format("{}/{}", ended, *model.max_trials) : fmt::format("{}", ended);
}

std::string BestOf(const ProgressModel& model) {
  return model.best && model.best->value ? fmt::format("{} (#{})", ShortNumber(*model.best->value), model.best->ordinal)
                                         : "";
}

std::string ValueOf(const std::string& name, const Assignments& assignments) {
  const std::string* value = FindValue(assignments, name);
  return value == nullptr ? "-" : ShortValue(*value);
}

std::string AssignmentsLine(const ProgressModel& model, const TrialRow& row, std::string_view between) {
  std::vector<std::string> parts;
  for (const std::string& name : model.parameters)
    parts.push_back(name + std::string(between) + ValueOf(name, row.assignments));
  return Join(parts, between == "=" ? " " : "   ");
}

std::string Bar(double share, int width) {
  static constexpr std::array<std::string_view, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(std::floor(std::clamp(share, 0.0, 1.0) * width * 8));
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kEighths[static_cast<std::size_t>(eighths % 8)];
  for (int i = (eighths + 7) / 8; i < width; ++i) bar += "·";
  return bar;
}

std::string Headline(const ProgressModel& model, const View& view) {
  std::vector<std::string> parts = {Printable(model.name), Printable(model.algorithm)};
  const bool minimize = model.objective.type == ObjectiveType::kMinimize;
  parts.push_back(fmt::format("{} {}", minimize ? "minimize" : "maximize", Printable(model.objective.metric_name)));
  if (model.objective.goal)
    parts.push_back(fmt::format("goal {} {}", minimize ? "<=" : ">=", ShortNumber(*model.objective.goal)));
  if (model.paused) parts.emplace_back("paused");
  const std::string line = "experiment  " + Join(parts, "   ");
  if (DisplayWidth(line) > view.width) return Fit(line, view.width);
  parts[0] = Paint(parts[0], kBold, view);
  return "experiment  " + Join(parts, "   ");
}

std::vector<std::string> CountLines(const ProgressModel& model, const View& view, WallTime now) {
  const std::string trials = fmt::format("  {} trials", TrialsOf(model));
  std::vector<std::string> facts;
  if (const std::string best = BestOf(model); !best.empty()) facts.push_back("best " + best);
  facts.push_back(fmt::format("{} running", model.counts.running));
  if (model.counts.failed > 0) facts.push_back(fmt::format("{} failed", model.counts.failed));
  if (model.counts.metrics_unavailable > 0)
    facts.push_back(fmt::format("{} no metric", model.counts.metrics_unavailable));
  if (model.counts.early_stopped > 0) facts.push_back(fmt::format("{} stopped early", model.counts.early_stopped));
  if (const auto left = TimeLeft(model, now)) facts.push_back("ETA " + ShortDuration(*left));
  const std::string tail = Join(facts, "   ");
  if (!model.max_trials) return {trials + "   " + tail};

  const double share = *model.max_trials > 0 ? static_cast<double>(Ended(model.counts)) / *model.max_trials : 1.0;
  const std::string percent = fmt::format("{:3.0f}%", std::floor(100 * std::clamp(share, 0.0, 1.0)));
  constexpr int kLongest = 25, kShortest = 10;
  const int beside = DisplayWidth(trials) + 2 + 2 + DisplayWidth(percent) + 3 + DisplayWidth(tail);
  if (view.width - beside >= kShortest) {
    return {fmt::format("{}  {}  {}   {}", trials, Bar(share, std::min(kLongest, view.width - beside)), percent, tail)};
  }
  const int alone = view.width - DisplayWidth(trials) - 2 - 2 - DisplayWidth(percent);
  return {fmt::format("{}  {}  {}", trials, Bar(share, std::clamp(alone, 1, kLongest)), percent), "  " + tail};
}

struct Column {
  std::string head;
  std::vector<std::string> cells;
  int width = 0;
};

Column MakeColumn(std::string head, const std::vector<const TrialRow*>& rows, auto cell) {
  Column column{std::move(head), {}, 0};
  column.width = DisplayWidth(column.head);
  for (const TrialRow* row : rows) {
    column.cells.push_back(cell(*row));
    column.width = std::max(column.width, DisplayWidth(column.cells.back()));
  }
  return column;
}

std::string ObjectiveCell(const ProgressModel& model, const TrialRow& row) {
  const auto value = IsFinal(row.state) ? row.value : row.reports.latest;
  if (!value) return "-";
  const bool best = model.best && model.best->ordinal == row.ordinal;
  return ShortNumber(*value) + (best ? "*" : "") + std::string(IsFinal(row.state) ? "" : Arrow(row.reports.trend));
}
std::string StepCell(const ProgressModel& model, const TrialRow& row) {
  return row.reports.step == 0 ? "-"
                               : fmt::format("{}/{}", row.reports.step, std::max(model.longest, row.reports.step));
}
std::string AgeCell(const TrialRow& row, WallTime now) {
  return row.started == WallTime{} ? "-" : Age(now - row.started);
}

bool WentWrong(TrialState state) { return state == TrialState::kFailed || state == TrialState::kMetricsUnavailable; }

std::string Remark(const ProgressModel& model, const TrialRow& row) {
  if (!IsFinal(row.state) || row.state == TrialState::kSucceeded) return "";
  const std::string why = Printable(FirstLine(row.message));
  return WentWrong(row.state) ? fmt::format("{}   qalam logs {}{}", why, row.name, model.db_option) : why;
}

// Best first, then what runs, then the newest: as many as there is room for.
std::vector<const TrialRow*> ChooseRows(const ProgressModel& model, std::size_t room) {
  std::vector<const TrialRow*> rows;
  if (model.best) rows.push_back(&*model.best);
  for (auto i = model.running.rbegin(); i != model.running.rend(); ++i) rows.push_back(&i->second);
  for (const TrialRow& row : model.ended) {
    if (rows.size() >= room) break;
    if (!model.best || row.ordinal != model.best->ordinal) rows.push_back(&row);
  }
  if (rows.size() > room) rows.resize(room);
  return rows;
}

std::vector<std::string> TableLines(const ProgressModel& model, const View& view, std::size_t room, WallTime now) {
  const std::vector<const TrialRow*> rows = ChooseRows(model, room);
  if (rows.empty()) return {};
  std::vector<Column> columns;
  columns.push_back(MakeColumn("TRIAL", rows, [](const TrialRow& row) { return fmt::format("#{}", row.ordinal); }));
  columns.push_back(MakeColumn("STATE", rows, [](const TrialRow& row) { return std::string(Word(row.state)); }));
  columns.push_back(MakeColumn(Fit(Printable(model.objective.metric_name), 24), rows,
                               [&](const TrialRow& row) { return ObjectiveCell(model, row); }));
  if (model.longest > 1)
    columns.push_back(MakeColumn("step", rows, [&](const TrialRow& row) { return StepCell(model, row); }));
  Column age = MakeColumn("AGE", rows, [&](const TrialRow& row) { return AgeCell(row, now); });
  const bool remarks =
      std::any_of(rows.begin(), rows.end(), [&](const TrialRow* row) { return !Remark(model, *row).empty(); });

  int used = age.width + 2;
  for (const Column& column : columns) used += column.width + 2;
  const int limit = view.width - (remarks ? kMessageRoom : 0);
  for (const std::string& name : model.parameters) {
    const auto varies = model.varies.find(name);
    if (model.first_values.contains(name) && (varies == model.varies.end() || !varies->second) &&
        model.counts.total > 1)
      continue;
    Column column =
        MakeColumn(Fit(Printable(name), 24), rows, [&](const TrialRow& row) { return ValueOf(name, row.assignments); });
    if (used + column.width + 2 > limit) break;
    used += column.width + 2;
    columns.push_back(std::move(column));
  }
  columns.push_back(std::move(age));

  std::vector<std::string> lines;
  std::string head = "  ";
  for (const Column& column : columns) head += Pad(column.head, column.width + 2);
  head.erase(head.find_last_not_of(' ') + 1);
  lines.push_back(Paint(Fit(head, view.width), kDim, view));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool best = model.best && rows[i]->ordinal == model.best->ordinal;
    int left = view.width - 2;
    std::string line = "  ";
    for (std::size_t c = 0; c < columns.size() && left > 0; ++c) {
      const std::string cell = Fit(Pad(columns[c].cells[i], columns[c].width + 2), left);
      left -= DisplayWidth(cell);
      line += Paint(cell, c == 1 ? Style(rows[i]->state) : best ? kBold : "", view);
    }
    if (const std::string remark = Remark(model, *rows[i]); !remark.empty() && left > 8) line += Fit(remark, left);
    if (!view.color) line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  return lines;
}

std::string Tally(const TrialCounts& counts) {
  std::vector<std::string> parts = {fmt::format("{} ok", counts.succeeded)};
  if (counts.failed > 0) parts.push_back(fmt::format("{} failed", counts.failed));
  if (counts.metrics_unavailable > 0) parts.push_back(fmt::format("{} without metric", counts.metrics_unavailable));
  if (counts.early_stopped > 0) parts.push_back(fmt::format("{} stopped early", counts.early_stopped));
  if (counts.killed > 0) parts.push_back(fmt::format("{} killed", counts.killed));
  return Join(parts, ", ");
}

std::string EndWord(const ProgressModel& model, const View& view) {
  if (model.state == ExperimentState::kFailed) return Paint("failed", kRed, view) + "  ";
  const std::string done = Paint("done", kGreen, view);
  if (model.reason == "ExperimentGoalReached") return done + "  goal reached: ";
  if (model.reason == "ExperimentSuggestionEndReached") return done + "  nothing more to try: ";
  return done + "  ";
}

}  // namespace

int Ended(const TrialCounts& counts) { return counts.total - counts.created - counts.running; }

std::optional<Duration> TimeLeft(const ProgressModel& model, WallTime now) {
  const int ended = Ended(model.counts), here = ended - model.ended_at_start;
  if (!model.max_trials || model.paused || IsFinal(model.state) || here < 1 || ended >= *model.max_trials)
    return std::nullopt;
  const Duration elapsed = std::max(Duration{0}, now - model.looked_since);
  const double left = static_cast<double>(elapsed.count()) / here * (*model.max_trials - ended);
  return left < 1e18 ? std::optional(Duration(static_cast<std::int64_t>(left))) : std::nullopt;
}

std::vector<std::string> RenderDisplay(const ProgressModel& model, const View& view, WallTime now) {
  std::vector<std::string> lines = {Headline(model, view)};
  for (std::string& line : CountLines(model, view, now)) lines.push_back(Fit(line, view.width));
  const std::size_t note = model.waiting.empty() ? 0 : 1;
  const std::size_t height = static_cast<std::size_t>(std::max(1, view.height));
  if (const std::size_t fixed = lines.size() + 1 + note; height > fixed) {
    for (std::string& line : TableLines(model, view, height - fixed, now)) lines.push_back(std::move(line));
  }
  if (note > 0) lines.push_back(Paint(Fit("  " + Printable(FirstLine(model.waiting)), view.width), kYellow, view));
  if (lines.size() > height) lines.resize(height);
  return lines;
}

std::string RenderSummary(const ProgressModel& model, WallTime now) {
  std::string line = TrialsOf(model);
  if (const std::string best = BestOf(model); !best.empty()) line += " best " + best;
  line += fmt::format(" running {}", model.counts.running);
  if (model.counts.failed > 0) line += fmt::format(" failed {}", model.counts.failed);
  if (model.counts.metrics_unavailable > 0) line += fmt::format(" no metric {}", model.counts.metrics_unavailable);
  if (const auto left = TimeLeft(model, now)) line += " eta " + ShortDuration(*left);
  if (!model.waiting.empty()) line += "   " + Printable(FirstLine(model.waiting));
  return line;
}

std::vector<std::string> RenderEndedTrial(const ProgressModel& model, const TrialRow& row) {
  std::string line = fmt::format("#{} {}", row.ordinal, Word(row.state));
  const bool best = model.best && model.best->ordinal == row.ordinal;
  if (row.value)
    line += fmt::format(" {}={}{}", Printable(model.objective.metric_name), ShortNumber(*row.value), best ? "*" : "");
  line += "   " + Printable(AssignmentsLine(model, row, "="));
  if (const std::string remark = Remark(model, row); !remark.empty()) line += "   " + remark;
  std::vector<std::string> lines = {line};
  if (row.state == TrialState::kMetricsUnavailable) {
    for (std::size_t at = row.message.find('\n'); at != std::string::npos; at = row.message.find('\n', at + 1)) {
      const std::string rest = FirstLine(std::string_view(row.message).substr(at + 1));
      if (!rest.empty()) lines.push_back("  " + Printable(rest));
    }
  }
  return lines;
}

std::vector<std::string> RenderEnd(const ProgressModel& model, const View& view, WallTime now) {
  const WallTime end = model.completed == WallTime{} ? now : model.completed;
  std::string first = fmt::format("{}{} trial{} in {}", EndWord(model, view), Ended(model.counts),
                                  Ended(model.counts) == 1 ? "" : "s", ShortDuration(end - model.created));
  if (const std::string best = BestOf(model); !best.empty()) {
    first += fmt::format("   best {} {}", Printable(model.objective.metric_name), best);
  }
  std::vector<std::string> lines = {first + "   " + Tally(model.counts)};
  if (model.best) lines.push_back("  " + Printable(AssignmentsLine(model, *model.best, " ")));
  if (!model.savings.empty()) lines.push_back("  " + Printable(model.savings));
  if (model.state == ExperimentState::kFailed && !model.message.empty())
    lines.push_back("  " + Printable(FirstLine(model.message)));
  if (model.last_failed && (model.state == ExperimentState::kFailed || !model.best)) {
    const TrialRow& row = *model.last_failed;
    lines.push_back(fmt::format("  trial {}: {}", row.name, Printable(FirstLine(row.message))));
    for (std::size_t at = row.message.find('\n'); at != std::string::npos; at = row.message.find('\n', at + 1)) {
      lines.push_back("    " + Printable(FirstLine(std::string_view(row.message).substr(at + 1))));
    }
  }
  std::vector<std::string> next;
  if (model.best) next.push_back(fmt::format("qalam best {} -o flags{}", model.name, model.db_option));
  if (model.last_failed) next.push_back(fmt::format("qalam logs {}{}", model.last_failed->name, model.db_option));
  if (!next.empty()) lines.push_back("  next: " + Join(next, "   |   "));
  return lines;
}

}  // namespace qalam
