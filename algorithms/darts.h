// SPDX-License-Identifier: Apache-2.0
// DARTS (Liu et al. 2019) searches inside one trial, by gradients: a suggestion is the whole search, handed on.
#pragma once

#include <memory>
#include <optional>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct DartsSettings {
  int num_epochs = 50;
  double w_lr = 0.025, w_lr_min = 0.001, w_momentum = 0.9, w_weight_decay = 3e-4, w_grad_clip = 5;
  double alpha_lr = 3e-4, alpha_weight_decay = 1e-3;
  std::optional<std::int64_t> batch_size = 128;
  int num_workers = 4, init_channels = 16, print_step = 50, num_nodes = 4, stem_multiplier = 3;
};
// In the order in which a trial is told of them. Settings that are not among them are told, too.
inline constexpr auto kDartsSettings = Settings<DartsSettings>(
    Settings<DartsSettings>::AndOthers(),
    Saying(Int("num_epochs", &DartsSettings::num_epochs, AtLeast(1), "epochs of a trial"),
           "num_epochs should be greater than zero"),
    Saying(Real("w_lr", &DartsSettings::w_lr, AtLeast(0), "learning rate of the weights at the start"),
           "w_lr should be greater than or equal to zero"),
    Saying(Real("w_lr_min", &DartsSettings::w_lr_min, AtLeast(0), "the same at the end"),
           "w_lr_min should be greater than or equal to zero"),
    Saying(Real("w_momentum", &DartsSettings::w_momentum, AtLeast(0), "momentum of the weights"),
           "w_momentum should be greater than or equal to zero"),
    Saying(Real("w_weight_decay", &DartsSettings::w_weight_decay, AtLeast(0), "weight decay of the weights"),
           "w_weight_decay should be greater than or equal to zero"),
    Saying(Real("w_grad_clip", &DartsSettings::w_grad_clip, AtLeast(0), "largest norm of their gradient"),
           "w_grad_clip should be greater than or equal to zero"),
    Saying(Real("alpha_lr", &DartsSettings::alpha_lr, AtLeast(0), "learning rate of the architecture"),
           "alpha_lr should be greater than or equal to zero"),
    Saying(
        Real("alpha_weight_decay", &DartsSettings::alpha_weight_decay, AtLeast(0), "weight decay of the architecture"),
        "alpha_weight_decay should be greater than or equal to zero"),
    OrNone(Saying(Int("batch_size", &DartsSettings::batch_size, AtLeast(1), "images of a step"),
                  "batch_size should be greater than or equal to one")),
    Saying(Int("num_workers", &DartsSettings::num_workers, AtLeast(0), "processes that load data"),
           "num_workers should be greater than or equal to zero"),
    Saying(Int("init_channels", &DartsSettings::init_channels, AtLeast(1), "channels of the first cell"),
           "init_channels should be greater than or equal to one"),
    Saying(Int("print_step", &DartsSettings::print_step, AtLeast(1), "steps between two lines of the log"),
           "print_step should be greater than or equal to one"),
    Saying(Int("num_nodes", &DartsSettings::num_nodes, AtLeast(1), "nodes of a cell"),
           "num_nodes should be greater than or equal to one"),
    Saying(
        Int("stem_multiplier", &DartsSettings::stem_multiplier, AtLeast(1), "channels of the stem by the first cell's"),
        "stem_multiplier should be greater than or equal to one"));

// Of a space without parameters: all trials are the same, as many as are asked for.
std::unique_ptr<Suggester> MakeDarts(const AlgorithmContext& context);
Status ValidateDarts(const AlgorithmContext& context);  // a space with parameters is a fault

}  // namespace qalam
