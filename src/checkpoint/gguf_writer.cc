#include "checkpoint/gguf_writer.h"

#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/check.h"
#include "checkpoint/gguf_format.h"

namespace trinity {
namespace {

constexpr size_t kMaxDimensions = 4;

int64_t AlignUp(int64_t offset) {
  return (offset + kGgufDefaultAlignment - 1) / kGgufDefaultAlignment * kGgufDefaultAlignment;
}

// `offset` is relative to the data.
void AppendInfo(const TensorSpec& tensor, int64_t offset, std::string& header) {
  const std::optional<uint32_t> id = FindGgufId(tensor.dtype);
  TRINITY_CHECK(id.has_value());
  TRINITY_CHECK(!tensor.shape.empty() && tensor.shape.size() <= kMaxDimensions);
  TRINITY_CHECK(tensor.shape.back() % InfoOf(tensor.dtype).block_values == 0);
  AppendGgufString(tensor.name, header);
  AppendGgufNumber(static_cast<uint32_t>(tensor.shape.size()), header);
  for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) {
    TRINITY_CHECK(*size > 0);
    AppendGgufNumber(static_cast<uint64_t>(*size), header);
  }
  AppendGgufNumber(*id, header);
  AppendGgufNumber(static_cast<uint64_t>(offset), header);
}

}  // namespace

GgufWriter::GgufWriter(const std::string& path, const GgufMetadata& metadata,
                       std::span<const TensorSpec> tensors)
    : file_(path) {
  std::string header(kGgufMagic);
  AppendGgufNumber(kGgufVersion, header);
  AppendGgufNumber(uint64_t{tensors.size()}, header);
  AppendGgufNumber(metadata.num_keys(), header);
  header += metadata.bytes();
  std::unordered_set<std::string_view> names;
  int64_t end = 0;
  for (const TensorSpec& tensor : tensors) {
    TRINITY_CHECK(names.insert(tensor.name).second);
    AppendInfo(tensor, end, header);
    offsets_.push_back(end);
    num_bytes_.push_back(tensor.num_bytes());
    unwritten_bytes_ += num_bytes_.back();
    end = AlignUp(end + num_bytes_.back());
  }
  const int64_t data_start = AlignUp(static_cast<int64_t>(header.size()));
  header.resize(static_cast<size_t>(data_start), '\0');
  file_.Append(header);
  for (int64_t& offset : offsets_) offset += data_start;
  file_bytes_ = data_start + end;
  // The padding after the last tensor: readers may take whole multiples of the alignment.
  const std::byte zero{};
  if (end > 0) file_.WriteAt(file_bytes_ - 1, std::span(&zero, 1));
}

void GgufWriter::WriteAt(size_t tensor_index, int64_t byte_offset,
                         std::span<const std::byte> bytes) {
  const auto num_bytes = static_cast<int64_t>(bytes.size());
  TRINITY_CHECK(tensor_index < offsets_.size() && byte_offset >= 0 &&
                byte_offset <= num_bytes_[tensor_index] - num_bytes);
  file_.WriteAt(offsets_[tensor_index] + byte_offset, bytes);
  unwritten_bytes_ -= num_bytes;
}

void GgufWriter::Commit() {
  TRINITY_CHECK(unwritten_bytes_ == 0);
  file_.Commit();
}

}  // namespace trinity
