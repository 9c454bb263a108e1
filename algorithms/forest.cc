// SPDX-License-Identifier: Apache-2.0
// Splits are found on histograms: a column's values become at most 1,024 codes once, a node adds up its rows by code.
// Thresholds are drawn from the gap between two neighbours, so that trees disagree about what lies between the data
// (Hutter et al. 2014, "Algorithm runtime prediction: methods and evaluation", section 4.3): uncertainty grows with the
// gap. The variance of a forest is the mean of the leaves' variances plus the variance of their means (ibid.).
#include "algorithms/forest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "core/rng.h"
#include "core/status.h"

namespace qalam {
namespace {

constexpr std::size_t kMaxCodes = 1024;
constexpr double kVarianceFloor = 1e-5;  // y has variance 1: 0.3 % of its spread
constexpr double kQuantiles[] = {0.16, 0.5, 0.84};

struct Moments {
  double weight = 0, sum = 0;
};

// How a kind of tree grows.
struct Growth {
  bool best_cut;    // of all in a column, or one at random
  double features;  // share of the columns tried at a node
  double min_leaf;  // weight
  int max_depth;
};

// The rows of a leaf: rows()[begin .. end).
struct Leaf {
  std::size_t node, begin, end;
};

class Grower {
 public:
  Grower(const Eigen::MatrixXd& x, const std::vector<char>& categorical, std::vector<CategoryCodes>* categories);

  // Adds a tree to `out`, its root first, and returns its leaves; what these predict is the caller's. The splits
  // reduce the squared error of sum / weight; rows of weight 0 have no part.
  const std::vector<Leaf>& Grow(const Growth& growth, const std::vector<Moments>& rows, Rng& rng, RegressionTrees* out);
  const std::vector<std::uint32_t>& rows() const { return rows_; }

 private:
  struct Column {
    bool categorical = false;
    std::vector<std::uint16_t> code;  // by row
    std::vector<double> low, high;    // of the values that share a code: numeric columns
    std::size_t codes = 0;            // one for unseen levels included
  };
  struct Bin {
    std::uint16_t code;
    Moments moments;
  };
  struct Split {
    double score;  // sum^2 / weight, over both sides
    std::size_t feature = 0;
    double threshold = 0;                    // numeric
    std::uint16_t last = 0;                  // numeric: the left side's last code
    std::vector<std::uint16_t> left, right;  // categorical: codes
  };
  static void Encode(const Eigen::Ref<const Eigen::VectorXd>& values, Column* column);
  static void EncodeCategories(const Eigen::Ref<const Eigen::VectorXd>& values, Column* column, CategoryCodes* out);
  bool FindSplit(const Growth& growth, std::size_t begin, std::size_t end, Rng& rng);
  void Collect(const Column& column, std::size_t begin, std::size_t end);
  void TryColumn(const Growth& growth, std::size_t feature, const Moments& all, Rng& rng);
  std::size_t Divide(std::size_t begin, std::size_t end, Rng& rng, RegressionTrees* out, RegressionTrees::Node* node);

  std::vector<Column> columns_;
  std::size_t size_;  // rows

  const std::vector<Moments>* moments_ = nullptr;
  std::vector<std::uint32_t> rows_;
  std::vector<Leaf> leaves_;
  std::vector<std::size_t> order_;     // of columns
  std::vector<Moments> histogram_;     // by code, empty between uses
  std::vector<std::uint64_t> filled_;  // which of its codes have rows
  std::vector<Bin> bins_;              // those, in the order in which a cut divides them
  Split best_{};
  std::vector<std::uint32_t> right_rows_;
};

Grower::Grower(const Eigen::MatrixXd& x, const std::vector<char>& categorical, std::vector<CategoryCodes>* categories)
    : columns_(static_cast<std::size_t>(x.cols())), size_(static_cast<std::size_t>(x.rows())) {
  categories->resize(columns_.size());
  for (std::size_t j = 0; j < columns_.size(); ++j) {
    const auto values = x.col(static_cast<Eigen::Index>(j));
    if (categorical[j] != 0) {
      EncodeCategories(values, &columns_[j], &(*categories)[j]);
    } else {
      Encode(values, &columns_[j]);
    }
  }
  order_.resize(columns_.size());
  histogram_.resize(kMaxCodes);
  filled_.resize(kMaxCodes / 64);
}

// Each value its own code, or if there are too many, about as many rows to each code.
void Grower::Encode(const Eigen::Ref<const Eigen::VectorXd>& values, Column* column) {
  const auto value = [&](std::uint32_t row) { return values[static_cast<Eigen::Index>(row)]; };
  std::vector<std::uint32_t> sorted(static_cast<std::size_t>(values.size()));
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(),
            [&](std::uint32_t a, std::uint32_t b) { return value(a) < value(b) || (value(a) == value(b) && a < b); });
  std::size_t distinct = 1;
  for (std::size_t i = 1; i < sorted.size(); ++i) distinct += value(sorted[i]) != value(sorted[i - 1]) ? 1U : 0U;
  const std::size_t rows_per_code = distinct <= kMaxCodes ? 1 : (sorted.size() + kMaxCodes - 1) / kMaxCodes;

