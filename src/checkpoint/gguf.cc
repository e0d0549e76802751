#include "checkpoint/gguf.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/byte_reader.h"
#include "checkpoint/checked_arithmetic.h"
#include "checkpoint/gguf_format.h"

namespace trinity {
namespace {

// Far above any model (200,000 tokens with merges are 8 MB and 600,000 elements), far below what
// hurts: an element takes 16 bytes in memory, whatever it takes in the file.
constexpr int64_t kMaxHeaderBytes = int64_t{256} << 20;
constexpr int64_t kMaxElements = int64_t{1} << 24;
constexpr uint64_t kMaxNameBytes = 65535;  // of keys, as the specification says, and of tensors
constexpr uint32_t kMaxDimensions = 4;
constexpr uint64_t kSmallestAlignment = 8;
constexpr uint64_t kLargestAlignment = uint64_t{1} << 20;
constexpr uint64_t kMaxKeys = uint64_t{1} << 16;
constexpr uint64_t kMaxTensors = uint64_t{1} << 20;

// The header of one file, read from front to back.
class HeaderParser {
 public:
  HeaderParser(const File& file, int file_index)
      : file_index_(file_index), reader_(file, kMaxHeaderBytes) {}

  GgufHeader Parse() {
    ReadVersion();
    const uint64_t num_tensors = ReadCount("tensor count", kMaxTensors);
    const uint64_t num_keys = ReadCount("metadata count", kMaxKeys);
    for (uint64_t i = 0; i < num_keys; ++i) ReadEntry();
    const int64_t alignment = Alignment();
    for (uint64_t i = 0; i < num_tensors; ++i) ReadTensor(alignment);
    PlaceTensors(alignment);
    return {std::move(metadata_), std::move(entries_), std::move(tensors_)};
  }

 private:
  void ReadVersion() {
    const std::string& path = reader_.path();
    const std::string magic = reader_.Text(kGgufMagic.size(), "GGUF magic");
    if (magic == "vers") {
      Fail("{}: is a Git LFS pointer and not the file itself; git lfs pull fetches it", path);
    }
    if (magic != kGgufMagic) {
      Fail("{}: expected a GGUF file, beginning with \"GGUF\", found \"{}\"", path,
           Printable(magic));
    }
    const auto version = reader_.Number<uint32_t>("GGUF version");
    if (version != 0 && (version & 0xFFFF) == 0) {
      Fail("{}: is a big-endian GGUF file: expected little-endian", path);
    }
    if (version != 2 && version != kGgufVersion) {
      Fail("{}: GGUF version: expected 2 or 3, found {}", path, version);
    }
  }

  uint64_t ReadCount(std::string_view what, uint64_t most) {
    const auto count = reader_.Number<uint64_t>(what);
    if (count > most) {
      Fail("{}: {}: expected at most {}, found {}", reader_.path(), Printable(what), most, count);
    }
    return count;
  }

  std::string ReadString(std::string_view what, uint64_t max_bytes) {
    const auto num_bytes = reader_.Number<uint64_t>(what);
    if (num_bytes > max_bytes) {
      Fail("{}: {}: expected at most {} bytes, found {}", reader_.path(), Printable(what),
           max_bytes, num_bytes);
    }
    std::string text = reader_.Text(num_bytes, what);
    if (!IsUtf8(text)) {
      Fail("{}: {}: expected UTF-8, found \"{}\"", reader_.path(), Printable(what),
           Printable(text));
    }
    return text;
  }

  GgufType ReadType(const std::string& key) {
    const auto id = reader_.Number<uint32_t>(key);
    if (!IsGgufType(id)) {
      Fail("{}: {}: expected a value type from 0 to 12, found {}", reader_.path(), Printable(key),
           id);
    }
    return static_cast<GgufType>(id);
  }

  Json ReadScalar(GgufType type, const std::string& key) {
    switch (type) {
      case GgufType::kU8:
        return reader_.Number<uint8_t>(key);
      case GgufType::kI8:
        return reader_.Number<int8_t>(key);
      case GgufType::kU16:
        return reader_.Number<uint16_t>(key);
      case GgufType::kI16:
        return reader_.Number<int16_t>(key);
      case GgufType::kU32:
        return reader_.Number<uint32_t>(key);
      case GgufType::kI32:
        return reader_.Number<int32_t>(key);
      case GgufType::kF32:
        return reader_.Number<float>(key);
      case GgufType::kU64:
        return reader_.Number<uint64_t>(key);
      case GgufType::kI64:
        return reader_.Number<int64_t>(key);
      case GgufType::kF64:
        return reader_.Number<double>(key);
      case GgufType::kString:
        return ReadString(key, std::numeric_limits<uint64_t>::max());
      default:
        return ReadBool(key);
    }
  }

