#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "generate/session.h"
#include "model/model.h"
#include "tests/support/paths.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// The bundled model on some number of threads, for sessions in tests.
struct PicoModel {
  explicit PicoModel(int num_threads)
      : pool(num_threads),
        model(Model::Load(Checkpoint::Open(PicoFolder()), pool)),
        pools(model->config(), DType::kF32, FreedPages::kFillWithNan),
        tokenizer(Tokenizer::Load(PicoFolder())) {}

  // The ids of a prompt that asks for an answer to `text`.
  std::vector<int32_t> Prompt(const std::string& text) const {
    return tokenizer.Encode("<|im_start|>user\n" + text + "<|im_end|>\n<|im_start|>assistant\n",
                            SpecialTokens::kLeaveOut);
  }
  std::string Text(const std::vector<int32_t>& ids) const {
    return tokenizer.Decode(ids, DecodeSpecial::kSkip);
  }

  ThreadPool pool;
  std::unique_ptr<Model> model;
  KvPools pools;
  Tokenizer tokenizer;
};

// Loaded once a number of threads.
inline PicoModel& Pico(int num_threads = 1) {
  static PicoModel one(1);
  if (num_threads == 1) return one;
  static PicoModel several(3);
  return several;
}

}  // namespace trinity
