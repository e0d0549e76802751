#pragma once

#include <cstdint>

#include "kernels/matmul_call.h"

namespace trinity {

// Kernels that multiply few int8 rows by a matrix as it is packed: its codes go from memory through
// registers into dot products, never expanded in between. Same sums as all Int8Kernels.

// Rows that such a kernel takes at a time.
inline constexpr int kFewRows = 8;

// `call` has any number of rows; those beyond kFewRows pass over each panel again.
void Avx512VnniFewRows(const MatMulCall& call);

}  // namespace trinity
