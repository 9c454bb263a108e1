// SPDX-License-Identifier: Apache-2.0
// Moved: the wire needs it too.
#pragma once
#include "core/objective.h"
