#include "convert/gguf_output.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_parts.h"
#include "checkpoint/gguf_writer.h"
#include "convert/free_space.h"
#include "convert/model_metadata.h"
#include "model/gguf_names.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPaddingBytes = 32;  // after each tensor at most

void CopyEntries(const File& file, GgufMetadata& metadata) {
  for (const GgufEntry& entry : ReadGgufHeader(file, 0).entries) {
    const bool is_of_the_file =
        entry.key.starts_with("split.") || entry.key.starts_with(kGgufPartKeys) ||
        entry.key == kGgufAlignmentKey || entry.key == "general.file_type" ||
        entry.key == "general.quantization_version";
    if (is_of_the_file) continue;
    std::vector<std::byte> bytes(static_cast<size_t>(entry.num_bytes));
    file.ReadAt(entry.offset, bytes);
    metadata.AddEntry(entry.key, bytes);
  }
}

int64_t FileBytes(const GgufOutput& output) {
  auto num_bytes = static_cast<int64_t>(output.metadata.bytes().size());
  for (const TensorSpec& spec : output.specs) {
    num_bytes += spec.num_bytes() + kPaddingBytes + static_cast<int64_t>(spec.name.size()) + 64;
  }
  return num_bytes;
}

}  // namespace

void RequirePlace(std::span<const GgufOutput> outputs) {
  int64_t num_bytes = 0;
  for (const GgufOutput& output : outputs) {
    std::error_code error;
    RequireFileOrNone(output.path);
    if (output.overwriting == Overwriting::kRefused && fs::exists(output.path, error)) {
      Fail("{}: exists already (--force replaces it)", output.path);
    }
    num_bytes += FileBytes(output);
  }
  const fs::path parent = fs::path(outputs.front().path).parent_path();
  RequireFreeSpace(parent.empty() ? "." : parent.string(), num_bytes);
}

void GgufOutput::Add(const ModelTensor& tensor, DType dtype, std::vector<float> importance) {
  specs.push_back({GgufName(tensor.name).value(), dtype, tensor.shape});
  jobs.push_back({dtype, tensor.cols(), tensor.rows, std::move(importance)});
}

GgufMetadata MetadataFor(const Checkpoint& checkpoint, const Config& config,
                         const CheckpointText& text, uint32_t file_type) {
  GgufMetadata metadata;
  if (checkpoint.gguf_metadata() != nullptr) {
    CopyEntries(checkpoint.files().front(), metadata);
  } else {
    AddModelMetadata(config, text, metadata);
  }
  AddFileType(file_type, metadata);
  return metadata;
}

uint32_t FileTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 0;
    case DType::kF16:
      return 1;
    case DType::kQ4_0:
      return 2;
    case DType::kQ4_1:
      return 3;
    case DType::kQ8_0:
      return 7;
    case DType::kQ5_0:
      return 8;
    case DType::kQ5_1:
      return 9;
    case DType::kQ2_K:
      return 10;
    case DType::kQ3_K:
      return 12;
    case DType::kQ4_K:
      return 15;
    case DType::kQ5_K:
      return 17;
    case DType::kQ6_K:
      return 18;
    case DType::kIQ4_NL:
      return 25;
    case DType::kIQ4_XS:
      return 30;
    case DType::kMXFP4:
      return 38;
    default:
      return 32;  // BF16
  }
}

bool IsAlwaysF32(const ModelTensor& tensor) {
  return !tensor.is_matrix() || tensor.parameter_class == ParameterClass::kRouter;
}

std::vector<RewriteError> WriteGguf(const TensorSource& source, const GgufOutput& output,
                                    ThreadPool& pool, const RewriteProgress& progress) {
  RequirePlace({&output, 1});
  GgufWriter writer(output.path, output.metadata, output.specs);
  std::vector<RewriteError> errors = RewriteTensors(
      source, output.jobs,
      [&](size_t index, int64_t offset, std::span<const std::byte> bytes) {
        writer.WriteAt(index, offset, bytes);
      },
      pool, progress);
  writer.Commit();
  return errors;
}

}  // namespace trinity
