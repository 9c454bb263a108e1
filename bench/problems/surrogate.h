// SPDX-License-Identifier: Apache-2.0
// Neural surrogates of real tuning problems, kept as plain data: YAHPO Gym's networks.
// Pfisterer, Schneider, Moosbauer, Binder, Bischl: YAHPO Gym - An Efficient Multi-Objective Multi-Fidelity Benchmark
// for Hyperparameter Optimization. AutoML-Conf 2022. bench/data/README.md tells the files.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace qalam::bench {

// A network as a list of operations, evaluated in single precision as the original is.
class Network {
 public:
  // model.json and weights.f32.gz of a folder. NOT_FOUND, or DATA_LOSS with the file and what is wrong with it.
  static Result<Network> Load(const std::string& folder);

  // `codes`: of the categorical inputs; `numbers`: the others. The outputs, in the order of the space's metrics.
  Eigen::VectorXf Evaluate(const std::vector<int>& codes, const std::vector<double>& numbers) const;
  int code_count() const { return code_count_; }
  int number_count() const { return number_count_; }

 private:
  enum class Kind {
    kCode,
    kNumber,
    kEmbed,
    kColumn,
    kSlice,
    kAddConstant,
    kMultiplyConstant,
    kDivideConstant,
    kAdd,
    kMultiply,
    kLog,
    kExp,
    kNegate,
    kRound,
    kRelu,
    kSigmoid,
    kConcatenate,
    kLinear,
    kBatchNorm
  };
  struct Operation {
    Kind kind;
    std::vector<int> inputs;   // earlier operations
    std::vector<int> tensors;  // of tensors_
    float a = 0, b = 0;        // constants; of kBatchNorm a: epsilon
    int from = 0, to = 0;      // kSlice, kColumn: elements; kCode, kNumber: which input
  };
  struct Loader;

  Eigen::VectorXf Apply(const Operation& operation, const std::vector<Eigen::VectorXf>& values,
                        const std::vector<int>& codes, const std::vector<double>& numbers) const;

  std::vector<Eigen::MatrixXf> tensors_;  // vectors are one column
  std::vector<Operation> operations_;     // the last one is the output
  int code_count_ = 0, number_count_ = 0;
};

}  // namespace qalam::bench
