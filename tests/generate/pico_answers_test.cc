#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "generate/generator.h"
#include "tests/support/paths.h"
#include "tokenizer/tokenizer.h"

// The bundled model's greedy answers against those of transformers (tests/data/pico).

namespace trinity {
namespace {

TEST(PicoAnswers, GreedyIdsAreThoseOfTransformers) {
  ThreadPool pool(2);
  const std::unique_ptr<Model> model = Model::Load(Checkpoint::Open(PicoFolder()), pool);
  const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  std::ifstream file(TestData("pico/answers.jsonl"));
  int num_answers = 0;
  for (std::string line; std::getline(file, line); ++num_answers) {
    const Json answer = ParseJson(line, "answers.jsonl");
    const auto greedy_ids = answer["greedy_ids"].get<std::vector<int32_t>>();
    GenerationRequest request;
    request.prompt_ids = answer["prompt_ids"].get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.Encode(answer["prompt"].get<std::string>(), SpecialTokens::kLeaveOut),
              request.prompt_ids);
    request.stop_ids = {greedy_ids.back()};
    request.num_tokens = tokenizer.num_tokens();
    request.max_tokens = 200;
    KvPools pools(model->kv_shape(), DType::kF32);
    Session session(*model, pools);
    CancelToken never;
    const GenerationResult result = Generate(
        session, request, [](int32_t) {}, never);
    EXPECT_EQ(result.finish_reason, FinishReason::kStop);
    EXPECT_EQ(result.token_ids, std::vector(greedy_ids.begin(), greedy_ids.end() - 1))
        << answer["text"];
  }
  EXPECT_EQ(num_answers, 20);
}

}  // namespace
}  // namespace trinity
