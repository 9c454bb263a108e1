// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <gtest/gtest.h>

namespace qalam {
namespace {

using std::chrono::seconds;

TEST(Text, ControlCharactersOfATrialCannotMoveTheCursor) {
  EXPECT_EQ(Printable("a\x1b[2Jb\nc\x7f\xc2\x9b"), "a [2Jb c  ");
}

TEST(Text, WidthCountsWhatATerminalShows) {
  EXPECT_EQ(DisplayWidth("loss"), 4);
  EXPECT_EQ(DisplayWidth("█▉··"), 4);
  EXPECT_EQ(DisplayWidth("学習率"), 6);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1);
}

TEST(Text, FitCutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(Fit("accuracy", 8), "accuracy");
  EXPECT_EQ(Fit("accuracy", 5), "accu…");
  EXPECT_EQ(Fit("学習率", 4), "学…");
  EXPECT_EQ(Fit("x", 0), "");
}

TEST(Text, NumbersAreShort) {
  EXPECT_EQ(ShortNumber(0.0312), "0.0312");
  EXPECT_EQ(ShortNumber(0.98123456), "0.9812");
  EXPECT_EQ(ShortNumber(1234567), "1234567");
  EXPECT_EQ(ShortValue("0.0031234567"), "3.1e-03");
  EXPECT_EQ(ShortValue("0.4567891"), "0.457");
  EXPECT_EQ(ShortValue("64"), "64");
  EXPECT_EQ(ShortValue("adam"), "adam");
  EXPECT_EQ(ShortValue("1.2.3.4.5.6"), "1.2.3.4.5.6");
}

TEST(Text, DurationsAreShort) {
  EXPECT_EQ(ShortDuration(seconds(41)), "41s");
  EXPECT_EQ(ShortDuration(seconds(362)), "6m02s");
  EXPECT_EQ(ShortDuration(seconds(11'100)), "3h05m");
  EXPECT_EQ(ShortDuration(std::chrono::milliseconds(2'440)), "2.4s");
  EXPECT_EQ(Age(seconds(119)), "1m");
}

TEST(Text, AShellReadsWordsBackAsTheyWere) {
  EXPECT_EQ(ShellCommand({"python3", "train.py", "--lr", "{lr}"}), "python3 train.py --lr '{lr}'");
  EXPECT_EQ(ShellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellWord(""), "''");
}

TEST(Text, ColumnsAreAlignedByWhatIsShown) {
  Table table({"NAME", "X"});
  table.Row({"学習", "1"});
  table.Row({"a", "22"});
  EXPECT_EQ(table.Text(), "NAME  X\n学習  1\na     22\n");
}

TEST(Text, CsvQuotesWhatNeedsIt) {
  Table table({"a", "b"});
  table.Row({"x,y", "say \"hi\""});
  EXPECT_EQ(table.Csv(), "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n");
}

}  // namespace
}  // namespace qalam