  column->code.resize(sorted.size());
  std::size_t rows = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double here = value(sorted[i]);
    if (i == 0 || (rows >= rows_per_code && here != column->high.back())) {
      column->low.push_back(here);
      column->high.push_back(here);
      rows = 0;
    }
    ++rows;
    column->high.back() = here;
    column->code[sorted[i]] = static_cast<std::uint16_t>(column->high.size() - 1);
  }
  column->codes = column->high.size();
}

// The commonest levels have a code each.
void Grower::EncodeCategories(const Eigen::Ref<const Eigen::VectorXd>& values, Column* column, CategoryCodes* out) {
  std::map<double, std::size_t> count;
  for (const double level : values) ++count[level];
  std::vector<std::pair<std::size_t, double>> common;
  for (const auto& [level, rows] : count) common.emplace_back(rows, level);
  if (common.size() >= kMaxCodes) {
    std::stable_sort(common.begin(), common.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  }
  std::map<double, std::uint16_t> code;
  for (std::size_t i = 0; i < common.size(); ++i) {
    code[common[i].second] = static_cast<std::uint16_t>(std::min(i, kMaxCodes - 2));
  }
  for (const auto& [level, its_code] : code) {
    out->levels.push_back(level);
    out->codes.push_back(its_code);
  }
  out->unseen = static_cast<std::uint16_t>(std::min(common.size(), kMaxCodes - 1));
  column->categorical = true;
  column->codes = std::size_t{out->unseen} + 1;
  for (const double level : values) column->code.push_back(code[level]);
}

const std::vector<Leaf>& Grower::Grow(const Growth& growth, const std::vector<Moments>& rows, Rng& rng,
                                      RegressionTrees* out) {
  moments_ = &rows;
  rows_.clear();
  for (std::uint32_t row = 0; row < size_; ++row) {
    if (rows[row].weight > 0) rows_.push_back(row);
  }
  leaves_.clear();
  std::iota(order_.begin(), order_.end(), std::size_t{0});

  struct Open {
    Leaf leaf;
    int depth;
  };
  std::vector<Open> open{{{out->nodes.size(), 0, rows_.size()}, 0}};
  out->nodes.emplace_back();
  while (!open.empty()) {
    const auto [leaf, depth] = open.back();
    open.pop_back();
    if (depth == growth.max_depth || !FindSplit(growth, leaf.begin, leaf.end, rng)) {
      leaves_.push_back(leaf);
      continue;
    }
    const std::size_t left = out->nodes.size();
    const std::size_t middle = Divide(leaf.begin, leaf.end, rng, out, &out->nodes[leaf.node]);
    out->nodes[leaf.node].left = static_cast<std::int32_t>(left);
    out->nodes.resize(left + 2);
    open.push_back({{left + 1, middle, leaf.end}, depth + 1});
    open.push_back({{left, leaf.begin, middle}, depth + 1});
  }
  return leaves_;
}

// Leaves the split in `best_`. Columns that are constant here do not count among those tried.
bool Grower::FindSplit(const Growth& growth, std::size_t begin, std::size_t end, Rng& rng) {
  const std::vector<Moments>& moments = *moments_;
  Moments all;
  const auto target = [&](std::size_t i) { return moments[rows_[i]].sum / moments[rows_[i]].weight; };
  double least = target(begin), most = least;
  for (std::size_t i = begin; i < end; ++i) {
    const Moments& row = moments[rows_[i]];
    all.weight += row.weight;
    all.sum += row.sum;
    least = std::min(least, target(i));
    most = std::max(most, target(i));
  }
  if (all.weight < 2 * growth.min_leaf || least == most) return false;

  const double none = all.sum * all.sum / all.weight + 1e-12;
  best_.score = none;
  auto to_try = static_cast<std::size_t>(std::ceil(growth.features * static_cast<double>(order_.size())));
  for (std::size_t i = 0; i < order_.size() && to_try > 0; ++i) {
    std::swap(order_[i], order_[i + rng.Below(order_.size() - i)]);
    Collect(columns_[order_[i]], begin, end);
    if (bins_.size() == 1) continue;
    TryColumn(growth, order_[i], all, rng);
    --to_try;
  }
  return best_.score > none;
}

void Grower::Collect(const Column& column, std::size_t begin, std::size_t end) {
  bins_.clear();
  if (column.codes == 1) {
    bins_.resize(1);
    return;
  }
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t row = rows_[i];
    const std::uint16_t code = column.code[row];
    histogram_[code].weight += (*moments_)[row].weight;
    histogram_[code].sum += (*moments_)[row].sum;
    filled_[code / 64] |= std::uint64_t{1} << (code % 64);
  }
  for (std::size_t word = 0; word < (column.codes + 63) / 64; ++word) {
    for (std::uint64_t left = std::exchange(filled_[word], 0); left != 0; left &= left - 1) {
      const std::size_t code = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
      bins_.push_back({static_cast<std::uint16_t>(code), std::exchange(histogram_[code], {})});
    }
  }
}

