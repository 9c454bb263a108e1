// SPDX-License-Identifier: Apache-2.0
#include "algorithms/controller.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace qalam {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// What weights begin below: states that tell the ways to a layer apart, and choices that are all as likely. Learning
// the latter is then enough for a beginning.
constexpr double kInputs = 1, kStates = 0.3, kOutputs = 0.01;
constexpr double kForgetMean = 0.9, kForgetSquare = 0.999, kTiny = 1e-8;
constexpr double kSurest = 1e-6;  // a target that asks for all connections, or none, is taken as nearly so

// The matrices, one after the other in one vector. Scalar: double, or const double.
template <class Scalar>
struct Parts {
  using Matrix = Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const MatrixXd, MatrixXd>>;

  Parts(Scalar* data, Index operations, Index h)
      : lstm(data, 4 * h, 2 * h),
        start(lstm.data() + lstm.size(), h, 1),
        embedding(start.data() + start.size(), h, operations),
        softmax(embedding.data() + embedding.size(), operations, h),
        anchor(softmax.data() + softmax.size(), h, h),
        query(anchor.data() + anchor.size(), h, h),
        attention(query.data() + query.size(), h, 1) {}
  static Index Size(Index operations, Index h) { return 8 * h * h + h + 2 * operations * h + 2 * h * h + h; }

  Matrix lstm;       // input and state to the gates i, f, o, g
  Matrix start;      // the first input
  Matrix embedding;  // an operation as an input
  Matrix softmax;    // a state to the operations' logits
  Matrix anchor, query, attention;
};

// By exp, which is computed several at a time; libm's tanh is not, and takes as long as the products of matrices.
template <class Array>
auto Tanh(const Array& x) {
  return 1 - 2 / (1 + (2 * x).exp());
}

// The LSTM after a step.
struct Memory {
  VectorXd both;   // input and state before, one below the other
  VectorXd gates;  // i, f, o, g
  VectorXd cell, bent, state;
};

Memory Begin(Index h) {
  Memory memory;
  memory.cell = memory.bent = memory.state = VectorXd::Zero(h);
  return memory;
}

Memory Advance(const Parts<const double>& parts, const Eigen::Ref<const VectorXd>& input, const Memory& before) {
  const Index h = before.state.size();
  Memory after;
  after.both.resize(2 * h);
  after.both << input, before.state;
  after.gates.noalias() = parts.lstm * after.both;
  auto sigmoids = after.gates.head(3 * h).array();
  sigmoids = 1 / (1 + (-sigmoids).exp());
  after.gates.tail(h) = Tanh(after.gates.tail(h).array()).eval();
  after.cell =
      after.gates.segment(h, h).cwiseProduct(before.cell) + after.gates.head(h).cwiseProduct(after.gates.tail(h));
  after.bent = Tanh(after.cell.array());
  after.state = after.gates.segment(2 * h, h).cwiseProduct(after.bent);
  return after;
}

// Logits cooled and bent as the policy says; `slopes`: their derivatives by what they were.
void Bend(const ControllerPolicy& policy, VectorXd* logits, VectorXd* slopes) {
  const double scale = 1 / policy.temperature.value_or(1);
  *logits *= scale;
  *slopes = VectorXd::Constant(logits->size(), scale);
  if (!policy.tanh_constant) return;
  const VectorXd tanh = Tanh(logits->array());
  *logits = *policy.tanh_constant * tanh;
  slopes->array() *= *policy.tanh_constant * (1 - tanh.array().square());
}

struct Layer {
  Memory operation, skips;       // after the LSTM was asked for each
  VectorXd chances, slopes;      // of the operations
  MatrixXd attention;            // a column for each earlier layer
  VectorXd logits, skip_slopes;  // (-z, z) are those of not taking an earlier layer, and of taking it
  VectorXd taken;                // the chance of taking it
  int chosen = 0;
  VectorXd choices;  // 1: taken
};

