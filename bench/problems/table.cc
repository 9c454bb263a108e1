// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "bench/csv.h"
#include "bench/problems/graph_form.h"

namespace qalam::bench {
namespace {

using std::size_t;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

enum class Scale { kOrdinal, kCategorical, kListed, kLinear, kLog, kLogOfRest };  // kLogOfRest: of 1 - x

// What a family of tables has in common. A column is a parameter when `parameters` names it, or a prefix of it that
// ends in '*'; the first that fits says its scale.
struct Family {
  std::string_view prefix, folder;
  bool nearest;  // a sample of a continuous space; else a grid, and what is not listed fails
  std::vector<std::pair<std::string_view, Scale>> parameters;
  std::string_view value;  // "val_acc_s*": several seeds; "valid_loss_t*" with curve: one for each step
  bool maximise, curve;
  std::string_view cost;  // column of seconds; empty: each step costs 1
  std::string_view task;  // column that says which rows are this table's; empty: a file each
  std::vector<std::string_view> tables;
  bool graphs = false;  // a network is listed once, and can be written in several ways
};

const std::vector<Family>& Families() {
  static const std::vector<Family> all = {
      {"hpobench",
       "hpobench_mlp",
       false,
       {{"alpha_i", Scale::kOrdinal},
        {"batch_size_i", Scale::kOrdinal},
        {"depth_i", Scale::kOrdinal},
        {"learning_rate_init_i", Scale::kOrdinal},
        {"width_i", Scale::kOrdinal}},
       "val_acc_s*",
       true,
       false,
       "train_time_mean_s",
       "",
       {"australian", "blood_transfusion", "car", "credit_g", "kc1"}},
      {"fcnet",
       "fcnet",
       false,
       {{"activation_fn_*", Scale::kCategorical},
        {"lr_schedule_i", Scale::kCategorical},
        {"batch_size_i", Scale::kOrdinal},
        {"dropout_*", Scale::kOrdinal},
        {"init_lr_i", Scale::kOrdinal},
        {"n_units_*", Scale::kOrdinal}},
       "val_mse_s*",
       false,
       false,
       "train_time_mean_s",
       "",
       {"naval_propulsion", "parkinsons_telemonitoring", "protein_structure"}},
      {"nasbench201",
       "nasbench201",
       false,
       {{"op*", Scale::kCategorical}},
       "val_acc_s*",
       true,
       false,
       "train_time_s",
       "",
       {"cifar10", "cifar100"}},
      {"nasbench_macro",
       "nasbench_macro",
       false,
       {{"l*", Scale::kCategorical}},
       "test_acc_s*",
       true,
       false,
       "",
       "",
       {"cifar10"}},
      {"nasbench_graph",
       "nasbench_graph",
       false,
       {{"link", Scale::kCategorical}, {"op*", Scale::kCategorical}},
       "valid_perf",
       true,
       false,
       "",
       "",
       {"citeseer", "computers", "cora", "cs", "proteins", "pubmed"},
       true},
      {"gpu",
       "gpu_kernels",
       false,
       {{"block_size_*", Scale::kListed},
        {"tile_*", Scale::kListed},
        {"read_only", Scale::kCategorical},
        {"use_*", Scale::kCategorical}},
       "time_ms",
       false,
       false,
       "",
       "",
       {"convolution_milo_A100", "convolution_milo_A4000", "convolution_milo_MI250X", "dedispersion_milo_A100"}},
      {"xgboost",
       "xgboost_rs",
       true,
       {{"log2_*", Scale::kLinear},
        {"subsample", Scale::kLinear},
        {"colsample_bytree", Scale::kLinear},
        {"eta", Scale::kLinear},
        {"max_depth_index", Scale::kLinear}},
       "error",
       false,
       false,
       "",
       "",
       {"a6a", "australian", "german_numer", "heart", "ijcnn1", "skin_nonskin", "svmguide1"}},
      {"deepar",
       "deepar_rs",
       true,
       {{"num_*", Scale::kLinear},
        {"dropout_rate_log", Scale::kLinear},
        {"learning_rate_log", Scale::kLinear},
        {"context_length_ratio_log", Scale::kLinear}},
       "CRPS",
       false,
       false,
       "time_s",
       "task",
       {"electricity", "exchange-rate", "m4-Daily", "m4-Hourly", "m4-Monthly", "m4-Quarterly", "m4-Yearly"}},
      {"taskset",
       "taskset",
       true,
       {{"beta*", Scale::kLogOfRest},
        {"learning_rate", Scale::kLog},
        {"epsilon", Scale::kLog},
        {"l1", Scale::kLog},
        {"l2", Scale::kLog},
        {"linear_decay", Scale::kLog},
        {"exponential_decay", Scale::kLog}},
       "valid_loss_t*",
       false,
       true,
       "",
       "",
       {"imdb_patch128_LSTM128_avg_bs64", "imdb_patch128_LSTM128_embed128_bs64", "imdb_patch32_GRU128_bs128",
        "imdb_patch32_IRNN64_relu_avg_bs128", "imdb_patch32_LSTM128_E128_bs128", "imdb_patch32_LSTM128_bs128",
        "imdb_patch32_VRNN64_relu_avg_bs128", "imdb_patch32_VRNN64_tanh_avg_bs128"}},
  };
  return all;
}

bool Fits(std::string_view pattern, std::string_view column) {
  return pattern.ends_with('*') ? column.starts_with(pattern.substr(0, pattern.size() - 1)) : column == pattern;
}

// A column of the file that is a parameter, and its value in each row that counts.
struct Axis {
  Scale scale = Scale::kLinear;
  ParameterSpec spec;
  std::vector<std::string> levels;  // of a grid: text by level
  std::vector<double> values;       // of a sample, by row
};

struct Contents {
  std::vector<Axis> axes;
  std::vector<std::vector<double>> values;           // by row: seeds, or steps of the curve; minimised
  std::vector<double> costs;                         // by row
  std::unordered_map<std::uint64_t, size_t> row_of;  // grid: key of the levels -> row
  int steps = 1;
  double best = std::numeric_limits<double>::infinity();
};

double Mean(const std::vector<double>& values) {
  double sum = 0;
  size_t count = 0;
  for (const double value : values) {
    if (std::isfinite(value)) sum += value, ++count;
  }
  return count == 0 ? kNan : sum / static_cast<double>(count);
}

class Reader {
 public:
  Reader(const Family& family, std::string_view table, const Csv& csv) : family_(family), table_(table), csv_(csv) {}

