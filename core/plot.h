// SPDX-License-Identifier: Apache-2.0
// Pictures and tables for reports: SVG and HTML as text, complete in themselves, readable in light and dark. Pure
// functions: the same data give the same bytes. Names and labels may hold anything; they are escaped here.
#pragma once

#include <string>
#include <vector>

namespace qalam {

enum class Scale { kLinear, kLog };  // on a log axis, what is not above 0 is left out

struct PlotLine {
  std::string name;
  std::vector<double> x, y;       // as many of each; where one is NaN or infinite, the line is interrupted
  std::vector<double> low, high;  // a band around it; empty: none
};
struct LinePlot {
  std::string title, x_label, y_label;
  Scale x_scale = Scale::kLinear, y_scale = Scale::kLinear;
  std::vector<PlotLine> lines;  // the legend has their order
};
std::string LinePlotSvg(const LinePlot& plot);

// A row a name: an estimate and its interval.
struct PlotRow {
  std::string name;
  double estimate = 0, low = 0, high = 0;
};
struct IntervalPlot {
  std::string title, x_label;
  std::vector<PlotRow> rows;
};
std::string IntervalPlotSvg(const IntervalPlot& plot);

std::string EscapeHtml(const std::string& text);
// Cells that are numbers stand to the right. The cells are text, not HTML.
std::string HtmlTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
// One file that needs no other. `body` is HTML.
std::string HtmlPage(const std::string& title, const std::string& body);

}  // namespace qalam
