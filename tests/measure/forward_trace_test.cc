#include "measure/forward_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "tests/support/golden.h"

namespace trinity {
namespace {

// All that a trace told, by what it belongs to.
struct Told {
  using Place = std::tuple<int64_t, int64_t, int64_t>;  // sequence, position, layer
  std::map<Place, std::vector<float>> logits;
  std::map<Place, std::vector<float>> hidden;
  std::map<Place, std::vector<int32_t>> experts;
};

class ForwardTrace : public testing::Test {
 protected:
  ForwardTrace()
      : pool_(2),
        checkpoint_(Checkpoint::Open(GoldenFolder("base"))),
        model_(Model::Load(checkpoint_, pool_)),
        golden_(Checkpoint::Open(GoldenFolder("base") + "/golden.safetensors")),
        first_(GoldenIds(golden_, 0)),
        second_(GoldenIds(golden_, 1)) {}

  Told Trace(int64_t prefill_chunk, int64_t first_logit_position) {
    Told told;
    TraceObserver observer;
    observer.on_logits = [&](const TracedToken& token, std::span<const float> logits) {
      told.logits[{token.sequence, token.position, 0}].assign(logits.begin(), logits.end());
    };
    observer.on_hidden = [&](const TracedToken& token, int64_t index,
                             std::span<const float> hidden) {
      told.hidden[{token.sequence, token.position, index}].assign(hidden.begin(), hidden.end());
    };
    observer.on_experts = [&](const TracedToken& token, int64_t moe_layer,
                              std::span<const int32_t> experts) {
      told.experts[{token.sequence, token.position, moe_layer}].assign(experts.begin(),
                                                                       experts.end());
    };
    TraceRequest request;
    request.sequences = {first_, second_};
    request.prefill_chunk = prefill_chunk;
    request.first_logit_position = first_logit_position;
    TraceForward(*model_, request, observer);
    return told;
  }

  ThreadPool pool_;
  Checkpoint checkpoint_;
  std::unique_ptr<Model> model_;
  Checkpoint golden_;
  std::vector<int32_t> first_;
  std::vector<int32_t> second_;
};

TEST_F(ForwardTrace, TellsEveryTokenOfEveryLayer) {
  const Told told = Trace(512, 0);
  EXPECT_EQ(told.logits.size(), 2u * 48);
  EXPECT_EQ(told.hidden.size(), 2u * 48 * 9);
  EXPECT_EQ(told.experts.size(), 2u * 48 * 6);
}

TEST_F(ForwardTrace, ChunksChangeNothing) {
  const Told whole = Trace(512, 0);
  for (const int64_t chunk : {1, 7, 48}) {
    const Told cut = Trace(chunk, 0);
    EXPECT_EQ(cut.logits, whole.logits) << chunk;
    EXPECT_EQ(cut.hidden, whole.hidden) << chunk;
    EXPECT_EQ(cut.experts, whole.experts) << chunk;
  }
}

TEST_F(ForwardTrace, GivesLogitsFromTheFirstPositionAskedFor) {
  const Told all = Trace(512, 0);
  const Told last = Trace(10, 43);
  ASSERT_EQ(last.logits.size(), 2u * 5);
  for (const auto& [place, logits] : last.logits) {
    EXPECT_GE(std::get<1>(place), 43);
    EXPECT_EQ(logits, all.logits.at(place));
  }
}

}  // namespace
}  // namespace trinity
