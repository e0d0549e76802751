// As src/kernels/attend.cc says, which takes minutes to build with what a fuzz program needs.
#include "kernels/attend.h"

namespace trinity {

bool IsKvDType(DType dtype, int64_t head_dim) { return head_dim % InfoOf(dtype).block_values == 0; }

int64_t KvPageBytes(DType dtype, int64_t head_dim) {
  return 2 * BytesOf(dtype, kKvPageTokens * head_dim);
}

}  // namespace trinity