  Json ReadBool(const std::string& key) {
    const auto byte = reader_.Number<uint8_t>(key);
    if (byte > 1) {
      Fail("{}: {}: expected a truth value, 0 or 1, found {}", reader_.path(), Printable(key),
           byte);
    }
    return byte == 1;
  }

  Json ReadArray(const std::string& key) {
    const GgufType type = ReadType(key);
    if (type == GgufType::kArray) {
      Fail("{}: {}: arrays of arrays are not supported", reader_.path(), Printable(key));
    }
    const auto count = reader_.Number<uint64_t>(key);
    const auto most = static_cast<uint64_t>(reader_.remaining() / SmallestBytesOf(type));
    if (count > most) {
      Fail("{}: {}: expected an array of at most {} elements, which fill the file, found {}",
           reader_.path(), Printable(key), most, count);
    }
    num_elements_ += static_cast<int64_t>(count);
    if (num_elements_ > kMaxElements) {
      Fail("{}: {}: expected at most {} array elements in all metadata, found {}", reader_.path(),
           Printable(key), kMaxElements, num_elements_);
    }
    Json array = Json::array();
    auto& elements = array.get_ref<Json::array_t&>();
    elements.reserve(static_cast<size_t>(count));
    for (uint64_t i = 0; i < count; ++i) elements.push_back(ReadScalar(type, key));
    return array;
  }

  void ReadEntry() {
    const int64_t start = reader_.position();
    std::string key = ReadString("metadata key", kMaxNameBytes);
    if (key.empty()) Fail("{}: has a metadata key that is empty", reader_.path());
    const GgufType type = ReadType(key);
    Json value = type == GgufType::kArray ? ReadArray(key) : ReadScalar(type, key);
    if (key == kGgufAlignmentKey && type != GgufType::kU32) {
      Fail("{}: {}: expected a 32-bit unsigned integer, found {}", reader_.path(), key,
           value.type_name());
    }
    if (!keys_.insert(key).second) {
      Fail("{}: has the metadata key \"{}\" twice", reader_.path(), Printable(key));
    }
    entries_.push_back({key, start, reader_.position() - start});
    // The keys were seen to differ, so the linear search of operator[] is left out.
    metadata_.get_ref<Json::object_t&>()
        .std::vector<std::pair<const std::string, Json>>::emplace_back(std::move(key),
                                                                       std::move(value));
  }

  int64_t Alignment() const {
    const auto entry = metadata_.find(std::string(kGgufAlignmentKey));
    if (entry == metadata_.end()) return kGgufDefaultAlignment;
    const auto alignment = entry->get<uint64_t>();
    if (!std::has_single_bit(alignment) || alignment < kSmallestAlignment ||
        alignment > kLargestAlignment) {
      Fail("{}: {}: expected a power of two from {} to {}, found {}", reader_.path(),
           kGgufAlignmentKey, kSmallestAlignment, kLargestAlignment, alignment);
    }
    return static_cast<int64_t>(alignment);
  }

  // The sizes of a tensor, outermost first: the file holds them innermost first.
  std::vector<int64_t> ReadShape(const std::string& place) {
    const auto num_dimensions = reader_.Number<uint32_t>(place);
    if (num_dimensions == 0 || num_dimensions > kMaxDimensions) {
      Fail("{}: {}: expected 1 to {} dimensions, found {}", reader_.path(), place, kMaxDimensions,
           num_dimensions);
    }
    std::vector<int64_t> shape(num_dimensions);
    for (uint32_t i = 0; i < num_dimensions; ++i) {
      const auto size = reader_.Number<uint64_t>(place);
      if (size == 0 || size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        Fail("{}: {}: dimension {}: expected 1 to 2^63 - 1, found {}", reader_.path(), place, i,
             size);
      }
      shape[num_dimensions - 1 - i] = static_cast<int64_t>(size);
    }
    return shape;
  }

  DType ReadDType(const std::string& place) {
    const auto id = reader_.Number<uint32_t>(place);
    const std::optional<DType> dtype = FindGgufDType(id);
    if (!dtype) {
      Fail("{}: {}: type {} is not supported", reader_.path(), place, GgufDTypeText(id));
    }
    return *dtype;
  }

