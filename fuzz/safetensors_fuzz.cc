// The header of a safetensors file. The input is a whole file; one that begins with "{" is a header
// alone, to which length and data are made.

#include <algorithm>

#include "base/check.h"
#include "checkpoint/safetensors.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

// What every caller relies on: the tensors fill the file from some place to its end.
void CheckTensors(const std::vector<TensorInfo>& tensors, const File& file) {
  int64_t data_bytes = 0;
  for (const TensorInfo& tensor : tensors) {
    TRINITY_CHECK(tensor.offset >= 8 && tensor.num_bytes >= 0);
    TRINITY_CHECK(tensor.num_bytes <= file.size_bytes() - tensor.offset);
    TRINITY_CHECK(tensor.num_values() >= 0);
    TRINITY_CHECK(!ShapeText(tensor.shape).empty());
    data_bytes += tensor.num_bytes;
  }
  TRINITY_CHECK(data_bytes < file.size_bytes());
  if (!tensors.empty()) {
    TRINITY_CHECK(tensors.back().offset + tensors.back().num_bytes == file.size_bytes());
  }
}

void CheckFile(std::string_view content) {
  static ScratchFile scratch;
  if (content.starts_with('{')) {
    WriteSafetensors(content, scratch);
  } else {
    scratch.Write(content);
  }
  Accepts([&] {
    const File file(scratch.path());
    CheckTensors(ReadSafetensorsHeader(file, 0), file);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckFile(trinity::InputText(data, size));
  return 0;
}
