// A checkpoint in shards: the index, then the headers of the two files that it may name. The folder
// also holds links that lead in and out.

#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/shard_index.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

// A folder as Hugging Face's cache has it, whose files are links into blobs/.
struct CacheFolder {
  std::string folder = ScratchFolder() + "/snapshots/revision";
  ScratchFile a;
  ScratchFile b;

  CacheFolder() {
    fs::create_directories(folder);
    fs::create_directories(ScratchFolder() + "/blobs");
    WriteScratch("blobs/0", "x");
    WriteScratch("outside", "x");
    fs::create_symlink("../../blobs/0", folder + "/blob");
    fs::create_symlink("../../outside", folder + "/outside");
    fs::create_symlink("nowhere", folder + "/dangling");
    fs::create_directory(folder + "/folder");
  }
};

void CheckIndex(const std::vector<std::string_view>& parts) {
  static CacheFolder cache;
  static const std::string plain = [] {
    const std::string folder = ScratchFolder() + "/plain";
    fs::create_directory(folder);
    fs::create_symlink("../outside", folder + "/outside");
    return folder;
  }();
  const std::string index_path = plain + "/model.safetensors.index.json";
  WriteScratch("plain/model.safetensors.index.json", parts[0]);
  for (const auto& [name, part] : {std::pair("a", parts[1]), std::pair("b", parts[2])}) {
    WriteSafetensors(part, cache.a);
    std::error_code error;
    fs::copy_file(cache.a.path(), plain + "/" + name, fs::copy_options::overwrite_existing, error);
  }
  Accepts([&] {
    const ShardIndex index = LoadShardIndex(index_path);
    TRINITY_CHECK(!index.files.empty() && index.file_of.size() >= index.files.size());
    for (const std::string& file : index.files) {
      TRINITY_CHECK(fs::path(file).filename() == file);
      for (const std::string& folder : {plain, cache.folder}) {
        const bool found = Accepts([&] { ShardPath(folder, file); });
        TRINITY_CHECK(!found || file != "outside");
      }
    }
  });
  Accepts([&] {
    const Checkpoint checkpoint = Checkpoint::Open(plain);
    for (const TensorInfo& tensor : checkpoint.tensors()) {
      TRINITY_CHECK(checkpoint.Find(tensor.name) == &tensor);
    }
    TRINITY_CHECK(checkpoint.total_bytes() >= 0);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckIndex(trinity::InputParts(data, size, 3));
  return 0;
}
