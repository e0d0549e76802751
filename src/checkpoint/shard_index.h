#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace trinity {

// model.safetensors.index.json: which file of the folder holds each tensor.
struct ShardIndex {
  std::vector<std::string> files;                // names within the folder
  std::unordered_map<std::string, int> file_of;  // tensor name -> index into `files`
};

// Reads the index. Refuses file names that are not plain names within the folder, duplicate keys,
// and an index without tensors.
ShardIndex LoadShardIndex(const std::string& path);

// The path of shard `file_name` in `folder`. Refuses a file that is missing and one that is a
// symbolic link out of the folder, unless it leads to the blobs/ of the Hugging Face cache that the
// folder lies in (<model>/snapshots/<revision>/shard -> <model>/blobs/<hash>), where every file is
// such a link.
std::string ShardPath(const std::string& folder, const std::string& file_name);

}  // namespace trinity
