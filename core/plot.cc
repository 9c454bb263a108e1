// SPDX-License-Identifier: Apache-2.0
#include "core/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace qalam {
namespace {

using std::size_t;

// Okabe and Ito's colours, which people with any colour vision tell apart; the ninth line is the first one dashed.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                 "#e69f00", "#56b4e9", "#7a5195", "#8c8c8c"};
constexpr std::array kDashes = {"", "7 3", "2 3", "10 3 2 3"};

constexpr double kWidth = 860, kHeight = 420, kLeft = 72, kRight = 230, kTop = 36, kBottom = 52;
constexpr double kLegendLine = 18;

const char* ColourOf(size_t i) { return kColours[i % kColours.size()]; }
const char* DashOf(size_t i) { return kDashes[i / kColours.size() % kDashes.size()]; }

std::string TickText(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e5 || size < 1e-3) return fmt::format("{:.0e}", value);
  return fmt::format("{:.6g}", value);
}

// From numbers to a stretch of the picture.
class Axis {
 public:
  Axis(Scale scale, double from, double to) : scale_(scale), from_(from), to_(to) {}

  void Include(double value) {
    if (!IsShown(value)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  bool IsShown(double value) const { return std::isfinite(value) && (scale_ == Scale::kLinear || value > 0); }
  void Settle() {
    if (low_ > high_) low_ = scale_ == Scale::kLog ? 0.1 : 0, high_ = 1;
    if (scale_ == Scale::kLog) {
      if (high_ / low_ < 1.5) low_ /= 1.25, high_ *= 1.25;
    } else if (high_ - low_ <= 1e-12 * std::max(1.0, std::abs(high_))) {
      low_ -= 0.5, high_ += 0.5;
    }
  }
  double At(double value) const {
    const double share =
        scale_ == Scale::kLog ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
  }
  std::vector<double> Ticks() const { return scale_ == Scale::kLog ? LogTicks() : LinearTicks(); }

 private:
  std::vector<double> LinearTicks() const {
    const double rough = (high_ - low_) / 7, power = std::pow(10, std::floor(std::log10(rough)));
    double step = power;
    for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
      step = factor * power;
      if (step >= rough) break;
    }
    std::vector<double> ticks;
    for (double i = std::ceil(low_ / step - 1e-9); i * step <= high_ + 1e-9 * step; ++i) ticks.push_back(i * step);
    return ticks;
  }
  // Powers of ten, a sixth of them or so where there are many; 1, 2, 5 within few.
  std::vector<double> LogTicks() const {
    const double decades = std::log10(high_ / low_);
    std::vector<double> ticks;
    const int every = std::max(1, static_cast<int>(std::ceil(decades / 8)));
    const int first = static_cast<int>(std::floor(std::log10(low_)));
    for (int power = first; power <= std::log10(high_) + 1e-9; ++power) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor > 1 && decades > 3) break;
        const double tick = factor * std::pow(10, power);
        if ((power % every == 0 || decades <= 3) && tick >= low_ * (1 - 1e-9) && tick <= high_ * (1 + 1e-9))
          ticks.push_back(tick);
      }
    }
    return ticks;
  }

  const Scale scale_;
  const double from_, to_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -std::numeric_limits<double>::infinity();
};

std::string Opening(const std::string& title, double width, double height) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\" aria-label=\"{2}\" "
      "font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"currentColor\">\n"
      "<text x=\"{3}\" y=\"20\" font-size=\"14\" font-weight=\"600\">{2}</text>\n",
      width, height, EscapeHtml(title), kLeft);
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
                     EscapeHtml(text));
}

std::string Rule(double x1, double y1, double x2, double y2, const char* opacity = "0.15") {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"currentColor\" opacity=\"{}\"/>\n", x1,
      y1, x2, y2, opacity);
}

std::string Frame(const LinePlot& plot, const Axis& x, const Axis& y, double bottom, double right) {
  std::string svg;
  for (const double tick : x.Ticks()) {
    svg += Rule(x.At(tick), kTop, x.At(tick), bottom) + Text(x.At(tick), bottom + 17, "middle", TickText(tick));
  }
  for (const double tick : y.Ticks()) {
    svg += Rule(kLeft, y.At(tick), right, y.At(tick)) + Text(kLeft - 8, y.At(tick) + 4, "end", TickText(tick));
  }
  svg += Rule(kLeft, bottom, right, bottom, "0.6") + Rule(kLeft, kTop, kLeft, bottom, "0.6");
  svg += Text((kLeft + right) / 2, bottom + 38, "middle", plot.x_label);
  const double middle = (kTop + bottom) / 2;
  svg += Text(16, middle, "middle", plot.y_label, fmt::format(" transform=\"rotate(-90 16 {:.1f})\"", middle).c_str());
  return svg;
}

std::string Band(const PlotLine& line, const Axis& x, const Axis& y, const char* colour) {
  std::string there, back;
  for (size_t i = 0; i < line.x.size() && i < line.low.size() && i < line.high.size(); ++i) {
    if (!x.IsShown(line.x[i]) || !y.IsShown(line.low[i]) || !y.IsShown(line.high[i])) continue;
    there += fmt::format("{:.1f},{:.1f} ", x.At(line.x[i]), y.At(line.high[i]));
    back = fmt::format("{:.1f},{:.1f} ", x.At(line.x[i]), y.At(line.low[i])) + back;
  }
  if (there.empty()) return "";
  return fmt::format("<polygon points=\"{}{}\" fill=\"{}\" opacity=\"0.09\"/>\n", there, back, colour);
}

