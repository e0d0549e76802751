#include "model/identity.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/build_id.h"
#include "base/fnv_hash.h"
#include "kernels/simd_target.h"
#include "model/content_hash.h"

namespace trinity {

std::string IdentityOf(const Checkpoint& checkpoint, const LoadOptions& options) {
  uint64_t tensors = FnvHash({});
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    tensors = FnvHash(
        fmt::format("{} {} {};", tensor.name, NameOf(tensor.dtype), ShapeText(tensor.shape)),
        tensors);
  }
  return fmt::format(
      "build {}, SIMD target {}, config {:016x}, tensors {:016x}, weights {:016x}, compute mode "
      "{}, {} ranks, {} expert groups",
      BuildId(), ActiveSimdTarget(), FnvHash(checkpoint.config().dump()), tensors,
      ContentHash(checkpoint), static_cast<int>(options.compute), options.grid.num_ranks,
      options.grid.expert_groups);
}

}  // namespace trinity