// Writes a network; `choose_operation(chances)` and `choose_skip(chance)` decide.
template <class ChooseOperation, class ChooseSkip>
std::vector<Layer> Write(const Parts<const double>& parts, const ControllerPolicy& policy, int count,
                         ChooseOperation choose_operation, ChooseSkip choose_skip) {
  const Index h = parts.start.size();
  std::vector<Layer> layers(static_cast<std::size_t>(count));
  MatrixXd states(h, count), anchors(h, count);
  Memory memory = Begin(h);
  VectorXd input = parts.start;
  for (Index l = 0; l < count; ++l) {
    Layer& layer = layers[static_cast<std::size_t>(l)];
    layer.operation = Advance(parts, input, memory);
    VectorXd logits = parts.softmax * layer.operation.state;
    Bend(policy, &logits, &layer.slopes);
    layer.chances = (logits.array() - logits.maxCoeff()).exp();
    layer.chances /= layer.chances.sum();
    layer.chosen = choose_operation(layer.chances);

    layer.skips = Advance(parts, parts.embedding.col(layer.chosen), layer.operation);
    if (l > 0) {
      layer.attention = anchors.leftCols(l).colwise() + parts.query * layer.skips.state;
      layer.attention = Tanh(layer.attention.array()).eval();
      layer.logits = layer.attention.transpose() * parts.attention;
      Bend(policy, &layer.logits, &layer.skip_slopes);
      layer.taken = 1 / (1 + (-2 * layer.logits.array()).exp());
      layer.choices.resize(l);
      for (Index j = 0; j < l; ++j) layer.choices[j] = choose_skip(layer.taken[j]);
      input = states.leftCols(l) * layer.choices / (1 + layer.choices.sum());
    } else {
      input = parts.start;
    }
    states.col(l) = layer.skips.state;
    anchors.col(l).noalias() = parts.anchor * layer.skips.state;
    memory = layer.skips;
  }
  return layers;
}

// Writes the network that these choices make.
std::vector<Layer> Rewrite(const Parts<const double>& parts, const ControllerPolicy& policy, int count,
                           const NetworkChoices& network) {
  auto next = network.begin();
  return Write(
      parts, policy, count, [&](const VectorXd&) { return *next++; }, [&](double) { return *next++; });
}

double Log(double chance) { return std::log(std::max(chance, 1e-300)); }

double SurpriseOf(const std::vector<Layer>& layers) {
  double surprise = 0;
  for (const Layer& layer : layers) {
    surprise -= Log(layer.chances[layer.chosen]);
    for (Index j = 0; j < layer.taken.size(); ++j)
      surprise -= Log(layer.choices[j] != 0 ? layer.taken[j] : 1 - layer.taken[j]);
  }
  return surprise;
}

// The derivatives of one LSTM step: by its gates' sums, from those by its state and cell, which become those by the
// state and cell before; `by_input` those by its input.
VectorXd Retreat(const Parts<const double>& parts, const Memory& after, const VectorXd& cell_before, VectorXd* by_state,
                 VectorXd* by_cell, VectorXd* by_input) {
  const Index h = by_state->size();
  const auto i = after.gates.head(h).array(), f = after.gates.segment(h, h).array();
  const auto o = after.gates.segment(2 * h, h).array(), g = after.gates.tail(h).array();
  *by_cell += (by_state->array() * o * (1 - after.bent.array().square())).matrix();
  VectorXd by_gates(4 * h);
  by_gates.head(h) = by_cell->array() * g * i * (1 - i);
  by_gates.segment(h, h) = by_cell->array() * cell_before.array() * f * (1 - f);
  by_gates.segment(2 * h, h) = by_state->array() * after.bent.array() * o * (1 - o);
  by_gates.tail(h) = by_cell->array() * i * (1 - g.square());
  const VectorXd by_both = parts.lstm.transpose() * by_gates;
  *by_input = by_both.head(h);
  *by_state = by_both.tail(h);
  *by_cell = by_cell->array() * f;
  return by_gates;
}