  Result<Contents> Read() {
    QALAM_RETURN_IF_ERROR(ChooseRows());
    QALAM_RETURN_IF_ERROR(ReadValues());
    for (size_t column = 0; column < csv_.header().size(); ++column) {
      const auto found = std::find_if(family_.parameters.begin(), family_.parameters.end(),
                                      [&](const auto& entry) { return Fits(entry.first, csv_.header()[column]); });
      if (found == family_.parameters.end()) continue;
      Axis axis;
      axis.scale = found->second;
      axis.spec.name = csv_.header()[column];
      QALAM_RETURN_IF_ERROR(family_.nearest ? ReadSample(column, &axis) : ReadGrid(column, &axis));
      contents_.axes.push_back(std::move(axis));
    }
    if (contents_.axes.empty()) return Error(Code::kDataLoss, "has no column of a parameter");
    if (!family_.nearest) {
      for (size_t i = 0; i < rows_.size(); ++i) contents_.row_of[keys_[i]] = i;
      if (family_.graphs) AddOtherWritings();
    }
    return std::move(contents_);
  }

 private:
  Status ChooseRows() {
    std::optional<size_t> task;
    if (!family_.task.empty()) {
      QALAM_TRY(task, csv_.Column(family_.task));
    }
    for (size_t row = 0; row < csv_.rows(); ++row) {
      if (!task || csv_.Text(row, *task) == table_) rows_.push_back(row);
    }
    if (rows_.empty()) return Error(Code::kDataLoss, "has no rows for '{}'", table_);
    keys_.resize(rows_.size());
    return OkStatus();
  }

  Status ReadValues() {
    std::vector<size_t> columns;
    for (size_t column = 0; column < csv_.header().size(); ++column) {
      if (Fits(family_.value, csv_.header()[column])) columns.push_back(column);
    }
    if (columns.empty()) return Error(Code::kDataLoss, "has no column '{}'", family_.value);
    std::optional<size_t> cost;
    if (!family_.cost.empty()) {
      QALAM_TRY(cost, csv_.Column(family_.cost));
    }
    if (family_.curve) contents_.steps = static_cast<int>(columns.size());
    for (const size_t row : rows_) {
      std::vector<double> values;
      for (const size_t column : columns) values.push_back((family_.maximise ? -1 : 1) * csv_.Number(row, column));
      const double worth = family_.curve ? values.back() : Mean(values);
      if (worth < contents_.best) contents_.best = worth;  // false for NaN
      contents_.values.push_back(std::move(values));
      const double seconds = cost ? csv_.Number(row, *cost) : kNan;
      contents_.costs.push_back(std::isfinite(seconds) ? seconds : contents_.steps);
    }
    return OkStatus();
  }