  int64_t BytesOfShape(const std::string& place, DType dtype, const std::vector<int64_t>& shape) {
    const DTypeInfo& info = InfoOf(dtype);
    if (shape.back() % info.block_values != 0) {
      Fail("{}: {}: expected rows of a multiple of {} values as {} has them, found {}",
           reader_.path(), place, info.block_values, info.name, ShapeText(shape));
    }
    std::optional<int64_t> num_bytes =
        CheckedMultiply(shape.back() / info.block_values, info.block_bytes);
    // The number of values must fit too: four bits a value make it the larger number.
    std::optional<int64_t> num_values = shape.back();
    for (size_t i = 0; i + 1 < shape.size(); ++i) {
      if (num_bytes) num_bytes = CheckedMultiply(*num_bytes, shape[i]);
      if (num_values) num_values = CheckedMultiply(*num_values, shape[i]);
    }
    if (!num_bytes || !num_values) {
      Fail("{}: {}: {} {} is larger than any file", reader_.path(), place, info.name,
           ShapeText(shape));
    }
    return *num_bytes;
  }

  // Its offset is still relative to the data.
  void ReadTensor(int64_t alignment) {
    TensorInfo tensor;
    tensor.name = ReadString("tensor name", kMaxNameBytes);
    const std::string place = "tensor " + Printable(tensor.name);
    if (tensor.name.empty()) Fail("{}: has a tensor whose name is empty", reader_.path());
    if (!names_.insert(tensor.name).second) Fail("{}: has {} twice", reader_.path(), place);
    tensor.shape = ReadShape(place);
    tensor.dtype = ReadDType(place);
    tensor.file_index = file_index_;
    tensor.num_bytes = BytesOfShape(place, tensor.dtype, tensor.shape);
    const auto offset = reader_.Number<uint64_t>(place);
    if (offset % static_cast<uint64_t>(alignment) != 0) {
      Fail("{}: {}: expected an offset that is a multiple of {}, found {}", reader_.path(), place,
           alignment, offset);
    }
    if (offset > static_cast<uint64_t>(reader_.remaining())) {
      Fail("{}: {}: offset {} lies beyond the file (truncated?)", reader_.path(), place, offset);
    }
    tensor.offset = static_cast<int64_t>(offset);
    tensors_.push_back(std::move(tensor));
  }

  // Sorts by place and lets each tensor begin where the one before ends, aligned. Bytes after the
  // last one are padding. Offsets and sizes are below 2^63, but their sums need not be.
  void PlaceTensors(int64_t alignment) {
    std::sort(tensors_.begin(), tensors_.end(),
              [](const TensorInfo& a, const TensorInfo& b) { return a.offset < b.offset; });
    const int64_t file_bytes = reader_.position() + reader_.remaining();
    const int64_t data_start = AlignUp(reader_.position(), alignment);
    int64_t end = 0;  // of the tensor before, relative to data_start
    std::string_view previous = "the header";
    for (TensorInfo& tensor : tensors_) {
      const int64_t expected = AlignUp(end, alignment);
      if (tensor.offset != expected) {
        Fail("{}: tensor {}: {} {}: expected its data at byte {}, found {}", reader_.path(),
             Printable(tensor.name), tensor.offset < expected ? "overlaps" : "leaves a gap after",
             Printable(previous), expected, tensor.offset);
      }
      if (data_start > file_bytes || tensor.offset > file_bytes - data_start ||
          tensor.num_bytes > file_bytes - data_start - tensor.offset) {
        Fail(
            "{}: tensor {}: {} {} takes {} bytes at byte {} of the data, the file has {} bytes "
            "of data (truncated?)",
            reader_.path(), Printable(tensor.name), NameOf(tensor.dtype), ShapeText(tensor.shape),
            tensor.num_bytes, tensor.offset, std::max<int64_t>(file_bytes - data_start, 0));
      }
      end = tensor.offset + tensor.num_bytes;
      previous = tensor.name;
      tensor.offset += data_start;
    }
  }

  static int64_t AlignUp(int64_t offset, int64_t alignment) {
    return (offset + alignment - 1) / alignment * alignment;
  }

  int file_index_;
  ByteReader reader_;
  Json metadata_ = Json::object();
  std::vector<GgufEntry> entries_;
  std::unordered_set<std::string> keys_, names_;
  std::vector<TensorInfo> tensors_;
  int64_t num_elements_ = 0;
};

}  // namespace

bool HasGgufMagic(const File& file) {
  char magic[4] = {};
  if (file.size_bytes() < static_cast<int64_t>(sizeof magic)) return false;
  file.ReadAt(0, std::as_writable_bytes(std::span(magic)));
  return std::string_view(magic, sizeof magic) == kGgufMagic;
}

GgufHeader ReadGgufHeader(const File& file, int file_index) {
  return HeaderParser(file, file_index).Parse();
}

}  // namespace trinity
