#include "cli/model_path.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "checkpoint/gguf_parts.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

// A model that is cut among ranks is named by any of its files, and a host may have others of them.
bool ModelIsThere(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error) || ParseGgufPartName(path.string());
}

std::string BundledModel() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed =
      program.parent_path().parent_path() / "share/trinity/models/trinity-pico";
  if (!error && ModelIsThere(installed)) return installed.string();
  const std::string in_source_tree = TRINITY_SOURCE_DIR "/models/trinity-pico";
  if (ModelIsThere(in_source_tree)) return in_source_tree;
  Fail("the bundled model is neither in {} nor in {}: name a model", installed.string(),
       in_source_tree);
}

}  // namespace

std::string FindModelPath(const std::optional<std::string>& given) {
  if (given) {
    if (ModelIsThere(*given)) return *given;
    // Who writes a sentence here means another flag.
    const bool is_sentence = given->find(' ') != std::string::npos;
    Fail("{}: there is no such model folder or file{}", Printable(*given),
         is_sentence ? " (a prompt is given with -p)" : "");
  }
  const char* from_environment = std::getenv("TRINITY_MODEL");
  if (from_environment == nullptr || *from_environment == '\0') return BundledModel();
  if (!ModelIsThere(from_environment)) {
    Fail("TRINITY_MODEL={}: there is no such model folder or file", Printable(from_environment));
  }
  return from_environment;
}

std::optional<std::string> OneOf(const std::optional<std::string>& positional,
                                 const std::optional<std::string>& flag) {
  if (positional && flag) {
    throw UsageError(fmt::format("--model: the model is given twice, \"{}\" and \"{}\"",
                                 Printable(*flag), Printable(*positional)));
  }
  return positional ? positional : flag;
}

std::string FolderOf(const std::string& model_path) {
  std::error_code error;
  if (fs::is_directory(model_path, error)) return model_path;
  const fs::path parent = fs::path(model_path).parent_path();
  return parent.empty() ? "." : parent.string();
}

}  // namespace trinity
