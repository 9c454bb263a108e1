// SPDX-License-Identifier: Apache-2.0
// The template names one port for all trials; in a cluster each has its own network there, here each has its own port.
#pragma once

#include <functional>

#include "core/run.h"

namespace qalam {

inline constexpr const char* kPortVariable = "QALAM_METRICS_PORT";

// Whether the command or its environment names `port` as a number of its own, or kPortVariable.
bool NamesPort(const Step& step, int port);

// `own` instead of `port` in both, and instead of $(QALAM_METRICS_PORT). Values of parameters are left alone.
void MovePort(int port, int own, Step* step);

// One of this machine that nobody listens on and that `taken` does not know. 0: there is none.
int FreePort(const std::function<bool(int)>& taken);

}  // namespace qalam
