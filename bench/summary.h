// SPDX-License-Identifier: Apache-2.0
// What the curves of a campaign say about its contenders. Only what all of them have finished is compared: the same
// problems and seeds for each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/curves.h"
#include "bench/statistics.h"

namespace qalam::bench {

// One contender after one budget.
struct Reading {
  Standing standing;
  double win_rate = 0;            // of its meetings with another on a problem and seed; a tie is half of one
  std::vector<double> successes;  // share of runs that reached each of Summary::targets by then
  std::map<std::string, double> group_scores;  // mean score by group of problems
};

// The best-ranked contender against another, after one budget.
struct Meeting {
  int contender = 0;  // the other
  Duel duel;
  double adjusted = 1;  // the probability, so that all meetings of this budget may be read at once (Holm)
};

// How one contender came to one of kStepTargets on a group of problems.
struct Approach {
  int runs = 0, reached = 0;
  Arrival median;       // over all runs; infinite: fewer than half came there
  double expected = 0;  // steps spent by all runs, until they came there or ended, a run that came there
};

struct Summary {
  Setup setup;
  std::vector<std::string> contenders;  // those that are compared
  std::vector<std::string> problems;    // with at least one seed that all finished
  std::vector<std::string> groups;      // of problems: "bbob d10", "hpobench"
  int runs = 0;                         // compared: of problems and seeds, each by every contender

  std::vector<int> budgets;
  std::vector<std::vector<Reading>> readings;  // by budget, by contender
  std::vector<int> leaders;                    // by budget: the contender with the smallest mean rank
  std::vector<std::vector<Meeting>> meetings;  // by budget

  std::vector<double> targets;                    // scores: -1 is a tenth of the regret of a random trial
  std::vector<std::vector<double>> time_to;       // by contender, by target: median trials; infinite: fewer than half
  std::vector<std::vector<double>> milliseconds;  // by contender, by budget: median over runs, of a suggestion

  // Curves by contender, at `points`: quartiles of the score over all runs, and the share of (run, target) pairs
  // reached.
  std::vector<int> points;
  struct Band {
    std::vector<double> low, middle, high;
  };
  std::vector<Band> bands;
  std::vector<std::vector<double>> reached;

  // By steps only.
  std::vector<std::vector<std::vector<Approach>>> approaches;  // by group, by target, by contender
  std::vector<double> trials, whole;  // by contender: begun in a run, trained to the end; means

  std::vector<std::string> left_out;  // contenders that finished less than half of their runs
  std::vector<RunFailure> failures;
};

std::string GroupOf(const std::string& problem);

// Failures of one contender for one reason.
struct FailureGroup {
  const RunFailure* first;
  int count;
};
std::vector<FailureGroup> GroupFailures(const std::vector<RunFailure>& failures);

Summary Summarise(const Curves& curves);
// "50 trials", "the steps of 50 trials".
std::string BudgetWords(const Setup& setup, int budget);

std::string SummaryJson(const Summary& summary);
// For people, as wide as a terminal.
std::string SummaryText(const Summary& summary);

}  // namespace qalam::bench
