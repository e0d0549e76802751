#include "checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/checked_arithmetic.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_parts.h"
#include "checkpoint/gguf_splits.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";
constexpr std::string_view kGgufSuffix = ".gguf";

std::string PathIn(const std::string& folder, std::string_view name) {
  return (fs::path(folder) / name).string();
}

std::shared_ptr<const Json> LoadConfig(const std::string& path) {
  if (!IsThere(path)) return std::make_shared<const Json>(Json::object());
  auto config = std::make_shared<const Json>(LoadJson(path));
  if (!config->is_object()) {
    Fail("{}: expected a JSON object, found a JSON {}", path, config->type_name());
  }
  return config;
}

}  // namespace

int64_t TensorInfo::num_values() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

std::string ShapeText(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Checkpoint Checkpoint::Open(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    checkpoint.folder_ = path;
    checkpoint.AddFolder();
  } else {
    const fs::path parent = fs::path(path).parent_path();
    checkpoint.folder_ = parent.empty() ? "." : parent.string();
    if (path.ends_with(kIndexSuffix)) {
      checkpoint.AddShards(path);
    } else {
      checkpoint.AddFile(path);
    }
  }
  checkpoint.IndexByName();
  checkpoint.config_ = checkpoint.gguf_metadata_
                           ? std::make_shared<const Json>(Json::object())
                           : LoadConfig(PathIn(checkpoint.folder_, "config.json"));
  return checkpoint;
}

void Checkpoint::AddFolder() {
  const std::string single = PathIn(folder_, kSingleFile), index = PathIn(folder_, kIndexFile);
  // Where both are there, Hugging Face reads the single file.
  if (IsThere(single)) {
    AddSafetensors(single);
  } else if (IsThere(index)) {
    AddShards(index);
  } else {
    Fail("{}: expected {} or {} in this folder, found neither", path_, kSingleFile, kIndexFile);
  }
}

void Checkpoint::AddFile(const std::string& path) {
  if (const std::optional<GgufPartName> name = ParseGgufPartName(path)) {
    AddGgufParts(*name);
  } else if (path.ends_with(kGgufSuffix) || HasGgufMagic(File(path))) {
    AddGguf(path);
  } else {
    AddSafetensors(path);
  }
}

void Checkpoint::AddGguf(const std::string& path) {
  files_.emplace_back(path);
  GgufHeader header = ReadGgufHeader(files_.back(), 0);
  const std::optional<GgufSplit> split = FindGgufSplit(header.metadata, path);
  if (const std::optional<GgufPart> part = FindGgufPart(header.metadata, path)) {
    Fail("{}: holds the part of rank {}: expected a name that ends with -rank-{}-of-{}.gguf", path,
         part->rank, part->rank, part->num_ranks);
  }
  gguf_metadata_ = std::make_shared<const Json>(std::move(header.metadata));
  tensors_ = std::move(header.tensors);
  if (!split) return;
  if (split->index != 0) {
    Fail("{}: is file {} of {} of a split model: name the first one", path, split->index + 1,
         split->count);
  }
  for (int64_t i = 1; i < split->count; ++i) {
    files_.emplace_back(GgufSplitPath(path, i, split->count));
    const std::string& part_path = files_.back().path();
    header = ReadGgufHeader(files_.back(), static_cast<int>(i));
    const std::optional<GgufSplit> part = FindGgufSplit(header.metadata, part_path);
    if (!part || part->index != i || part->count != split->count) {
      Fail("{}: expected file {} of {} of a split model, found file {} of {}", part_path, i + 1,
           split->count, part ? part->index + 1 : 1, part ? part->count : 1);
    }
    std::move(header.tensors.begin(), header.tensors.end(), std::back_inserter(tensors_));
  }
  if (static_cast<int64_t>(tensors_.size()) != split->num_tensors) {
    Fail("{}: split.tensors.count: expected the number of tensors of all files, {}, found {}", path,
         tensors_.size(), split->num_tensors);
  }
}

void Checkpoint::AddGgufParts(const GgufPartName& name) {
  for (int64_t rank = 0; rank < name.part.num_ranks; ++rank) {
    const std::string path = name.PathOf(rank);
    if (!IsThere(path)) continue;
    const auto file_index = static_cast<int>(files_.size());
    files_.emplace_back(path);
    GgufHeader header = ReadGgufHeader(files_.back(), file_index);
    const std::optional<GgufPart> part = FindGgufPart(header.metadata, path);
    if (!part || part->rank != rank || part->num_ranks != name.part.num_ranks) {
      Fail("{}: expected the part of rank {} of {}, found {}", path, rank, name.part.num_ranks,
           part ? fmt::format("that of rank {} of {}", part->rank, part->num_ranks) : "no part");
    }
    PlaceGgufParts(header.metadata, path, header.tensors);
    if (!gguf_metadata_) gguf_metadata_ = std::make_shared<const Json>(std::move(header.metadata));
    MergeParts(path, std::move(header.tensors), tensors_);
  }
  if (files_.empty()) {
    Fail("{}: expected this file or that of another of the {} ranks, found none", path_,
         name.part.num_ranks);
  }
}

