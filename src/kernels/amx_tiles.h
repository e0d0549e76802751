#pragma once

#include <immintrin.h>

#include <cstdint>

namespace trinity {

// The shapes of the eight tile registers of AMX, as the instruction reads them.
struct alignas(64) AmxTileShapes {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

__attribute__((target("amx-tile"))) inline void ConfigureAmxTiles(const AmxTileShapes& shapes) {
  // The intrinsic tells the compiler of the first bytes only.
  __asm__ volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
}

}  // namespace trinity
