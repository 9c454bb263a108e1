// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX2 and FMA (CMakeLists.txt).
#define Eigen EigenWide
#define QALAM_KERNELS kWideKernels
#include "core/linalg_body.h"