void Checkpoint::Translate(const std::function<std::string(const TensorInfo&)>& name_of,
                           std::shared_ptr<const Json> config) {
  for (TensorInfo& tensor : tensors_) tensor.name = name_of(tensor);
  IndexByName();
  config_ = std::move(config);
}

void Checkpoint::AddSafetensors(const std::string& path) {
  const int file_index = static_cast<int>(files_.size());
  files_.emplace_back(path);
  std::vector<TensorInfo> tensors = ReadSafetensorsHeader(files_.back(), file_index);
  std::move(tensors.begin(), tensors.end(), std::back_inserter(tensors_));
}

void Checkpoint::AddShards(const std::string& index_path) {
  const ShardIndex index = LoadShardIndex(index_path);
  for (const std::string& file : index.files) AddSafetensors(ShardPath(folder_, file));
  IndexByName();
  for (const TensorInfo& tensor : tensors_) {
    const auto entry = index.file_of.find(tensor.name);
    const std::string& holder = index.files[static_cast<size_t>(tensor.file_index)];
    if (entry == index.file_of.end()) {
      Fail("{}: tensor {} of {} is not in the weight_map", index_path, Printable(tensor.name),
           Printable(holder));
    }
    if (entry->second != tensor.file_index) {
      Fail("{}: tensor {}: expected in {}, found in {}", index_path, Printable(tensor.name),
           Printable(index.files[static_cast<size_t>(entry->second)]), Printable(holder));
    }
  }
  if (tensors_.size() == index.file_of.size()) return;
  for (const auto& entry : index.file_of) {
    if (Find(entry.first) != nullptr) continue;
    Fail("{}: tensor {}: expected in {}, not found there", index_path, Printable(entry.first),
         Printable(index.files[static_cast<size_t>(entry.second)]));
  }
}

void Checkpoint::IndexByName() {
  std::sort(tensors_.begin(), tensors_.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  std::optional<int64_t> total = 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const TensorInfo& tensor = tensors_[i];
    if (i > 0 && tensors_[i - 1].name == tensor.name) {
      Fail("{}: tensor {} is in two files, {} and {}", path_, Printable(tensor.name),
           files_[static_cast<size_t>(tensors_[i - 1].file_index)].path(),
           files_[static_cast<size_t>(tensor.file_index)].path());
    }
    if (total) total = CheckedAdd(*total, tensor.num_bytes);
  }
  // Sparse files can state more than there is.
  if (!total) Fail("{}: the sizes of all tensors add up to more than 2^63 bytes", path_);
}

std::string Checkpoint::config_origin() const {
  return gguf_metadata_ ? path_ : folder_ + "/config.json";
}

int64_t Checkpoint::total_bytes() const {
  int64_t total = 0;
  for (const TensorInfo& tensor : tensors_) total += tensor.num_bytes;
  return total;
}

const TensorInfo* Checkpoint::Find(std::string_view name) const {
  const auto found = std::lower_bound(
      tensors_.begin(), tensors_.end(), name,
      [](const TensorInfo& tensor, std::string_view n) { return tensor.name < n; });
  return found != tensors_.end() && found->name == name ? &*found : nullptr;
}

void Checkpoint::ReadAt(const TensorInfo& tensor, int64_t byte_offset,
                        std::span<std::byte> bytes) const {
  const auto num_bytes = static_cast<int64_t>(bytes.size());
  TRINITY_CHECK(byte_offset >= 0 && num_bytes <= tensor.num_bytes &&
                byte_offset <= tensor.num_bytes - num_bytes);
  if (tensor.is_cut()) return ReadParts(tensor, byte_offset, bytes);
  files_[static_cast<size_t>(tensor.file_index)].ReadAt(tensor.offset + byte_offset, bytes);
}

void Checkpoint::ReadParts(const TensorInfo& tensor, int64_t byte_offset,
                           std::span<std::byte> bytes) const {
  const TensorExtents shape = ExtentsOf(tensor.shape, 1);
  while (!bytes.empty()) {
    const PartRun run =
        FindRun(tensor.parts, shape, tensor.dtype, byte_offset, static_cast<int64_t>(bytes.size()));
    if (run.num_bytes == 0) {
      throw StorageError(fmt::format(
          "{}: tensor {}: byte {} is in the file of another rank, which is not there: expected as "
          "many ranks as there are parts, or all files",
          path_, Printable(tensor.name), byte_offset));
    }
    const auto num_bytes = static_cast<size_t>(run.num_bytes);
    files_[static_cast<size_t>(run.file_index)].ReadAt(run.offset, bytes.first(num_bytes));
    bytes = bytes.subspan(num_bytes);
    byte_offset += run.num_bytes;
  }
}

void Checkpoint::DropCache(const TensorInfo& tensor, int64_t byte_offset, int64_t num_bytes) const {
  if (tensor.is_cut()) return;
  files_[static_cast<size_t>(tensor.file_index)].DropCache(tensor.offset + byte_offset, num_bytes);
}

}  // namespace trinity
