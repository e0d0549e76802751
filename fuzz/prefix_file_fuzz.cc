// The file of kept prefixes: the input is a whole file. Its identity and the sizes of its pages are
// those of the seeds.

#include "base/check.h"
#include "engine/prefix_file.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

const PrefixFileShape kShape = {1, 256, 64, {64, 32}};

// What is relied on where states are made of the file.
void CheckStates(const PrefixFile& file) {
  for (const StoredPrefix& state : file.states()) {
    const auto num_pages = static_cast<size_t>(KvPagesFor(static_cast<int64_t>(state.ids.size())));
    TRINITY_CHECK(!state.ids.empty() && state.full_pages.size() == num_pages);
    TRINITY_CHECK(static_cast<size_t>(state.first_sliding) + state.sliding_pages.size() ==
                  num_pages);
    for (const int32_t id : state.ids) TRINITY_CHECK(id >= 0 && id < kShape.vocab_size);
    std::vector<std::byte> page(64);
    for (const uint32_t place : state.sliding_pages) {
      file.ReadPage(AttentionKind::kSliding, place, page);
    }
    page.resize(32);
    for (const uint32_t place : state.full_pages) {
      file.ReadPage(AttentionKind::kFull, place, page);
    }
  }
}

void CheckFile(std::string_view content) {
  static ScratchFile scratch;
  scratch.Write(content);
  Accepts([&] { CheckStates(PrefixFile(scratch.path(), kShape)); });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckFile(trinity::InputText(data, size));
  return 0;
}
