// SPDX-License-Identifier: Apache-2.0
// The controller of ENAS: an LSTM that writes down a network layer by layer, first the layer's operation, then, by
// attention, which of the earlier layers it takes as further inputs; and how it learns what networks to write.
// Pham et al. 2018, "Efficient Neural Architecture Search via Parameter Sharing".
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/rng.h"

namespace qalam {

// A network as the choices that make it: the operation of layer 0; the operation of layer 1, whether it takes layer 0;
// the operation of layer 2, whether it takes layer 0, layer 1; ...
using NetworkChoices = std::vector<int>;

struct ControllerPolicy {
  std::optional<double> temperature, tanh_constant;  // what logits are divided by, and what they stay below
  double entropy_weight = 0, skip_weight = 0;
  double skip_target = 0.4;  // the share of skip connections that costs nothing
};

class Controller {
 public:
  // Every number that is learned begins near 0, drawn by `seed`.
  Controller(int layers, int operations, int hidden, const ControllerPolicy& policy, std::uint64_t seed);

  NetworkChoices Sample(Rng& rng) const;
  // What REINFORCE makes smaller for one network: -log P(network) times its advantage, minus the entropy of the
  // choices, plus the Kullback-Leibler distance of the skip connections' chances from the target; the latter two a
  // layer, and with their weights. `gradient` (by weights()) may be null.
  double Loss(const NetworkChoices& network, double advantage, Eigen::VectorXd* gradient) const;
  // The advantage a function of Surprise(network), which costs as much as half the loss when it is asked for alone.
  double Loss(const NetworkChoices& network, const std::function<double(double surprise)>& advantage,
              Eigen::VectorXd* gradient) const;
  // -log P(network).
  double Surprise(const NetworkChoices& network) const;
  // One step of Adam (Kingma and Ba 2015) against `gradient`: no weight moves by much more than `rate`.
  void Step(const Eigen::VectorXd& gradient, double rate);

  const Eigen::VectorXd& weights() const { return weights_; }
  void set_weights(Eigen::VectorXd weights) { weights_ = std::move(weights); }

 private:
  int layers_, operations_, hidden_;
  ControllerPolicy policy_;
  Eigen::VectorXd weights_, mean_, square_;  // mean_, square_: Adam's moments of the gradient
  int steps_ = 0;
};

}  // namespace qalam