// Of `bins_`, at least two. For the squared error the best set of categories is among those that are consecutive when
// they are ordered by mean (Fisher 1958).
void Grower::TryColumn(const Growth& growth, std::size_t feature, const Moments& all, Rng& rng) {
  const Column& column = columns_[feature];
  std::size_t first = 1, last = bins_.size() - 1;  // how many bins may go left
  double drawn = 0;
  if (column.categorical && growth.best_cut) {
    std::sort(bins_.begin(), bins_.end(), [](const Bin& a, const Bin& b) {
      const double left = a.moments.sum / a.moments.weight, right = b.moments.sum / b.moments.weight;
      return left < right || (left == right && a.code < b.code);
    });
  } else if (column.categorical) {
    for (std::size_t i = 0; i + 1 < bins_.size(); ++i) std::swap(bins_[i], bins_[i + rng.Below(bins_.size() - i)]);
    first = last = 1 + rng.Below(bins_.size() - 1);
  } else if (!growth.best_cut) {
    const double low = column.low[bins_.front().code], high = column.high[bins_.back().code];
    drawn = low + rng.Uniform() * (high - low);
    const auto above = std::partition_point(bins_.begin() + 1, bins_.end() - 1,
                                            [&](const Bin& bin) { return column.low[bin.code] <= drawn; });
    first = last = static_cast<std::size_t>(above - bins_.begin());
  }

  Moments left;
  std::size_t cut = 0;
  for (std::size_t count = 1; count <= last; ++count) {
    left.weight += bins_[count - 1].moments.weight;
    left.sum += bins_[count - 1].moments.sum;
    const double weight = all.weight - left.weight, sum = all.sum - left.sum;
    if (count < first || left.weight < growth.min_leaf) continue;
    if (weight < growth.min_leaf) break;
    const double score = left.sum * left.sum / left.weight + sum * sum / weight;
    if (score <= best_.score) continue;
    best_.score = score;
    cut = count;
  }
  if (cut == 0) return;
  best_.feature = feature;
  if (column.categorical) {
    best_.left.clear();
    best_.right.clear();
    for (std::size_t i = 0; i < bins_.size(); ++i) (i < cut ? best_.left : best_.right).push_back(bins_[i].code);
    return;
  }
  best_.last = bins_[cut - 1].code;
  const double low = column.high[best_.last], high = column.low[bins_[cut].code];
  if (growth.best_cut) drawn = low + rng.Uniform() * (high - low);
  best_.threshold = low <= drawn && drawn < high ? drawn : low;
}

