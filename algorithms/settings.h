// SPDX-License-Identifier: Apache-2.0
// The tables of the algorithms' settings.
#pragma once

#include "core/settings.h"  // IWYU pragma: export