  Status ReadGrid(size_t column, Axis* axis) {
    std::map<double, std::string> found;
    for (const size_t row : rows_) found.emplace(csv_.Number(row, column), csv_.Text(row, column));
    for (const auto& [value, text] : found) {
      if (!std::isfinite(value))
        return Error(Code::kDataLoss, "column {} has a value that is no number", axis->spec.name);
      axis->levels.push_back(text);
    }
    const ParameterType type = axis->scale == Scale::kCategorical ? ParameterType::kCategorical
                               : axis->scale == Scale::kListed    ? ParameterType::kDiscrete
                                                                  : ParameterType::kInt;
    axis->spec = type == ParameterType::kInt
                     ? NumberParameter(axis->spec.name, type, found.begin()->first, found.rbegin()->first)
                     : ListParameter(axis->spec.name, type, axis->levels);
    for (size_t i = 0; i < rows_.size(); ++i) {
      const auto level = std::distance(found.begin(), found.find(csv_.Number(rows_[i], column)));
      keys_[i] = keys_[i] * found.size() + static_cast<std::uint64_t>(level);
    }
    return OkStatus();
  }

  // The other ways to write the networks that are listed get their rows.
  void AddOtherWritings() {
    const auto form_of = [this](std::uint64_t key) {
      std::array<int, 5> codes{};  // link, op0 .. op3: the order of the columns
      for (size_t i = codes.size(); i-- > 0;) {
        const std::vector<std::string>& levels = contents_.axes[i].levels;
        codes[i] = std::stoi(levels[key % levels.size()]);
        key /= levels.size();
      }
      return GraphForm(codes[0], {codes[1], codes[2], codes[3], codes[4]});
    };
    std::unordered_map<std::string, size_t> row_of_form;
    for (size_t i = 0; i < rows_.size(); ++i) row_of_form.emplace(form_of(keys_[i]), i);
    std::uint64_t keys = 1;
    for (const Axis& axis : contents_.axes) keys *= axis.levels.size();
    for (std::uint64_t key = 0; key < keys; ++key) {
      const auto row = row_of_form.find(form_of(key));
      if (row != row_of_form.end()) contents_.row_of.emplace(key, row->second);
    }
  }

  Status ReadSample(size_t column, Axis* axis) {
    const bool log = axis->scale == Scale::kLog || axis->scale == Scale::kLogOfRest;
    if (axis->scale == Scale::kLogOfRest) axis->spec.name = "one_minus_" + axis->spec.name;
    for (const size_t row : rows_) {
      const double value = csv_.Number(row, column);
      axis->values.push_back(axis->scale == Scale::kLogOfRest ? 1 - value : value);
    }
    const auto [low, high] = std::minmax_element(axis->values.begin(), axis->values.end());
    if (!std::isfinite(*low) || !std::isfinite(*high) || *low >= *high || (log && *low <= 0)) {
      return Error(Code::kDataLoss, "column {} has values out of its range", axis->spec.name);
    }
    axis->spec = NumberParameter(axis->spec.name, ParameterType::kDouble, *low, *high,
                                 log ? Distribution::kLogUniform : Distribution::kUniform);
    return OkStatus();
  }

  const Family& family_;
  std::string_view table_;
  const Csv& csv_;
  std::vector<size_t> rows_;
  std::vector<std::uint64_t> keys_;
  Contents contents_;
};

std::vector<ParameterSpec> SpecsOf(const Contents& contents) {
  std::vector<ParameterSpec> specs;
  for (const Axis& axis : contents.axes) specs.push_back(axis.spec);
  return specs;
}

class TableProblem final : public Problem {
 public:
  TableProblem(std::string name, bool nearest, Contents contents)
      : Problem(std::move(name), SpecsOf(contents), contents.steps, contents.best),
        nearest_(nearest),
        contents_(std::move(contents)) {
    if (nearest_) PlaceRows();
  }

