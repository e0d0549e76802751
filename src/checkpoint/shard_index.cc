#include "checkpoint/shard_index.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/json_document.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

bool IsControlCharacter(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Control characters would reach the terminal with each message that names the file.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name.find('/') == name.npos &&
         name.find("..") == name.npos && std::none_of(name.begin(), name.end(), IsControlCharacter);
}

bool IsWithin(const fs::path& path, const fs::path& folder) {
  const auto [folder_end, unused] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return folder_end == folder.end();
}

simdjson::dom::object WeightMap(const std::string& path, const JsonDocument& document) {
  simdjson::dom::object weight_map;
  bool found = false;
  for (const simdjson::dom::key_value_pair field : document.root()) {
    if (field.key != "weight_map") continue;
    if (found) Fail("{}: has the key \"weight_map\" twice", path);
    if (field.value.get(weight_map)) {
      Fail("{}: weight_map: expected an object, found {}", path, KindOf(field.value));
    }
    found = true;
  }
  if (!found) Fail("{}: has no \"weight_map\"", path);
  return weight_map;
}

}  // namespace

ShardIndex LoadShardIndex(const std::string& path) {
  const JsonDocument document(ReadTextFile(path), path);
  ShardIndex index;
  std::unordered_map<std::string, int> file_indices;
  for (const simdjson::dom::key_value_pair entry : WeightMap(path, document)) {
    std::string_view file_name;
    if (entry.value.get(file_name)) {
      Fail("{}: tensor {}: expected a file name, found {}", path, Printable(entry.key),
           KindOf(entry.value));
    }
    if (!IsPlainFileName(file_name)) {
      Fail("{}: tensor {}: expected the name of a file in the same folder, found \"{}\"", path,
           Printable(entry.key), Printable(file_name));
    }
    const int next = static_cast<int>(index.files.size());
    const auto [file, is_new] = file_indices.try_emplace(std::string(file_name), next);
    if (is_new) index.files.emplace_back(file_name);
    if (!index.file_of.try_emplace(std::string(entry.key), file->second).second) {
      Fail("{}: weight_map has tensor {} twice", path, Printable(entry.key));
    }
  }
  if (index.files.empty()) Fail("{}: weight_map is empty", path);
  return index;
}

std::string ShardPath(const std::string& folder, const std::string& file_name) {
  const std::string path = (fs::path(folder) / file_name).string();
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) Fail("{}: shard named by the index cannot be found: {}", path, error.message());
  const fs::path real_folder = fs::canonical(folder, error);
  if (error) Fail("{}: cannot be found: {}", folder, error.message());
  const bool in_cache = real_folder.parent_path().filename() == "snapshots" &&
                        IsWithin(real, real_folder.parent_path().parent_path() / "blobs");
  if (!in_cache && !IsWithin(real, real_folder)) {
    Fail("{}: shard is a symbolic link out of its folder, to {}", path, Printable(real.string()));
  }
  return path;
}

}  // namespace trinity
