#pragma once

#include <immintrin.h>

namespace trinity {

// Adds to each 32-bit lane the products of its four unsigned and four signed bytes. GCC 12 copies
// the sums before and after each use of the intrinsic, which takes as long as the products.
__attribute__((target("avx512f,avx512vnni"))) inline void AddDotProducts(__m512i& sums,
                                                                         __m512i unsigned_bytes,
                                                                         __m512i signed_bytes) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(unsigned_bytes), "v"(signed_bytes));
}

}  // namespace trinity
