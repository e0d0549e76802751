#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace trinity {

// Where a position's key and value are stored.
struct KvPlace {
  DType dtype;
  std::byte* keys;  // of the chunk
  int64_t key_token;
  std::byte* values;  // of the page
  int64_t value_token;
};

}  // namespace trinity