// Writes `best_` into the node and orders the rows by it, stably; returns the first of the right side. Categories that
// no row has here go either way.
std::size_t Grower::Divide(std::size_t begin, std::size_t end, Rng& rng, RegressionTrees* out,
                           RegressionTrees::Node* node) {
  const Column& column = columns_[best_.feature];
  node->feature = static_cast<std::int32_t>(best_.feature);
  node->value = best_.threshold;
  const std::size_t subset = out->subsets.size();
  if (column.categorical) {
    node->subset = static_cast<std::int32_t>(subset);
    for (std::size_t word = 0; word < (column.codes + 63) / 64; ++word) out->subsets.push_back(rng.Next());
    for (const std::uint16_t code : best_.left) out->subsets[subset + code / 64] |= std::uint64_t{1} << (code % 64);
    for (const std::uint16_t code : best_.right) out->subsets[subset + code / 64] &= ~(std::uint64_t{1} << (code % 64));
  }
  right_rows_.clear();
  std::size_t middle = begin;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint16_t code = column.code[rows_[i]];
    const bool left =
        column.categorical ? (out->subsets[subset + code / 64] >> (code % 64) & 1) != 0 : code <= best_.last;
    if (left) {
      rows_[middle++] = rows_[i];
    } else {
      right_rows_.push_back(rows_[i]);
    }
  }
  std::copy(right_rows_.begin(), right_rows_.end(), rows_.begin() + static_cast<std::ptrdiff_t>(middle));
  return middle;
}

// Linear between order statistics. Reorders `values`, at least one.
double Quantile(double share, std::vector<double>& values) {
  const double position = share * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(values.begin(), below, values.end());
  if (below + 1 == values.end()) return *below;
  const double next = *std::min_element(below + 1, values.end());
  return *below + (position - std::floor(position)) * (next - *below);
}

constexpr int kTrees = 30;
constexpr Growth kRandomForest{.best_cut = true, .features = 5.0 / 6, .min_leaf = 1, .max_depth = 64};
constexpr Growth kExtraTrees{.best_cut = false, .features = 1, .min_leaf = 1, .max_depth = 64};
constexpr Growth kBoosted{.best_cut = true, .features = 1, .min_leaf = 1, .max_depth = 3};
constexpr int kRounds = 60;
constexpr double kLearningRate = 0.1;

// Each row counts as often as it is drawn, or once.
std::vector<double> Weights(TreeModel model, std::size_t size, Rng& rng) {
  if (model == TreeModel::kExtraTrees) return std::vector<double>(size, 1);
  std::vector<double> out(size, 0);
  for (std::size_t i = 0; i < size; ++i) out[rng.Below(size)] += 1;
  return out;
}

void AverageLeaf(const Leaf& leaf, const std::vector<std::uint32_t>& rows, const std::vector<Moments>& moments,
                 RegressionTrees::Node* node) {
  Moments all;
  for (std::size_t i = leaf.begin; i < leaf.end; ++i) {
    all.weight += moments[rows[i]].weight;
    all.sum += moments[rows[i]].sum;
  }
  node->value = all.sum / all.weight;
  double squares = 0;
  for (std::size_t i = leaf.begin; i < leaf.end; ++i) {
    const Moments& row = moments[rows[i]];
    const double off = row.sum / row.weight - node->value;
    squares += row.weight * off * off;
  }
  node->variance = squares / all.weight;
}

}  // namespace

double CategoryCodes::CodeOf(double level) const {
  const auto found = std::lower_bound(levels.begin(), levels.end(), level);
  if (found == levels.end() || *found != level) return unseen;
  return codes[static_cast<std::size_t>(found - levels.begin())];
}

const RegressionTrees::Node& RegressionTrees::LeafOf(std::size_t root, const double* point) const {
  const Node* node = &nodes[root];
  while (node->feature != kLeaf) {
    const double at = point[node->feature];
    bool right = at > node->value;
    if (node->subset >= 0) {
      const auto code = static_cast<std::size_t>(at);
      right = (subsets[static_cast<std::size_t>(node->subset) + code / 64] >> (code % 64) & 1) == 0;
    }
    node = &nodes[static_cast<std::size_t>(node->left) + (right ? 1U : 0U)];
  }
  return *node;
}

