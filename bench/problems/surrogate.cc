// SPDX-License-Identifier: Apache-2.0
#include "bench/problems/surrogate.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "bench/csv.h"

namespace qalam::bench {
namespace {

using Eigen::VectorXf;
using Json = nlohmann::json;

Result<Json> ReadJsonFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(Code::kNotFound, "{}: {}", path, std::strerror(errno));
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Error(Code::kDataLoss, "{}: is no JSON", path);
  return json;
}

}  // namespace

// Turns names into indices once.
struct Network::Loader {
  Network network;
  std::string weights;  // little-endian floats
  std::map<std::string, int> tensor_index, operation_index;

  Status AddTensor(const std::string& name, const Json& json) {
    const auto offset = json.at("offset").get<std::size_t>();
    const auto shape = json.at("shape").get<std::vector<Eigen::Index>>();
    if (shape.empty() || shape.size() > 2) return Error(Code::kDataLoss, "tensor {} has {} axes", name, shape.size());
    const Eigen::Index rows = shape[0], columns = shape.size() == 2 ? shape[1] : 1;
    const auto count = static_cast<std::size_t>(rows * columns);
    if ((offset + count) * sizeof(float) > weights.size())
      return Error(Code::kDataLoss, "tensor {} ends after the file", name);
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> tensor(rows, columns);
    std::memcpy(tensor.data(), weights.data() + offset * sizeof(float), count * sizeof(float));
    tensor_index[name] = static_cast<int>(network.tensors_.size());
    network.tensors_.emplace_back(tensor);
    return OkStatus();
  }

  Status AddOperation(const Json& json) {
    const auto name = json.at(0).get<std::string>(), kind = json.at(1).get<std::string>();
    Operation operation{};
    const auto input = [&](std::size_t at) {
      operation.inputs.push_back(operation_index.at(json.at(at).get<std::string>()));
    };
    const auto tensor = [&](std::size_t at) {
      operation.tensors.push_back(tensor_index.at(json.at(at).get<std::string>()));
    };
    const auto constant = [&](Kind to, float value) {
      operation.kind = to;
      operation.a = value;
      input(2);
    };
    static const std::map<std::string, Kind> kUnary = {
        {"log", Kind::kLog},   {"exp", Kind::kExp},         {"neg", Kind::kNegate},        {"round", Kind::kRound},
        {"relu", Kind::kRelu}, {"sigmoid", Kind::kSigmoid}, {"concat", Kind::kConcatenate}};
    static const std::map<std::string, Kind> kBinary = {{"add", Kind::kAdd}, {"mul", Kind::kMultiply}};
    if (kind == "x_cat" || kind == "x_cont") {
      operation.kind = kind == "x_cat" ? Kind::kCode : Kind::kNumber;
      operation.from = json.at(2).get<int>();
    } else if (const auto unary = kUnary.find(kind); unary != kUnary.end()) {
      operation.kind = unary->second;
      for (std::size_t i = 2; i < json.size(); ++i) input(i);
    } else if (const auto binary = kBinary.find(kind); binary != kBinary.end()) {
      operation.kind = binary->second;
      input(2), input(3);
    } else if (kind == "addc" || kind == "subc") {
      constant(Kind::kAddConstant, (kind == "addc" ? 1.0F : -1.0F) * json.at(3).get<float>());
    } else if (kind == "mulc") {
      constant(Kind::kMultiplyConstant, json.at(3).get<float>());
    } else if (kind == "divc") {
      constant(Kind::kDivideConstant, json.at(3).get<float>());
    } else if (kind == "embed") {
      operation.kind = Kind::kEmbed;
      input(2), tensor(3);
    } else if (kind == "col" || kind == "slice") {
      operation.kind = kind == "col" ? Kind::kColumn : Kind::kSlice;
      input(2);
      operation.from = json.at(3).get<int>();
      operation.to = kind == "col" ? operation.from + 1 : json.at(4).get<int>();
    } else if (kind == "linear") {
      operation.kind = Kind::kLinear;
      input(2), tensor(3), tensor(4);
    } else if (kind == "batchnorm") {
      operation.kind = Kind::kBatchNorm;
      input(2), tensor(3), tensor(4), tensor(5), tensor(6);
      operation.a = json.at(7).get<float>();
    } else {
      return Error(Code::kDataLoss, "operation {} is a '{}', which this program does not know", name, kind);
    }
    operation_index[name] = static_cast<int>(network.operations_.size());
    network.operations_.push_back(std::move(operation));
    return OkStatus();
  }