// The loss of a network that was written, with derivatives by logits.
class Judge {
 public:
  Judge(const ControllerPolicy& policy, double advantage, std::size_t layers)
      : advantage_(advantage),
        entropy_(policy.entropy_weight / static_cast<double>(layers)),
        skip_(layers < 2 ? 0 : policy.skip_weight / static_cast<double>(layers - 1)),
        target_(std::clamp(policy.skip_target, kSurest, 1 - kSurest)) {}

  double Operation(const Layer& layer, VectorXd* by_logits) const {
    const VectorXd logs = layer.chances.array().max(1e-300).log();
    const double entropy = -layer.chances.dot(logs);
    *by_logits = advantage_ * layer.chances + entropy_ * (layer.chances.array() * (logs.array() + entropy)).matrix();
    (*by_logits)[layer.chosen] -= advantage_;
    return -advantage_ * logs[layer.chosen] - entropy_ * entropy;
  }

  double Skip(double taken, bool chosen, double* by_logit) const {
    const double yes = Log(taken), no = Log(1 - taken), slope = 2 * taken * (1 - taken);
    const double entropy = -taken * yes - (1 - taken) * no;
    const double distance = taken * (yes - Log(target_)) + (1 - taken) * (no - Log(1 - target_));
    *by_logit = 2 * advantage_ * (taken - (chosen ? 1 : 0)) - entropy_ * slope * (no - yes) +
                skip_ * slope * (yes - Log(target_) - no + Log(1 - target_));
    return -advantage_ * (chosen ? yes : no) - entropy_ * entropy + skip_ * distance;
  }

 private:
  double advantage_, entropy_, skip_, target_;
};

}  // namespace

Controller::Controller(int layers, int operations, int hidden, const ControllerPolicy& policy, std::uint64_t seed)
    : layers_(layers), operations_(operations), hidden_(hidden), policy_(policy) {
  weights_.resize(Parts<double>::Size(operations, hidden));
  Rng rng(seed, "controller.weights", 0);
  Parts<double> parts(weights_.data(), operations, hidden);
  const auto draw = [&](auto& part, double most) {
    for (Index j = 0; j < part.cols(); ++j) {
      for (Index i = 0; i < part.rows(); ++i) part(i, j) = most * (2 * rng.Uniform() - 1);
    }
  };
  draw(parts.start, kInputs), draw(parts.embedding, kInputs);
  draw(parts.lstm, kStates), draw(parts.anchor, kStates), draw(parts.query, kStates);
  draw(parts.softmax, kOutputs), draw(parts.attention, kOutputs);
  mean_ = square_ = VectorXd::Zero(weights_.size());
}

NetworkChoices Controller::Sample(Rng& rng) const {
  const Parts<const double> parts(weights_.data(), operations_, hidden_);
  NetworkChoices network;
  const auto choose_operation = [&](const VectorXd& chances) {
    double draw = rng.Uniform();
    int chosen = 0;
    while (chosen + 1 < operations_ && (draw -= chances[chosen]) > 0) ++chosen;
    network.push_back(chosen);
    return chosen;
  };
  const auto choose_skip = [&](double taken) {
    network.push_back(rng.Uniform() < taken ? 1 : 0);
    return network.back();
  };
  (void)Write(parts, policy_, layers_, choose_operation, choose_skip);
  return network;
}

double Controller::Loss(const NetworkChoices& network, double advantage, Eigen::VectorXd* gradient) const {
  return Loss(
      network, [advantage](double) { return advantage; }, gradient);
}

