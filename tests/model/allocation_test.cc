#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "model/model.h"
#include "tests/support/golden.h"

// The sanitizers have allocation functions of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

std::atomic<int64_t> num_allocations{0};

}  // namespace

// All of the program's allocations are counted. Not inline, or a compiler takes std::free for the
// wrong partner of operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++num_allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace trinity {
namespace {

// One thread, because which thread has had which kind of item, and so its scratch, is left to time.
TEST(Allocation, AStepOfAKnownShapeAllocatesNothing) {
  for (const std::string name : {"base", "all_dense", "mha_two_shared"}) {
    ThreadPool pool(1);
    const auto model = Model::Load(Checkpoint::Open(GoldenFolder(name)), pool);
    KvPools pools(model->kv_shape(), DType::kF16);
    KvCache cache(pools);
    Activations activations;
    Step step;
    for (int32_t position = 0; position < 60; ++position) {
      const int32_t id = 5 + position % 7;
      step.Clear();
      step.Add(cache, {&id, 1}, 1);
      const int64_t before = num_allocations;
      model->Forward(step, activations);
      // All positions stand in the first page.
      if (position < 40) continue;
      EXPECT_EQ(num_allocations, before) << name << ", position " << position;
    }
  }
}

}  // namespace
}  // namespace trinity

#endif
