#pragma once

#include <optional>
#include <string>

namespace trinity {

// Where the model of a command is: what was given, else $TRINITY_MODEL, else the bundled
// checkpoint, which lies in ../share/trinity/models beside the installed program, or in the source
// tree. Throws Error where that does not exist.
std::string FindModelPath(const std::optional<std::string>& given);

// The two ways to name a model, as an argument and with --model. Throws UsageError where both are
// used.
std::optional<std::string> OneOf(const std::optional<std::string>& positional,
                                 const std::optional<std::string>& flag);

// The folder of a model's files: `model_path` itself, or where that file lies.
std::string FolderOf(const std::string& model_path);

}  // namespace trinity
