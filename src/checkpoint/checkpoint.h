#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/tensor_part.h"

namespace trinity {

// Where a tensor stands in its file.
struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // outermost first; empty for a scalar
  int file_index = 0;          // into Checkpoint::files()
  int64_t offset = 0;          // of the first byte in the file
  int64_t num_bytes = 0;
  // Of a tensor that is cut among files, where its boxes stand, instead of file_index and offset.
  std::vector<TensorPart> parts = {};

  bool is_cut() const { return !parts.empty(); }
  int64_t num_values() const;  // fits: the shape was checked when it was read
};

struct GgufPartName;

// "[2, 3]", as it stands in messages.
std::string ShapeText(std::span<const int64_t> shape);

// A model's files as named tensors and a config, all headers read and checked, no tensor data read.
// Knows file formats and nothing of models. Thread-safe once open.
class Checkpoint {
 public:
  // Opens a Hugging Face folder (config.json beside model.safetensors or
  // model.safetensors.index.json), one safetensors file or an index (config.json beside it, if
  // there), or a GGUF file, of a split model the first one (its metadata instead of a config, names
  // as in the file), or one of the files of a model that is cut among ranks: those that are there
  // are taken together, and what the others hold cannot be read. Tensors may be empty (a 0 in the
  // shape): they have a name and no bytes. Throws Error with file, field or tensor, expected and
  // found.
  static Checkpoint Open(const std::string& path);

  const std::string& path() const { return path_; }
  // The folder that holds the files: where tokenizer.json and its like are looked for.
  const std::string& folder() const { return folder_; }

  // config.json; an empty object where there is none.
  const Json& config() const { return *config_; }
  // Where the config was read, for messages: config.json, or the GGUF file.
  std::string config_origin() const;

  // The metadata of a GGUF file; nullptr for other formats.
  const Json* gguf_metadata() const { return gguf_metadata_.get(); }

  // Gives the tensors the names that `name_of` finds for them, and sets the config: for formats
  // that have words of their own. Refuses two tensors of one name.
  void Translate(const std::function<std::string(const TensorInfo&)>& name_of,
                 std::shared_ptr<const Json> config);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // sorted by name
  const std::vector<File>& files() const { return files_; }
  int64_t total_bytes() const;  // of all tensors' data

  const TensorInfo* Find(std::string_view name) const;  // nullptr where there is none

  // Reads bytes [byte_offset, byte_offset + bytes.size()) of the tensor. Throws StorageError, also
  // where they are in a file that is not there.
  void ReadAt(const TensorInfo& tensor, int64_t byte_offset, std::span<std::byte> bytes) const;

  // Tells the system that these bytes of the tensor will not be read again soon: their page cache
  // may go first.
  void DropCache(const TensorInfo& tensor, int64_t byte_offset, int64_t num_bytes) const;

 private:
  void AddFolder();
  void AddFile(const std::string& path);  // safetensors or GGUF
  void AddSafetensors(const std::string& path);
  void AddGguf(const std::string& path);
  void AddGgufParts(const GgufPartName& name);
  void AddShards(const std::string& index_path);
  void ReadParts(const TensorInfo& tensor, int64_t byte_offset, std::span<std::byte> bytes) const;
  void IndexByName();  // refuses a name that occurs twice

  std::string path_;
  std::string folder_;
  std::shared_ptr<const Json> config_;
  std::shared_ptr<const Json> gguf_metadata_;
  std::vector<File> files_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace trinity
