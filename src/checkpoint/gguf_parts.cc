#include "checkpoint/gguf_parts.h"

#include <charconv>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/error.h"
#include "checkpoint/checked_arithmetic.h"
#include "checkpoint/gguf_integer.h"

namespace trinity {
namespace {

constexpr const char* kRank = "trinity.part.rank";
constexpr const char* kNumRanks = "trinity.part.ranks";
constexpr const char* kShapes = "trinity.part.shapes";
constexpr const char* kFirsts = "trinity.part.firsts";
constexpr int64_t kMostRanks = 4096;

// Reads the numbers of the tensors' dimensions one after another.
class DimensionReader {
 public:
  DimensionReader(const Json& metadata, const std::string& path, const char* key)
      : place_(fmt::format("{}: {}", path, key)) {
    const auto entry = metadata.find(key);
    if (entry == metadata.end() || !entry->is_array()) Fail("{}: expected an array", place_);
    values_ = &*entry;
  }

  int64_t Next() {
    if (index_ == values_->size()) {
      Fail("{}: expected as many numbers as the tensors have dimensions, found {}", place_,
           values_->size());
    }
    return GgufInteger((*values_)[index_++], std::numeric_limits<int32_t>::max(), place_);
  }

  void ExpectEnd() const {
    if (index_ == values_->size()) return;
    Fail("{}: expected {} numbers, as many as the tensors have dimensions, found {}", place_,
         index_, values_->size());
  }

 private:
  std::string place_;
  const Json* values_ = nullptr;
  size_t index_ = 0;
};

// Parses "12" at the front of `text` and takes it away.
std::optional<int64_t> TakeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool Take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Gives `tensor`, a box of its file, the shape of the whole.
void Place(const std::vector<int64_t>& shape, const std::vector<int64_t>& first,
           const std::string& path, TensorInfo& tensor) {
  const auto fail = [&] {
    Fail("{}: tensor {} {}: expected a box of whole blocks within the whole tensor, found {} at {}",
         path, Printable(tensor.name), ShapeText(tensor.shape), ShapeText(shape), ShapeText(first));
  };
  if (shape.size() > 3) fail();
  const int64_t block_values = InfoOf(tensor.dtype).block_values;
  std::optional<int64_t> num_values = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (tensor.shape[i] > shape[i] - first[i]) fail();
    if (num_values) num_values = CheckedMultiply(*num_values, shape[i]);
  }
  if (shape.back() % block_values != 0 || first.back() % block_values != 0) fail();
  // A value takes 4 bytes at most.
  if (!num_values || !CheckedMultiply(*num_values, 4)) fail();
  const TensorBox box = {ExtentsOf(first, 0), ExtentsOf(tensor.shape, 1)};
  tensor.parts = {{tensor.file_index, tensor.offset, box}};
  tensor.shape = shape;
  tensor.num_bytes = BytesOf(tensor.dtype, *num_values);
}

}  // namespace

std::optional<GgufPart> FindGgufPart(const Json& metadata, const std::string& path) {
  if (!metadata.contains(kRank) && !metadata.contains(kNumRanks)) return std::nullopt;
  const auto read = [&](const char* key) {
    if (!metadata.contains(key))
      Fail("{}: {} is missing, other keys of a part are there", path, key);
    return GgufInteger(metadata[key], kMostRanks, fmt::format("{}: {}", path, key));
  };
  const GgufPart part = {read(kRank), read(kNumRanks)};
  if (part.rank >= part.num_ranks) {
    Fail("{}: {}: expected less than {}, {}, found {}", path, kRank, kNumRanks, part.num_ranks,
         part.rank);
  }
  return part;
}

std::string GgufPartName::PathOf(int64_t rank) const {
  return fmt::format("{}-rank-{}-of-{}.gguf", prefix, rank, part.num_ranks);
}

std::optional<GgufPartName> ParseGgufPartName(const std::string& path) {
  constexpr std::string_view kMark = "-rank-";
  const size_t mark = path.rfind(kMark);
  if (mark == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(path).substr(mark + kMark.size());
  const std::optional<int64_t> rank = TakeNumber(rest);
  if (!rank || !Take(rest, "-of-")) return std::nullopt;
  const std::optional<int64_t> num_ranks = TakeNumber(rest);
  if (!num_ranks || rest != ".gguf" || *rank >= *num_ranks || *num_ranks > kMostRanks) {
    return std::nullopt;
  }
  return GgufPartName{path.substr(0, mark), {*rank, *num_ranks}};
}

void PlaceGgufParts(const Json& metadata, const std::string& path,
                    std::vector<TensorInfo>& tensors) {
  DimensionReader shapes(metadata, path, kShapes), firsts(metadata, path, kFirsts);
  for (TensorInfo& tensor : tensors) {
    std::vector<int64_t> shape, first;
    for (size_t i = 0; i < tensor.shape.size(); ++i) {
      shape.push_back(shapes.Next());
      first.push_back(firsts.Next());
    }
    if (shape != tensor.shape) Place(shape, first, path, tensor);
  }
  shapes.ExpectEnd();
  firsts.ExpectEnd();
}

void MergeParts(const std::string& path, std::vector<TensorInfo> others,
                std::vector<TensorInfo>& tensors) {
  std::map<std::string, size_t> index_of;
  for (size_t i = 0; i < tensors.size(); ++i) index_of[tensors[i].name] = i;
  for (TensorInfo& other : others) {
    const auto found = index_of.find(other.name);
    if (found == index_of.end()) {
      tensors.push_back(std::move(other));
      continue;
    }
    TensorInfo& tensor = tensors[found->second];
    if (other.dtype != tensor.dtype || other.shape != tensor.shape) {
      Fail("{}: tensor {}: expected {} {}, as the files of other ranks have it, found {} {}", path,
           Printable(other.name), NameOf(tensor.dtype), ShapeText(tensor.shape),
           NameOf(other.dtype), ShapeText(other.shape));
    }
    if (!tensor.is_cut()) continue;  // it is all there
    if (other.is_cut()) {
      tensor.parts.insert(tensor.parts.end(), other.parts.begin(), other.parts.end());
    } else {
      tensor = std::move(other);
    }
  }
}

void AddGgufPart(const GgufPart& part, std::span<const int32_t> shapes,
                 std::span<const int32_t> firsts, GgufMetadata& metadata) {
  metadata.AddU32(kRank, static_cast<uint32_t>(part.rank));
  metadata.AddU32(kNumRanks, static_cast<uint32_t>(part.num_ranks));
  metadata.AddI32s(kShapes, shapes);
  metadata.AddI32s(kFirsts, firsts);
}

}  // namespace trinity
