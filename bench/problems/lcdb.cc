// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/lcdb.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <vector>

#include "bench/csv.h"

namespace qalam::bench {
namespace {

constexpr std::array<std::string_view, 4> kTuning = {"901", "843", "722", "761"};
constexpr std::array<std::string_view, 6> kProving = {"41027", "823", "1053", "847", "41972", "41158"};

struct Curve {
  std::vector<double> values, seconds;  // by step
};
using Curves = std::map<std::string, Curve>;  // by learner

std::vector<ParameterSpec> Parameters(const Curves& curves) {
  std::vector<std::string> learners;
  for (const auto& [learner, curve] : curves) learners.push_back(learner);
  return {ListParameter("learner", ParameterType::kCategorical, std::move(learners))};
}

double BestOf(const Curves& curves) {
  double best = std::numeric_limits<double>::infinity();
  for (const auto& [learner, curve] : curves) best = std::min(best, curve.values.back());
  return best;
}

class Lcdb final : public Problem {
 public:
  Lcdb(std::string_view id, Curves curves)
      : Problem(fmt::format("lcdb/{}", id), Parameters(curves), static_cast<int>(curves.begin()->second.values.size()),
                BestOf(curves)),
        curves_(std::move(curves)) {}

  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t) const override {
    const Curve& curve = curves_.at(point.front().value);
    const auto at = static_cast<std::size_t>(step - 1);
    return {curve.values[at], curve.seconds[at]};
  }

 private:
  const Curves curves_;
};

Result<Curves> Read(const Csv& table, std::string_view id) {
  QALAM_TRY(const std::size_t set, table.Column("openml_id"));
  QALAM_TRY(const std::size_t learner, table.Column("learner"));
  QALAM_TRY(const std::size_t accuracy, table.Column("valid_acc_mean"));
  QALAM_TRY(const std::size_t seconds, table.Column("train_time_mean_s"));
  Curves curves;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.Text(row, set) != id) continue;
    Curve& curve = curves[table.Text(row, learner)];
    const double before = curve.seconds.empty() ? 0 : curve.seconds.back();
    curve.values.push_back(1 - table.Number(row, accuracy));
    curve.seconds.push_back(before + std::max(1e-6, table.Number(row, seconds)));
  }
  if (curves.empty()) return Error(Code::kDataLoss, "has no rows of data set {}", id);
  for (const auto& [name, curve] : curves) {
    if (curve.values.size() != curves.begin()->second.values.size())
      return Error(Code::kDataLoss, "learner {} of data set {} has another number of sizes than the first", name, id);
  }
  return curves;
}

}  // namespace

std::span<const std::string_view> LcdbIds(bool tuning) {
  return tuning ? std::span<const std::string_view>(kTuning) : kProving;
}

Result<std::unique_ptr<Problem>> MakeLcdb(std::string_view id, const std::string& data) {
  const auto knows = [id](std::span<const std::string_view> ids) { return std::ranges::find(ids, id) != ids.end(); };
  if (!knows(kTuning) && !knows(kProving)) return Error(Code::kNotFound, "there is no table 'lcdb/{}'", id);
  const std::string path = data + "/lcdb/accuracy.csv.gz";
  QALAM_TRY(const Csv table, Csv::Read(path));
  auto curves = Read(table, id);
  if (!curves.ok()) return curves.status().Within(path);
  return std::unique_ptr<Problem>(std::make_unique<Lcdb>(id, *std::move(curves)));
}

}  // namespace qalam::bench
