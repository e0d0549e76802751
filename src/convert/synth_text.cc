#include "convert/synth_text.h"

namespace trinity {

GenerationConfig SynthGenerationConfig(const Config& config) {
  GenerationConfig generation;
  if (config.vocab_size <= 3) return generation;
  generation.bos_token_id = 0;
  generation.eos_token_ids = {1, 3};
  if (config.vocab_size > 12) generation.pad_token_id = 12;
  return generation;
}

TokenizerConfig SynthTokenizerConfig() {
  TokenizerConfig tokenizer;
  tokenizer.bos_token = "<|begin_of_text|>";
  tokenizer.eos_token = "<|im_end|>";
  tokenizer.pad_token = "<|pad|>";
  tokenizer.add_bos_token = true;
  return tokenizer;
}

}  // namespace trinity
