// SPDX-License-Identifier: Apache-2.0
// Pictures: every line is there, in the picture, escaped; whatever the numbers are.
#include "core/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace qalam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

int Count(const std::string& text, const std::string& word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

// The numbers of the first path.
std::vector<double> PathOf(const std::string& svg) {
  const std::size_t begin = svg.find("<path d=\"") + 9;
  std::string path = svg.substr(begin, svg.find('"', begin) - begin);
  for (char& c : path) c = c == 'M' || c == 'L' ? ' ' : c;
  std::istringstream stream(path);
  std::vector<double> numbers;
  for (double number = 0; stream >> number;) numbers.push_back(number);
  return numbers;
}

TEST(Plot, ALineGoesFromCornerToCorner) {
  const std::string svg =
      LinePlotSvg({"t", "x", "y", Scale::kLinear, Scale::kLinear, {{"a", {0, 10}, {5, 7}, {}, {}}}});
  EXPECT_THAT(PathOf(svg), testing::ElementsAre(72, 368, 630, 36));
  const std::string log =
      LinePlotSvg({"t", "x", "y", Scale::kLog, Scale::kLog, {{"a", {1, 10, 100}, {1e-4, 1e-2, 1}, {}, {}}}});
  EXPECT_THAT(PathOf(log), testing::ElementsAre(72, 368, 351, 202, 630, 36));
  EXPECT_THAT(log, AllOf(HasSubstr(">1e-04<"), HasSubstr(">0.01<"), HasSubstr(">100<")));
}

TEST(Plot, NamesAreEscapedAndEveryLineHasItsOwnLook) {
  LinePlot plot{"<b>&", "x", "y", Scale::kLinear, Scale::kLinear, {}};
  for (int i = 0; i < 20; ++i) plot.lines.push_back({"l<" + std::to_string(i), {0, 1}, {0.0, 1.0 * i}, {}, {}});
  const std::string svg = LinePlotSvg(plot);
  EXPECT_THAT(svg, AllOf(HasSubstr("&lt;b&gt;&amp;"), Not(HasSubstr("<b>")), HasSubstr("l&lt;19")));
  EXPECT_EQ(Count(svg, "<path"), 20);
  EXPECT_EQ(Count(svg, "stroke=\"#0072b2\" stroke-width=\"1.8\""), 3) << "1, 9 and 17, told apart by their dashes";
}

TEST(Plot, WhatIsNoNumberIsLeftOut) {
  const std::vector<double> odd = {1, kNan, kInfinity, 0, -1, 4};
  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  for (const Scale scale : {Scale::kLinear, Scale::kLog}) {
    const std::string svg =
        LinePlotSvg({"", "", "", scale, scale, {{"a", x, odd, odd, odd}, {"none", {}, {}, {}, {}}}});
    EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf")), HasSubstr("</svg>")));
  }
  EXPECT_THAT(LinePlotSvg({"", "", "", Scale::kLog, Scale::kLog, {}}), Not(HasSubstr("nan")));
  const std::string flat = LinePlotSvg({"", "", "", Scale::kLinear, Scale::kLinear, {{"a", {1, 1}, {3, 3}, {}, {}}}});
  EXPECT_THAT(flat, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
  const std::string rows = IntervalPlotSvg({"t", "x", {{"a", 1, 0.5, 2}, {"b", kNan, kNan, kNan}}});
  EXPECT_EQ(Count(rows, "<circle"), 1);
  EXPECT_THAT(rows, AllOf(HasSubstr("a: 1 [0.5, 2]"), Not(HasSubstr("nan\""))));
}

TEST(Plot, TablesEscapeAndPutNumbersToTheRight) {
  EXPECT_THAT(
      HtmlTable({"<h>"}, {{"a<b", "1.5", "3%", "1e-05", "n/a"}}),
      AllOf(HasSubstr("<th>&lt;h&gt;</th>"), HasSubstr("<td>a&lt;b</td>"), HasSubstr("<td class=\"n\">1.5</td>"),
            HasSubstr("<td class=\"n\">3%</td>"), HasSubstr("<td class=\"n\">1e-05</td>"), HasSubstr("<td>n/a</td>")));
  const std::string page = HtmlPage("<t>", "<p>x</p>");
  EXPECT_THAT(page, AllOf(HasSubstr("<title>&lt;t&gt;</title>"), HasSubstr("<p>x</p>"), Not(HasSubstr("http:"))));
}

}  // namespace
}  // namespace qalam
