#include "checkpoint/safetensors_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>
#include <unordered_set>

#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kAlignment = 8;

// Indices of `tensors` as they are laid out: widest type first, else as given.
std::vector<size_t> LayoutOrder(std::span<const TensorSpec> tensors) {
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return InfoOf(tensors[a].dtype).block_bytes > InfoOf(tensors[b].dtype).block_bytes;
  });
  return order;
}

// The 8 bytes of length and the header, padded with spaces so that the data begins aligned.
std::string WithLength(std::string header) {
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');
  std::string out(kLengthBytes, '\0');
  for (size_t i = 0; i < kLengthBytes; ++i) {
    out[i] = static_cast<char>(uint64_t{header.size()} >> (8 * i));
  }
  return out + header;
}

}  // namespace

int64_t TensorSpec::num_bytes() const {
  int64_t num_values = 1;
  for (const int64_t size : shape) num_values *= size;
  return BytesOf(dtype, num_values);
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::span<const TensorSpec> tensors,
                                     const std::map<std::string, std::string>& metadata)
    : file_(path), offsets_(tensors.size()), num_bytes_(tensors.size()) {
  std::string header = "{\"__metadata__\":" + Json(metadata).dump();
  std::unordered_set<std::string_view> names = {"__metadata__"};
  int64_t end = 0;
  for (const size_t i : LayoutOrder(tensors)) {
    const TensorSpec& tensor = tensors[i];
    TRINITY_CHECK(IsUtf8(tensor.name) && names.insert(tensor.name).second);
    TRINITY_CHECK(!IsBlockFormat(tensor.dtype));
    offsets_[i] = end;
    num_bytes_[i] = tensor.num_bytes();
    end += num_bytes_[i];
    const Json entry = {{"dtype", NameOf(tensor.dtype)},
                        {"shape", tensor.shape},
                        {"data_offsets", {offsets_[i], end}}};
    header += "," + Json(tensor.name).dump() + ":" + entry.dump();
  }
  header = WithLength(header + "}");
  file_.Append(header);
  const auto data_start = static_cast<int64_t>(header.size());
  for (int64_t& offset : offsets_) offset += data_start;
  file_bytes_ = data_start + end;
  unwritten_bytes_ = end;
}

void SafetensorsWriter::WriteAt(size_t tensor_index, int64_t byte_offset,
                                std::span<const std::byte> bytes) {
  const auto num_bytes = static_cast<int64_t>(bytes.size());
  TRINITY_CHECK(tensor_index < offsets_.size() && byte_offset >= 0 &&
                byte_offset <= num_bytes_[tensor_index] - num_bytes);
  file_.WriteAt(offsets_[tensor_index] + byte_offset, bytes);
  unwritten_bytes_ -= num_bytes;
}

void SafetensorsWriter::Commit() {
  TRINITY_CHECK(unwritten_bytes_ == 0);
  file_.Commit();
}

}  // namespace trinity
