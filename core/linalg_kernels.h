// SPDX-License-Identifier: Apache-2.0
// The inner parts of core/linalg.h, compiled twice: for every x86-64 processor, and for those with AVX2 and FMA, which
// take half the time or less. Matrices are by columns; n rows and columns unless it is said otherwise.
#pragma once

#include <cstddef>

namespace qalam {

struct LinalgKernels {
  bool (*factorise)(double* a, std::ptrdiff_t n);
  // b: n x columns, `stride` from one to the next.
  void (*solve_lower)(const double* l, std::ptrdiff_t n, double* b, std::ptrdiff_t columns, std::ptrdiff_t stride);
  void (*solve_upper)(const double* l, std::ptrdiff_t n, double* b, std::ptrdiff_t columns, std::ptrdiff_t stride);
  // out: zero; becomes the lower triangle.
  void (*inverse)(const double* l, std::ptrdiff_t n, double* out);
  void (*subtract_gram)(const double* b, std::ptrdiff_t n, std::ptrdiff_t columns, double* a);
  // a: d x n, b: d x columns; out: n x columns.
  void (*products)(const float* a, std::ptrdiff_t d, std::ptrdiff_t n, const float* b, std::ptrdiff_t columns,
                   float* out);
  float (*log_sum_exp)(const float* x, std::ptrdiff_t n);  // n > 0
};

extern const LinalgKernels kPlainKernels;
extern const LinalgKernels kWideKernels;

}  // namespace qalam