std::string Path(const PlotLine& line, const Axis& x, const Axis& y, size_t index) {
  std::string path;
  bool down = false;
  for (size_t i = 0; i < line.x.size() && i < line.y.size(); ++i) {
    const bool shown = x.IsShown(line.x[i]) && y.IsShown(line.y[i]);
    if (shown) path += fmt::format("{}{:.1f} {:.1f}", down ? "L" : "M", x.At(line.x[i]), y.At(line.y[i]));
    down = shown;
  }
  return fmt::format(
      "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\" stroke-linejoin=\"round\" "
      "stroke-dasharray=\"{}\"><title>{}</title></path>\n",
      path, ColourOf(index), DashOf(index), EscapeHtml(line.name));
}

bool IsNumber(const std::string& cell) {
  const char* const end = cell.data() + cell.size();
  double value = 0;
  const auto [stopped, error] = std::from_chars(cell.data(), end, value);
  return error == std::errc() && (stopped == end || std::string_view(stopped, end) == "%" || *stopped == ' ');
}

}  // namespace

std::string LinePlotSvg(const LinePlot& plot) {
  const double legend = kTop + kLegendLine * static_cast<double>(plot.lines.size());
  const double bottom = std::max(kHeight - kBottom, legend), right = kWidth - kRight;
  Axis x(plot.x_scale, kLeft, right), y(plot.y_scale, bottom, kTop);
  for (const PlotLine& line : plot.lines) {
    for (size_t i = 0; i < line.x.size() && i < line.y.size(); ++i) {
      if (!y.IsShown(line.y[i])) continue;
      x.Include(line.x[i]);
      y.Include(line.y[i]);
    }
    for (const double edge : line.low) y.Include(edge);
    for (const double edge : line.high) y.Include(edge);
  }
  x.Settle();
  y.Settle();
  std::string svg = Opening(plot.title, kWidth, bottom + kBottom) + Frame(plot, x, y, bottom, right);
  for (size_t i = 0; i < plot.lines.size(); ++i) svg += Band(plot.lines[i], x, y, ColourOf(i));
  for (size_t i = 0; i < plot.lines.size(); ++i) {
    svg += Path(plot.lines[i], x, y, i);
    const double row = kTop + kLegendLine * (static_cast<double>(i) + 0.5);
    svg += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"2\" "
        "stroke-dasharray=\"{}\"/>\n",
        right + 14, row, right + 44, row, ColourOf(i), DashOf(i));
    svg += Text(right + 50, row + 4, "start", plot.lines[i].name);
  }
  return svg + "</svg>\n";
}

std::string IntervalPlotSvg(const IntervalPlot& plot) {
  constexpr double kRow = 22, kNames = 200;
  const double bottom = kTop + kRow * static_cast<double>(plot.rows.size()) + 4;
  Axis x(Scale::kLinear, kLeft + kNames, kWidth - 24);
  for (const PlotRow& row : plot.rows) {
    for (const double value : {row.low, row.high, row.estimate}) x.Include(value);
  }
  x.Settle();
  std::string svg = Opening(plot.title, kWidth, bottom + kBottom);
  for (const double tick : x.Ticks())
    svg += Rule(x.At(tick), kTop, x.At(tick), bottom) + Text(x.At(tick), bottom + 17, "middle", TickText(tick));
  svg += Text((kLeft + kNames + kWidth) / 2, bottom + 38, "middle", plot.x_label);
  for (size_t i = 0; i < plot.rows.size(); ++i) {
    const PlotRow& row = plot.rows[i];
    const double at = kTop + kRow * (static_cast<double>(i) + 0.5);
    svg += Text(kLeft + kNames - 12, at + 4, "end", row.name);
    if (!std::isfinite(row.estimate)) continue;
    svg += fmt::format(
        "<g stroke=\"{0}\" fill=\"{0}\"><line x1=\"{1:.1f}\" y1=\"{4:.1f}\" x2=\"{2:.1f}\" y2=\"{4:.1f}\" "
        "stroke-width=\"2\"/>"
        "<circle cx=\"{3:.1f}\" cy=\"{4:.1f}\" r=\"4\"/><title>{5}: {6:.3g} [{7:.3g}, {8:.3g}]</title></g>\n",
        kColours[0], x.At(row.low), x.At(row.high), x.At(row.estimate), at, EscapeHtml(row.name), row.estimate, row.low,
        row.high);
  }
  return svg + "</svg>\n";
}

std::string EscapeHtml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return out;
}

std::string HtmlTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::string html = "<div class=\"wide\"><table>\n<thead><tr>";
  for (const std::string& cell : header) html += "<th>" + EscapeHtml(cell) + "</th>";
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const std::string& cell : row)
      html += (IsNumber(cell) ? "<td class=\"n\">" : "<td>") + EscapeHtml(cell) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table></div>\n";
}

std::string HtmlPage(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         EscapeHtml(title) +
         "</title>\n<style>\n"
         ":root { color-scheme: light dark; }\n"
         "body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }\n"
         "h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }\n"
         "svg { width: 100%; height: auto; margin: 1rem 0; }\n"
         ".wide { overflow-x: auto; }\n"
         "table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }\n"
         "th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid #8884; white-space: nowrap; }\n"
         "td.n { text-align: right; }\n"
         "</style>\n</head>\n<body>\n<h1>" +
         EscapeHtml(title) + "</h1>\n" + body + "</body>\n</html>\n";
}

}  // namespace qalam