double Controller::Loss(const NetworkChoices& network, const std::function<double(double surprise)>& advantage,
                        Eigen::VectorXd* gradient) const {
  const Parts<const double> parts(weights_.data(), operations_, hidden_);
  const Index h = hidden_;
  const std::vector<Layer> layers = Rewrite(parts, policy_, layers_, network);

  const Judge judge(policy_, advantage(SurpriseOf(layers)), layers.size());
  double loss = 0;
  std::vector<VectorXd> by_operations(layers.size()), by_skips(layers.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    loss += judge.Operation(layer, &by_operations[l]);
    by_skips[l].resize(static_cast<Index>(l));
    for (Index j = 0; j < layer.taken.size(); ++j)
      loss += judge.Skip(layer.taken[j], layer.choices[j] != 0, &by_skips[l][j]);
  }
  if (gradient == nullptr) return loss;

  *gradient = VectorXd::Zero(weights_.size());
  Parts<double> by(gradient->data(), operations_, hidden_);
  MatrixXd by_states = MatrixXd::Zero(h, layers_), by_anchors = MatrixXd::Zero(h, layers_);  // of the skips' steps
  MatrixXd gates(4 * h, 2 * layers_), inputs(2 * h, 2 * layers_);                            // by and of every step
  VectorXd by_state = VectorXd::Zero(h), by_cell = VectorXd::Zero(h), by_input = VectorXd::Zero(h);
  for (Index l = layers_ - 1; l >= 0; --l) {
    const Layer& layer = layers[static_cast<std::size_t>(l)];
    const VectorXd& state = layer.skips.state;
    by_state += by_states.col(l) + parts.anchor.transpose() * by_anchors.col(l);
    by.anchor.noalias() += by_anchors.col(l) * state.transpose();
    if (l > 0) {
      by_states.leftCols(l).noalias() += by_input * layer.choices.transpose() / (1 + layer.choices.sum());
      const VectorXd by_sums = by_skips[static_cast<std::size_t>(l)].cwiseProduct(layer.skip_slopes);
      by.attention.noalias() += layer.attention * by_sums;
      const MatrixXd by_bent = (parts.attention * by_sums.transpose()).array() * (1 - layer.attention.array().square());
      by_anchors.leftCols(l) += by_bent;
      const VectorXd by_query = by_bent.rowwise().sum();
      by.query.noalias() += by_query * state.transpose();
      by_state.noalias() += parts.query.transpose() * by_query;
    } else if (layers_ > 1) {
      by.start += by_input;
    }
    gates.col(2 * l + 1) = Retreat(parts, layer.skips, layer.operation.cell, &by_state, &by_cell, &by_input);
    inputs.col(2 * l + 1) = layer.skips.both;
    by.embedding.col(layer.chosen) += by_input;

    const VectorXd by_logits = by_operations[static_cast<std::size_t>(l)].cwiseProduct(layer.slopes);
    by.softmax.noalias() += by_logits * layer.operation.state.transpose();
    by_state.noalias() += parts.softmax.transpose() * by_logits;
    const VectorXd cell = l > 0 ? layers[static_cast<std::size_t>(l) - 1].skips.cell : VectorXd::Zero(h);
    gates.col(2 * l) = Retreat(parts, layer.operation, cell, &by_state, &by_cell, &by_input);
    inputs.col(2 * l) = layer.operation.both;
  }
  by.start += by_input;
  by.lstm.noalias() = gates * inputs.transpose();
  return loss;
}

double Controller::Surprise(const NetworkChoices& network) const {
  const Parts<const double> parts(weights_.data(), operations_, hidden_);
  return SurpriseOf(Rewrite(parts, policy_, layers_, network));
}

void Controller::Step(const Eigen::VectorXd& gradient, double rate) {
  ++steps_;
  mean_ = kForgetMean * mean_ + (1 - kForgetMean) * gradient;
  square_ = kForgetSquare * square_ + (1 - kForgetSquare) * gradient.cwiseAbs2();
  const double mean_scale = 1 / (1 - std::pow(kForgetMean, steps_));
  const double square_scale = 1 / (1 - std::pow(kForgetSquare, steps_));
  weights_.array() -= rate * mean_scale * mean_.array() / ((square_scale * square_.array()).sqrt() + kTiny);
}

}  // namespace qalam
