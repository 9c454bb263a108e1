// SPDX-License-Identifier: Apache-2.0
#define QALAM_KERNELS kPlainKernels
#include "core/linalg_body.h"
