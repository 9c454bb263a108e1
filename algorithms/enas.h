// SPDX-License-Identifier: Apache-2.0
// ENAS: a controller learns by REINFORCE which networks are good (Pham et al. 2018). Each finished trial is put to the
// account of the network that it was, not of others that the controller would write now.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "algorithms/suggester.h"
#include "core/settings.h"

namespace qalam {

struct EnasSettings {
  int hidden_size = 64;
  std::optional<double> temperature = 5.0, tanh_const = 2.25, entropy_weight = 1e-5, skip_weight = 0.8;
  double baseline_decay = 0.999, learning_rate = 5e-5, skip_target = 0.4;
  int train_steps = 50;
  int log_every_steps = 10;
  std::string_view search = "rl";
  std::optional<std::int64_t> random_state;
};
inline constexpr std::array<std::string_view, 5> kEnasSearches = {"rl", "evolution", "bananas", "local", "random"};
inline constexpr auto kEnasSettings = Settings<EnasSettings>(
    Int("controller_hidden_size", &EnasSettings::hidden_size, Between(1, 1024), "width of the controller's LSTM"),
    OrNone(Real("controller_temperature", &EnasSettings::temperature, Above(0),
                "what the controller's logits are divided by: more of it explores more")),
    OrNone(Real("controller_tanh_const", &EnasSettings::tanh_const, Above(0),
                "what they stay below: less of it explores more")),
    OrNone(Real("controller_entropy_weight", &EnasSettings::entropy_weight, Above(0),
                "weight of the entropy of its choices in what it learns from")),
    Real("controller_baseline_decay", &EnasSettings::baseline_decay, Range{.min = 0, .max = 1, .open_min = true},
         "how slowly the mean reward, which a trial is compared with, forgets"),
    Real("controller_learning_rate", &EnasSettings::learning_rate, Range{.min = 0, .max = 1, .open_min = true},
         "of Adam, a train step"),
    Real("controller_skip_target", &EnasSettings::skip_target, Range{.min = 0, .max = 1, .open_min = true},
         "share of skip connections that the penalty draws to"),
    OrNone(Real("controller_skip_weight", &EnasSettings::skip_weight, Above(0), "weight of that penalty")),
    Int("controller_train_steps", &EnasSettings::train_steps, AtLeast(1),
        "a trial moves the controller by 8 learning rates for each of them"),
    Int("controller_log_every_steps", &EnasSettings::log_every_steps, AtLeast(1), "Katib's: accepted, not needed"),
    Choice("search", &EnasSettings::search, kEnasSearches, "ENAS",
           "who searches: the controller (rl), or another algorithm over the same networks"),
    Int("random_state", &EnasSettings::random_state, AtLeast(0), "seed"));

// Of a space of networks (core/nas_space.h).
std::unique_ptr<Suggester> MakeEnas(const AlgorithmContext& context);
Status ValidateEnas(const AlgorithmContext& context);  // another space is a fault

}  // namespace qalam
