#pragma once

#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "convert/checkpoint_text.h"
#include "tokenizer/generation_config.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {

// What stands beside the weights of an opened model and concerns text: files in its folder, or keys
// of its GGUF metadata. All throw Error.
Tokenizer LoadTokenizer(const Checkpoint& checkpoint);
TokenizerConfig LoadTokenizerConfig(const Checkpoint& checkpoint);  // chat templates too
GenerationConfig LoadGenerationConfig(const Checkpoint& checkpoint);

// Whether there is anything that LoadTokenizer could read.
bool HasTokenizer(const Checkpoint& checkpoint);

// All of it, for commands that write models; without a tokenizer where there is none.
CheckpointText LoadCheckpointText(const Checkpoint& checkpoint);

// The tokenizer of a model folder, a safetensors file beside one, a GGUF file, or a tokenizer.json.
Tokenizer LoadTokenizerAt(const std::string& path);

}  // namespace trinity