Forest::Forest(TreeModel model, const Eigen::MatrixXd& x, const Eigen::VectorXd& y,
               const std::vector<char>& categorical, std::uint64_t seed)
    : model_(model) {
  QALAM_CHECK(x.rows() >= 1 && x.rows() == y.size(), "a forest has a value for each point, one at least");
  QALAM_CHECK(static_cast<std::size_t>(x.cols()) == categorical.size(), "a forest knows the kind of each column");
  const auto size = static_cast<std::size_t>(y.size());
  Grower grower(x, categorical, &categories_);
  std::vector<Moments> moments(size);
  if (model != TreeModel::kGradientBoosting) {
    for (std::uint64_t tree = 0; tree < kTrees; ++tree) {
      Rng rng(seed, "forest.tree", tree);
      const std::vector<double> weights = Weights(model, size, rng);
      for (std::size_t i = 0; i < size; ++i) moments[i] = {weights[i], weights[i] * y[static_cast<Eigen::Index>(i)]};
      roots_.push_back(trees_.nodes.size());
      const Growth& growth = model == TreeModel::kExtraTrees ? kExtraTrees : kRandomForest;
      for (const Leaf& leaf : grower.Grow(growth, moments, rng, &trees_)) {
        AverageLeaf(leaf, grower.rows(), moments, &trees_.nodes[leaf.node]);
      }
    }
    return;
  }
  // Each tree divides the rows by the sign of what is left to explain, then steps to its quantile leaf by leaf.
  std::vector<double> some, left(size);
  for (std::size_t q = 0; q < std::size(kQuantiles); ++q) {
    const double share = kQuantiles[q];
    some.assign(y.begin(), y.end());
    start_.push_back(Quantile(share, some));
    for (std::size_t i = 0; i < size; ++i) left[i] = y[static_cast<Eigen::Index>(i)] - start_.back();
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      Rng rng(seed, "forest.tree", q * kRounds + round);
      for (std::size_t i = 0; i < size; ++i) moments[i] = {1, left[i] > 0 ? share : left[i] < 0 ? share - 1 : 0};
      roots_.push_back(trees_.nodes.size());
      for (const Leaf& leaf : grower.Grow(kBoosted, moments, rng, &trees_)) {
        some.clear();
        for (std::size_t i = leaf.begin; i < leaf.end; ++i) some.push_back(left[grower.rows()[i]]);
        const double step = kLearningRate * Quantile(share, some);
        trees_.nodes[leaf.node].value = step;
        for (std::size_t i = leaf.begin; i < leaf.end; ++i) left[grower.rows()[i]] -= step;
      }
    }
  }
}

void Forest::Predict(const Eigen::MatrixXd& x, Eigen::VectorXd* mean, Eigen::VectorXd* sd) const {
  QALAM_CHECK(static_cast<std::size_t>(x.cols()) == categories_.size(), "a forest predicts points of its own space");
  Eigen::MatrixXd points = x.transpose();
  for (std::size_t j = 0; j < categories_.size(); ++j) {
    if (categories_[j].levels.empty()) continue;
    for (double& at : points.row(static_cast<Eigen::Index>(j))) at = categories_[j].CodeOf(at);
  }
  const auto leaf = [&](std::size_t tree, Eigen::Index i) -> const RegressionTrees::Node& {
    return trees_.LeafOf(roots_[tree], points.data() + i * points.rows());
  };
  if (model_ == TreeModel::kGradientBoosting) {
    Eigen::MatrixXd quantile(x.rows(), static_cast<Eigen::Index>(start_.size()));
    for (std::size_t q = 0; q < start_.size(); ++q) {
      auto column = quantile.col(static_cast<Eigen::Index>(q));
      column.setConstant(start_[q]);
      for (std::size_t tree = q * kRounds; tree < (q + 1) * kRounds; ++tree) {
        for (Eigen::Index i = 0; i < x.rows(); ++i) column[i] += leaf(tree, i).value;
      }
    }
    *mean = quantile.col(1);
    *sd = ((quantile.col(2) - quantile.col(0)) / 2).cwiseMax(std::sqrt(kVarianceFloor));
    return;
  }
  // The running mean and the sum of squares about it (Welford 1962).
  mean->setZero(x.rows());
  sd->setZero(x.rows());
  Eigen::VectorXd within = Eigen::VectorXd::Zero(x.rows());
  for (std::size_t tree = 0; tree < roots_.size(); ++tree) {
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const RegressionTrees::Node& at = leaf(tree, i);
      const double off = at.value - (*mean)[i];
      (*mean)[i] += off / static_cast<double>(tree + 1);
      (*sd)[i] += off * (at.value - (*mean)[i]);
      within[i] += at.variance;
    }
  }
  *sd = ((*sd + within) / static_cast<double>(roots_.size())).cwiseMax(kVarianceFloor).cwiseSqrt();
}

}  // namespace qalam
