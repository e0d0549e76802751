#include "checkpoint/safetensors.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "checkpoint/checked_arithmetic.h"
#include "checkpoint/json_document.h"

namespace trinity {
namespace {

constexpr int64_t kLengthBytes = 8;
constexpr int64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own library
constexpr size_t kMaxDimensions = 32;
constexpr std::string_view kMetadataKey = "__metadata__";

// Where an entry stands, for messages.
struct Place {
  const File& file;
  std::string_view tensor;

  std::string Text() const { return fmt::format("{}: tensor {}", file.path(), Printable(tensor)); }
};

int64_t ReadHeaderLength(const File& file) {
  if (file.size_bytes() < kLengthBytes) {
    Fail("{}: expected at least the {} bytes of a safetensors header length, found {}", file.path(),
         kLengthBytes, file.size_bytes());
  }
  unsigned char bytes[kLengthBytes];
  file.ReadAt(0, std::as_writable_bytes(std::span(bytes)));
  uint64_t length = 0;
  for (int i = kLengthBytes - 1; i >= 0; --i) length = length << 8 | bytes[i];
  const std::string_view text(reinterpret_cast<const char*>(bytes), kLengthBytes);
  if (text == "version ") {
    Fail("{}: is a Git LFS pointer and not the file itself; git lfs pull fetches it", file.path());
  }
  if (length > static_cast<uint64_t>(kMaxHeaderBytes)) {
    Fail("{}: safetensors header length: expected at most {}, found {}", file.path(),
         kMaxHeaderBytes, length);
  }
  const int64_t available = file.size_bytes() - kLengthBytes;
  if (static_cast<int64_t>(length) > available) {
    Fail("{}: safetensors header length: expected at most the {} bytes that follow, found {}",
         file.path(), available, length);
  }
  if (length < 2) {
    Fail("{}: safetensors header length: expected at least 2, found {}", file.path(), length);
  }
  return static_cast<int64_t>(length);
}

DType ParseDType(const Place& place, simdjson::dom::element value) {
  std::string_view name;
  if (value.get(name)) Fail("{}: dtype: expected a string, found {}", place.Text(), KindOf(value));
  const std::optional<DType> dtype = FindDType(name);
  if (!dtype) Fail("{}: dtype \"{}\" is not supported", place.Text(), Printable(name));
  return *dtype;
}

// A list of integers that are not negative.
std::vector<int64_t> ParseSizes(const Place& place, std::string_view field,
                                simdjson::dom::element value) {
  simdjson::dom::array array;
  if (value.get(array)) {
    Fail("{}: {}: expected a list, found {}", place.Text(), field, KindOf(value));
  }
  std::vector<int64_t> sizes;
  for (const simdjson::dom::element item : array) {
    int64_t size = 0;
    if (item.get(size) || size < 0) {
      Fail("{}: {}: expected integers from 0 to 2^63 - 1, found {}", place.Text(), field,
           item.is_number() ? simdjson::to_string(item) : KindOf(item));
    }
    if (sizes.size() == kMaxDimensions) {
      Fail("{}: {}: expected at most {} entries, found more", place.Text(), field, kMaxDimensions);
    }
    sizes.push_back(size);
  }
  return sizes;
}

// shape x dtype in bytes. Zeros count as ones against overflow, so that the product of any part of
// an accepted shape fits.
int64_t BytesOfShape(const Place& place, DType dtype, const std::vector<int64_t>& shape) {
  const DTypeInfo& info = InfoOf(dtype);
  std::optional<int64_t> num_bytes = info.block_bytes;
  for (const int64_t size : shape) {
    if (num_bytes) num_bytes = CheckedMultiply(*num_bytes, std::max<int64_t>(size, 1));
  }
  if (!num_bytes) {
    Fail("{}: {} {} is larger than any file", place.Text(), info.name, ShapeText(shape));
  }
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  return is_empty ? 0 : *num_bytes;
}

TensorInfo ParseTensor(const Place& place, simdjson::dom::element entry, int64_t data_start) {
  simdjson::dom::object fields;
  if (entry.get(fields)) Fail("{}: expected an object, found {}", place.Text(), KindOf(entry));
  std::optional<DType> dtype;
  std::optional<std::vector<int64_t>> shape, span;
  for (const simdjson::dom::key_value_pair field : fields) {
    bool is_new = true;
    if (field.key == "dtype") {
      is_new = !std::exchange(dtype, ParseDType(place, field.value)).has_value();
    } else if (field.key == "shape") {
      is_new = !std::exchange(shape, ParseSizes(place, field.key, field.value)).has_value();
    } else if (field.key == "data_offsets") {
      is_new = !std::exchange(span, ParseSizes(place, field.key, field.value)).has_value();
    } else {
      Fail("{}: unknown field \"{}\"", place.Text(), Printable(field.key));
    }
    if (!is_new) Fail("{}: has the field \"{}\" twice", place.Text(), field.key);
  }
  if (!dtype) Fail("{}: has no dtype", place.Text());
  if (!shape) Fail("{}: has no shape", place.Text());
  if (!span) Fail("{}: has no data_offsets", place.Text());
  if (span->size() != 2 || span->at(0) > span->at(1)) {
    Fail("{}: data_offsets: expected [begin, end] with begin <= end, found {}", place.Text(),
         ShapeText(*span));
  }
  const int64_t num_bytes = span->at(1) - span->at(0);
  const int64_t expected = BytesOfShape(place, *dtype, *shape);
  if (num_bytes != expected) {
    Fail("{}: {} {} takes {} bytes, data_offsets span {}", place.Text(), NameOf(*dtype),
         ShapeText(*shape), expected, num_bytes);
  }
  const std::optional<int64_t> offset = CheckedAdd(data_start, span->at(0));
  if (!offset || !CheckedAdd(*offset, num_bytes)) {
    Fail("{}: data_offsets {} lie beyond the file", place.Text(), ShapeText(*span));
  }
  return {std::string(place.tensor), *dtype, std::move(*shape), 0, *offset, num_bytes};
}

void CheckMetadata(const File& file, simdjson::dom::element entry) {
  simdjson::dom::object fields;
  if (entry.get(fields)) {
    Fail("{}: {}: expected an object, found {}", file.path(), kMetadataKey, KindOf(entry));
  }
  std::unordered_set<std::string_view> keys;
  for (const simdjson::dom::key_value_pair field : fields) {
    if (!field.value.is_string()) {
      Fail("{}: {}: {}: expected a string, found {}", file.path(), kMetadataKey,
           Printable(field.key), KindOf(field.value));
    }
    if (!keys.insert(field.key).second) {
      Fail("{}: {} has the key \"{}\" twice", file.path(), kMetadataKey, Printable(field.key));
    }
  }
}

// The data of `tensors`, sorted by offset, must fill the file from data_start to its end.
void CheckTiling(const File& file, const std::vector<TensorInfo>& tensors, int64_t data_start) {
  int64_t end = data_start;
  std::string_view previous = "the header";
  for (const TensorInfo& tensor : tensors) {
    if (tensor.offset != end) {
      Fail("{}: tensor {}: {} {}: expected its data at byte {}, found {}", file.path(),
           Printable(tensor.name), tensor.offset < end ? "overlaps" : "leaves a gap after",
           Printable(previous), end - data_start, tensor.offset - data_start);
    }
    end += tensor.num_bytes;
    previous = tensor.name;
  }
  if (end != file.size_bytes()) {
    Fail("{}: expected {} bytes as the header says, found {} ({})", file.path(), end,
         file.size_bytes(), end > file.size_bytes() ? "truncated?" : "bytes after the last tensor");
  }
}

}  // namespace

std::vector<TensorInfo> ReadSafetensorsHeader(const File& file, int file_index) {
  const int64_t header_bytes = ReadHeaderLength(file);
  const int64_t data_start = kLengthBytes + header_bytes;
  std::string text(static_cast<size_t>(header_bytes), '\0');
  file.ReadAt(kLengthBytes, std::as_writable_bytes(std::span(text)));
  const JsonDocument document(std::move(text), file.path() + ": safetensors header");

  std::vector<TensorInfo> tensors;
  std::unordered_set<std::string_view> names;
  for (const simdjson::dom::key_value_pair entry : document.root()) {
    if (!names.insert(entry.key).second) {
      Fail("{}: safetensors header has the key \"{}\" twice", file.path(), Printable(entry.key));
    }
    if (entry.key == kMetadataKey) {
      CheckMetadata(file, entry.value);
      continue;
    }
    tensors.push_back(ParseTensor({file, entry.key}, entry.value, data_start));
    tensors.back().file_index = file_index;
  }
  // Empty tensors stand before the one that begins where they do.
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.num_bytes) < std::pair(b.offset, b.num_bytes);
  });
  CheckTiling(file, tensors, data_start);
  return tensors;
}

}  // namespace trinity
