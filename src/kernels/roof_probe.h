#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/activation_form.h"

namespace trinity {

// Loops that do nothing but what a machine's roof is made of: how fast memory can be read, and how
// fast products can be added up in registers. They compute nothing of use; whoever times them knows
// what no kernel can beat.

// One way to multiply and add. kInt8 and kBF16 are the best vector instruction that this CPU has
// for them; kAmxInt8 and kAmxBF16 are tiles.
enum class Arithmetic { kF32, kBF16, kInt8, kAmxBF16, kAmxInt8 };
inline constexpr int kNumArithmetics = 5;

std::string_view NameOf(Arithmetic arithmetic);  // "f32", "bf16", ...

// What it runs on here ("vpdpbusd, 512 bits"); empty where this CPU has nothing for it. kBF16 and
// kInt8 fall back to what a kernel would do without such an instruction: float32 after widening.
std::string_view InstructionOf(Arithmetic arithmetic);

// What products with rows of this form run on at best on the active SIMD level.
Arithmetic BestArithmetic(ActivationForm form);

// Does at least `num_ops` operations (a multiplication and an addition are two) on this thread, all
// in registers, and returns how many. InstructionOf(arithmetic) is not empty.
int64_t RunArithmetic(Arithmetic arithmetic, int64_t num_ops);

// Software prefetch helps on some machines and hinders on others: a roof is the better of the two.
enum class ReadAhead { kNone, kPrefetch };

// Reads `num_bytes` on this thread, a multiple of kReadUnitBytes.
inline constexpr int64_t kReadUnitBytes = 1024;
void ReadMemory(const std::byte* data, int64_t num_bytes, ReadAhead read_ahead);

}  // namespace trinity
