#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

// The block formats of ggml, byte by byte as they lie in a file: 32 or 256 consecutive values of a
// row a block. `scale`, `minimum` and `group_scale` are binary16 bits. Source: the GGUF
// specification and ggml's ggml-common.h. Blocks in a file need not be aligned: copy one here.
namespace trinity {

static_assert(std::endian::native == std::endian::little, "files and structs are little-endian");

// Nibbles of the formats of 32 values: byte j holds value j (low) and value j + 16 (high).

struct BlockQ8_0 {  // scale * code
  uint16_t scale;
  int8_t codes[32];
};

struct BlockQ4_0 {  // scale * (code - 8)
  uint16_t scale;
  uint8_t nibbles[16];
};

struct BlockQ4_1 {  // scale * code + minimum
  uint16_t scale;
  uint16_t minimum;
  uint8_t nibbles[16];
};

struct BlockQ5_0 {  // scale * (code - 16); bit i of high_bits is bit 4 of code i
  uint16_t scale;
  uint8_t high_bits[4];
  uint8_t nibbles[16];
};

struct BlockQ5_1 {  // scale * code + minimum
  uint16_t scale;
  uint16_t minimum;
  uint8_t high_bits[4];
  uint8_t nibbles[16];
};

struct BlockIQ4_NL {  // scale * kIq4Levels[code]
  uint16_t scale;
  uint8_t nibbles[16];
};

struct BlockMXFP4 {  // 2^(exponent - 127) * e2m1[code]
  uint8_t exponent;
  uint8_t nibbles[16];
};

// The formats of 256 values scale their groups of 16 or 32 values by small integers, and those by
// one or two binary16 numbers.

// group_scale * s * code - group_minimum * m; groups of 16, s in the low and m in the high nibble.
// Byte 32 h + l holds, two bits each, the values 128 h + l + {0, 32, 64, 96}.
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t codes[64];
  uint16_t group_scale;
  uint16_t group_minimum;
};

// group_scale * (s - 32) * (code - 4); groups of 16. Low two bits of codes as in Q2_K; bit i of
// high_bits[l] is bit 2 of value 32 i + l. scales: 16 numbers of 6 bits, see k_quant_blocks.cc.
struct BlockQ3_K {
  uint8_t high_bits[32];
  uint8_t codes[64];
  uint8_t scales[12];
  uint16_t group_scale;
};

// group_scale * s * code - group_minimum * m; groups of 32. Byte 32 p + l holds value 64 p + l
// (low) and 64 p + 32 + l (high). scales: 8 s and 8 m of 6 bits, see k_quant_blocks.cc.
struct BlockQ4_K {
  uint16_t group_scale;
  uint16_t group_minimum;
  uint8_t scales[12];
  uint8_t nibbles[128];
};

// As Q4_K; bit i of high_bits[l] is bit 4 of value 32 i + l.
struct BlockQ5_K {
  uint16_t group_scale;
  uint16_t group_minimum;
  uint8_t scales[12];
  uint8_t high_bits[32];
  uint8_t nibbles[128];
};

// group_scale * scales * (code - 32); groups of 16. Byte 64 h + l of nibbles holds the low bits of
// the values 128 h + l (low) and 128 h + 64 + l (high), l < 64; byte 32 h + l of high_bits, two
// bits each, the high bits of 128 h + l + {0, 32, 64, 96}.
struct BlockQ6_K {
  uint8_t nibbles[128];
  uint8_t high_bits[64];
  int8_t scales[16];
  uint16_t group_scale;
};

// group_scale * (s - 32) * kIq4Levels[code]; groups of 32, each with its 16 bytes of nibbles as in
// IQ4_NL. s: 4 low bits a group in scales_low, 2 high bits in scales_high.
struct BlockIQ4_XS {
  uint16_t group_scale;
  uint16_t scales_high;
  uint8_t scales_low[4];
  uint8_t nibbles[128];
};

static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockQ2_K) == 84);
static_assert(sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136);
static_assert(sizeof(BlockMXFP4) == 17);

}  // namespace trinity