  Evaluation Evaluate(const Assignments& point, int step, std::uint64_t draw) const override {
    const std::optional<size_t> row = nearest_ ? NearestRow(point) : ListedRow(point);
    if (!row) return {kNan, 1};
    const std::vector<double>& values = contents_.values[*row];
    const double share = static_cast<double>(step) / steps();
    if (steps() > 1) return {values[static_cast<size_t>(step - 1)], contents_.costs[*row] * share};
    std::vector<double> seeds;
    for (const double value : values) {
      if (std::isfinite(value)) seeds.push_back(value);
    }
    return {seeds.empty() ? kNan : seeds[draw % seeds.size()], contents_.costs[*row]};
  }
  double Worth(const Assignments& point) const override {
    const std::optional<size_t> row = nearest_ ? NearestRow(point) : ListedRow(point);
    if (!row) return kNan;
    return steps() > 1 ? contents_.values[*row].back() : Mean(contents_.values[*row]);
  }

 private:
  std::optional<size_t> ListedRow(const Assignments& point) const {
    std::uint64_t key = 0;
    for (size_t i = 0; i < contents_.axes.size(); ++i) {
      const std::vector<std::string>& levels = contents_.axes[i].levels;
      const auto level = std::find(levels.begin(), levels.end(), point[i].value);
      if (level == levels.end()) return std::nullopt;
      key = key * levels.size() + static_cast<std::uint64_t>(level - levels.begin());
    }
    const auto found = contents_.row_of.find(key);
    return found == contents_.row_of.end() ? std::nullopt : std::optional(found->second);
  }

  void PlaceRows() {
    const auto rows = static_cast<Eigen::Index>(contents_.values.size());
    places_.resize(space().dim(), rows);
    for (Eigen::Index i = 0; i < space().dim(); ++i) {
      const Axis& axis = contents_.axes[static_cast<size_t>(i)];
      for (Eigen::Index row = 0; row < rows; ++row) {
        places_(i, row) = UnitOf(axis, axis.values[static_cast<size_t>(row)]);
      }
    }
  }
  double UnitOf(const Axis& axis, double value) const {
    const Parameter& parameter = space().parameters()[static_cast<size_t>(&axis - contents_.axes.data())];
    return parameter.distribution == Distribution::kLogUniform
               ? std::log(value / parameter.min) / std::log(parameter.max / parameter.min)
               : (value - parameter.min) / (parameter.max - parameter.min);
  }
  std::optional<size_t> NearestRow(const Assignments& point) const {
    Eigen::VectorXd unit(space().dim());
    for (Eigen::Index i = 0; i < unit.size(); ++i) {
      unit[i] = UnitOf(contents_.axes[static_cast<size_t>(i)], NumberOf(point[static_cast<size_t>(i)]));
    }
    Eigen::Index nearest = 0;
    (places_.colwise() - unit).colwise().squaredNorm().minCoeff(&nearest);
    return static_cast<size_t>(nearest);
  }

  bool nearest_;
  Contents contents_;
  Eigen::MatrixXd places_;  // rows of the sample in the unit cube, one a column
};

}  // namespace

std::vector<std::string> TableNames() {
  std::vector<std::string> names;
  for (const Family& family : Families()) {
    for (const std::string_view table : family.tables) names.push_back(fmt::format("{}/{}", family.prefix, table));
  }
  return names;
}

Result<std::unique_ptr<Problem>> MakeTable(std::string_view name, const std::string& data) {
  const std::string_view prefix = name.substr(0, name.find('/'));
  for (const Family& family : Families()) {
    if (family.prefix != prefix || prefix.size() + 1 >= name.size()) continue;
    const std::string_view table = name.substr(prefix.size() + 1);
    if (std::find(family.tables.begin(), family.tables.end(), table) == family.tables.end()) break;
    const std::string path =
        fmt::format("{}/{}/{}.csv.gz", data, family.folder, family.task.empty() ? table : family.prefix);
    QALAM_TRY(const Csv csv, Csv::Read(path));
    auto contents = Reader(family, table, csv).Read();
    if (!contents.ok()) return contents.status().Within(path);
    return std::unique_ptr<Problem>(
        std::make_unique<TableProblem>(std::string(name), family.nearest, *std::move(contents)));
  }
  return Error(Code::kNotFound, "there is no table '{}'", name);
}

}  // namespace qalam::bench
