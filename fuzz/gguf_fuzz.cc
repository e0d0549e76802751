// The header of a GGUF file, and what it says of a model in several files, split or cut among
// ranks. The input is the file.

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_parts.h"
#include "checkpoint/gguf_splits.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

void CheckHeader(const GgufHeader& header, const File& file) {
  TRINITY_CHECK(header.metadata.size() == header.entries.size());
  for (const GgufEntry& entry : header.entries) {
    TRINITY_CHECK(header.metadata.contains(entry.key));
    TRINITY_CHECK(entry.offset > 0 && entry.num_bytes > 0);
    TRINITY_CHECK(entry.num_bytes <= file.size_bytes() - entry.offset);
  }
  int64_t end = 0;
  for (const TensorInfo& tensor : header.tensors) {
    TRINITY_CHECK(tensor.offset >= end && tensor.num_bytes > 0 && tensor.num_values() > 0);
    TRINITY_CHECK(tensor.num_bytes <= file.size_bytes() - tensor.offset);
    end = tensor.offset + tensor.num_bytes;
  }
}

// Whatever run of bytes is found is within what the file holds of the tensor.
void CheckParts(const GgufHeader& header) {
  std::vector<TensorInfo> tensors = header.tensors;
  PlaceGgufParts(header.metadata, "m", tensors);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo &tensor = tensors[i], &own = header.tensors[i];
    TRINITY_CHECK(tensor.num_bytes >= own.num_bytes);
    if (!tensor.is_cut()) continue;
    const int64_t step = std::max<int64_t>(1, tensor.num_bytes / 50);
    // By what is left, because a byte past the last may be beyond int64_t.
    for (int64_t left = tensor.num_bytes; left > 0; left -= step) {
      const PartRun run = FindRun(tensor.parts, ExtentsOf(tensor.shape, 1), tensor.dtype,
                                  tensor.num_bytes - left, left);
      if (run.num_bytes == 0) continue;
      TRINITY_CHECK(run.offset >= own.offset && run.num_bytes > 0);
      TRINITY_CHECK(run.num_bytes <= own.offset + own.num_bytes - run.offset);
    }
  }
  MergeParts("m", tensors, tensors);
}

void CheckFile(std::string_view content) {
  static ScratchFile scratch;
  scratch.Write(content);
  Accepts([&] {
    const File file(scratch.path());
    HasGgufMagic(file);
    const GgufHeader header = ReadGgufHeader(file, 0);
    CheckHeader(header, file);
    if (const auto split = FindGgufSplit(header.metadata, "m-00001-of-00002.gguf")) {
      TRINITY_CHECK(split->index >= 0 && split->index < split->count);
      GgufSplitPath("m-00001-of-00002.gguf", split->index, split->count);
    }
    if (FindGgufPart(header.metadata, "m")) CheckParts(header);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckFile(trinity::InputText(data, size));
  return 0;
}
