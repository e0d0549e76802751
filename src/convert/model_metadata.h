#pragma once

#include "checkpoint/gguf_metadata.h"
#include "convert/checkpoint_text.h"
#include "model/config.h"

namespace trinity {

// Adds what a GGUF file of architecture "afmoe" says of its model: the keys that llama.cpp reads,
// and ours where GGUF has no word. Throws Error, with the place, where something would be lost that
// changes results: another router function, another tokenizer pipeline, special ids around a text
// that are not BOS and EOS, white space that added tokens swallow.
void AddModelMetadata(const Config& config, const CheckpointText& text, GgufMetadata& metadata);

// general.file_type for a model whose matrices are mostly of one kind, and the version of the block
// formats.
void AddFileType(uint32_t file_type, GgufMetadata& metadata);

}  // namespace trinity