  Status Load(const Json& model) {
    network.code_count_ = model.at("n_cat").get<int>();
    network.number_count_ = model.at("n_cont").get<int>();
    for (const auto& [name, tensor] : model.at("tensors").items()) QALAM_RETURN_IF_ERROR(AddTensor(name, tensor));
    for (const Json& operation : model.at("ops")) QALAM_RETURN_IF_ERROR(AddOperation(operation));
    return OkStatus();
  }
};

Result<Network> Network::Load(const std::string& folder) {
  const std::string path = folder + "/model.json";
  QALAM_TRY(const Json model, ReadJsonFile(path));
  Loader loader;
  QALAM_TRY(loader.weights, ReadCompressed(folder + "/weights.f32.gz"));
  try {
    const Status status = loader.Load(model);
    if (!status.ok()) return status.Within(path);
  } catch (const std::exception& fault) {  // a field that is missing or of another type
    return Error(Code::kDataLoss, "{}: {}", path, fault.what());
  }
  return std::move(loader.network);
}

VectorXf Network::Apply(const Operation& operation, const std::vector<VectorXf>& values, const std::vector<int>& codes,
                        const std::vector<double>& numbers) const {
  const auto input = [&](std::size_t i) -> const VectorXf& {
    return values[static_cast<std::size_t>(operation.inputs[i])];
  };
  const auto tensor = [&](std::size_t i) -> const Eigen::MatrixXf& {
    return tensors_[static_cast<std::size_t>(operation.tensors[i])];
  };
  const auto at = static_cast<std::size_t>(operation.from);
  switch (operation.kind) {
    case Kind::kCode: return VectorXf::Constant(1, static_cast<float>(codes[at]));
    case Kind::kNumber: return VectorXf::Constant(1, static_cast<float>(numbers[at]));
    case Kind::kEmbed: return tensor(0).row(static_cast<Eigen::Index>(input(0)[0])).transpose();
    case Kind::kColumn:
    case Kind::kSlice: return input(0).segment(operation.from, operation.to - operation.from);
    case Kind::kAddConstant: return input(0).array() + operation.a;
    case Kind::kMultiplyConstant: return input(0) * operation.a;
    case Kind::kDivideConstant: return input(0) / operation.a;
    case Kind::kAdd: return input(0) + input(1);
    case Kind::kMultiply: return input(0).cwiseProduct(input(1));
    case Kind::kLog: return input(0).array().log();
    case Kind::kExp: return input(0).array().exp();
    case Kind::kNegate: return -input(0);
    case Kind::kRound: return input(0).unaryExpr([](float v) { return std::nearbyintf(v); });
    case Kind::kRelu: return input(0).cwiseMax(0.0F);
    case Kind::kSigmoid: return 1 / (1 + (-input(0).array()).exp());
    case Kind::kConcatenate: {
      Eigen::Index size = 0;
      for (std::size_t i = 0; i < operation.inputs.size(); ++i) size += input(i).size();
      VectorXf all(size);
      Eigen::Index next = 0;
      for (std::size_t i = 0; i < operation.inputs.size(); next += input(i++).size()) {
        all.segment(next, input(i).size()) = input(i);
      }
      return all;
    }
    case Kind::kLinear: return tensor(0) * input(0) + tensor(1).col(0);
    case Kind::kBatchNorm:
      return (input(0) - tensor(2).col(0)).array() / (tensor(3).col(0).array() + operation.a).sqrt() *
                 tensor(0).col(0).array() +
             tensor(1).col(0).array();
  }
  return {};
}

VectorXf Network::Evaluate(const std::vector<int>& codes, const std::vector<double>& numbers) const {
  QALAM_CHECK(static_cast<int>(codes.size()) == code_count_ && static_cast<int>(numbers.size()) == number_count_,
              "a network is given as many inputs as it has");
  std::vector<VectorXf> values;
  values.reserve(operations_.size());
  for (const Operation& operation : operations_) values.push_back(Apply(operation, values, codes, numbers));
  return values.back();
}

}  // namespace qalam::bench
