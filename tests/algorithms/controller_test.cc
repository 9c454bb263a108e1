// SPDX-License-Identifier: Apache-2.0
#include "algorithms/controller.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace qalam {
namespace {

const ControllerPolicy kPolicy{
    .temperature = 2.0, .tanh_constant = 1.5, .entropy_weight = 0.7, .skip_weight = 0.8, .skip_target = 0.3};

// Choices that are not all as likely, so that everything is felt.
Controller Grown(int layers, int operations, int hidden, const ControllerPolicy& policy) {
  Controller controller(layers, operations, hidden, policy, 7);
  Eigen::VectorXd weights = controller.weights();
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    Rng rng(7, "test.weights", static_cast<std::uint64_t>(i));
    weights[i] += 0.8 * (2 * rng.Uniform() - 1);
  }
  controller.set_weights(weights);
  return controller;
}

TEST(Controller, TheGradientIsThatOfCentralDifferences) {
  for (const ControllerPolicy& policy : {kPolicy, ControllerPolicy{}}) {
    for (const NetworkChoices& network :
         {NetworkChoices{2}, NetworkChoices{1, 0, 1}, NetworkChoices{0, 2, 1, 1, 0, 1, 2, 1, 1, 0}}) {
      const int layers = network.size() == 1 ? 1 : network.size() == 3 ? 2 : 4;
      Controller controller = Grown(layers, 3, 5, policy);
      for (const double advantage : {1.3, -0.6}) {
        Eigen::VectorXd gradient;
        controller.Loss(network, advantage, &gradient);
        const Eigen::VectorXd weights = controller.weights();
        for (Eigen::Index i = 0; i < weights.size(); ++i) {
          constexpr double kStep = 1e-5;
          Eigen::VectorXd moved = weights;
          moved[i] += kStep;
          controller.set_weights(moved);
          const double above = controller.Loss(network, advantage, nullptr);
          moved[i] -= 2 * kStep;
          controller.set_weights(moved);
          const double below = controller.Loss(network, advantage, nullptr);
          EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-7 * (1 + std::abs(gradient[i])))
              << "weight " << i << " of " << layers << " layers";
        }
        controller.set_weights(weights);
      }
    }
  }
}

TEST(Controller, NetworksAreDrawnWithTheChanceThatTheLossSays) {
  const Controller controller = Grown(2, 3, 4, {});
  std::map<NetworkChoices, int> drawn;
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    Rng rng(3, "test.draw", static_cast<std::uint64_t>(i));
    ++drawn[controller.Sample(rng)];
  }
  double total = 0;
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 3; ++b) {
      for (int skip = 0; skip < 2; ++skip) {
        const NetworkChoices network{a, b, skip};
        const double chance = std::exp(-controller.Loss(network, 1, nullptr));
        total += chance;
        // 5 standard deviations: 18 cells, one false alarm in 100,000 seeds; the seed is fixed.
        EXPECT_NEAR(drawn[network], kDraws * chance, 5 * std::sqrt(kDraws * chance * (1 - chance)));
      }
    }
  }
  EXPECT_NEAR(total, 1, 1e-12);
}

TEST(Controller, WhatWasRewardedBecomesLikelierAndWhatWasNotLessLikely) {
  const NetworkChoices network{3, 1, 0, 2, 1, 0};
  for (const double advantage : {1.0, -1.0}) {
    Controller controller(3, 4, 32, {.temperature = 5.0, .tanh_constant = 2.25}, 1);
    const double before = controller.Surprise(network);
    for (int i = 0; i < 12; ++i) {
      Eigen::VectorXd gradient;
      controller.Loss(network, advantage, &gradient);
      controller.Step(gradient, 0.01);
    }
    EXPECT_GT(advantage * (before - controller.Surprise(network)), 1) << advantage;
  }
}

TEST(Controller, ThePenaltyBringsSkipConnectionsToTheirTarget) {
  Controller controller(6, 2, 16, {.temperature = 5.0, .tanh_constant = 2.25, .skip_weight = 1, .skip_target = 0.2}, 1);
  const NetworkChoices any{0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0};
  for (int i = 0; i < 200; ++i) {
    Eigen::VectorXd gradient;
    controller.Loss(any, 0, &gradient);
    controller.Step(gradient, 0.005);
  }
  double taken = 0;
  for (int i = 0; i < 500; ++i) {
    Rng rng(1, "test.skips", static_cast<std::uint64_t>(i));
    const NetworkChoices network = controller.Sample(rng);
    std::size_t at = 0;
    for (int l = 0; l < 6; ++l) {
      ++at;
      for (int j = 0; j < l; ++j) taken += network[at++];
    }
  }
  EXPECT_NEAR(taken / (500 * 15), 0.2, 0.03);
}

}  // namespace
}  // namespace qalam
