#include "measure/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "base/error.h"
#include "checkpoint/safetensors_writer.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using Bytes = std::vector<std::byte>;

// Changes the bytes of a golden's tensor of this name.
using Change = std::function<void(const std::string& name, Bytes& bytes)>;

template <typename T>
void Add(Bytes& bytes, size_t index, T amount) {
  T value;
  std::memcpy(&value, &bytes[index * sizeof(T)], sizeof(T));
  value = static_cast<T>(value + amount);
  std::memcpy(&bytes[index * sizeof(T)], &value, sizeof(T));
}

class VerifyBase : public testing::Test {
 protected:
  VerifyBase()
      : pool_(2),
        checkpoint_(Checkpoint::Open(GoldenFolder("base"))),
        model_(Model::Load(checkpoint_, pool_)) {}

  // The report on a copy of the golden without tensor `dropped` and after `change`.
  GoldenReport Report(const Change& change = {}, const std::string& dropped = "",
                      const VerifyOptions& options = {}) {
    const Checkpoint original = Checkpoint::Open(GoldenFolder("base") + "/golden.safetensors");
    std::vector<TensorSpec> specs;
    for (const TensorInfo& tensor : original.tensors()) {
      if (tensor.name != dropped) specs.push_back({tensor.name, tensor.dtype, tensor.shape});
    }
    const std::string path = folder_ / "golden.safetensors";
    SafetensorsWriter writer(path, specs);
    for (size_t i = 0; i < specs.size(); ++i) {
      const TensorInfo& tensor = *original.Find(specs[i].name);
      Bytes bytes(static_cast<size_t>(tensor.num_bytes));
      original.ReadAt(tensor, 0, bytes);
      if (change) change(tensor.name, bytes);
      writer.WriteAt(i, 0, bytes);
    }
    writer.Commit();
    const Checkpoint changed = Checkpoint::Open(path);
    return VerifyGolden(*model_, GoldenOutputs::Read(changed, model_->config()), options);
  }

  GoldenReport WithValueAdded(const std::string& tensor, size_t index, float amount) {
    return Report([&](const std::string& name, Bytes& bytes) {
      if (name == tensor) Add(bytes, index, amount);
    });
  }

  TemporaryFolder folder_;
  ThreadPool pool_;
  Checkpoint checkpoint_;
  std::unique_ptr<Model> model_;
};

TEST_F(VerifyBase, TheGoldenOfTransformersPasses) {
  const GoldenReport report = Report();
  EXPECT_TRUE(report.Passed());
  EXPECT_EQ(report.num_logit_rows, 96);
  EXPECT_GT(report.largest_logit_difference, 0);
  EXPECT_LE(report.largest_logit_difference, 1e-4);
  EXPECT_LE(report.mean_logit_difference, report.largest_logit_difference);
  EXPECT_EQ(report.top_1.equal, 96);
  EXPECT_EQ(report.router->equal, 6 * 96);
  EXPECT_EQ(report.greedy->equal, 48);
  EXPECT_TRUE(*report.same_bits_alone);
}

TEST_F(VerifyBase, OneWrongLogitFailsAndIsFound) {
  // [2, 48, 259]: sequence 1, position 5.
  const GoldenReport report = WithValueAdded("logits", (48 + 5) * 259 + 7, 0.01F);
  EXPECT_FALSE(report.Passed());
  EXPECT_NEAR(report.largest_logit_difference, 0.01, 1e-4);
  EXPECT_EQ(report.largest_logit_token.sequence, 1);
  EXPECT_EQ(report.largest_logit_token.position, 5);
}

TEST_F(VerifyBase, NanFails) {
  const GoldenReport logit = WithValueAdded("logits", 0, std::nanf(""));
  EXPECT_FALSE(logit.Passed());
  EXPECT_TRUE(std::isinf(logit.largest_logit_difference));
  const GoldenReport hidden = WithValueAdded("hidden", 0, std::nanf(""));
  EXPECT_FALSE(hidden.Passed());
}

TEST_F(VerifyBase, FirstHiddenDifferenceIsTheLowestLayerThenPosition) {
  // [9, 2, 48, 64]
  const auto at = [](size_t index, size_t sequence, size_t position) {
    return ((index * 2 + sequence) * 48 + position) * 64;
  };
  const GoldenReport report = Report([&](const std::string& name, Bytes& bytes) {
    if (name != "hidden") return;
    Add(bytes, at(3, 1, 2), 0.5F);
    Add(bytes, at(2, 0, 40), 0.5F);
    Add(bytes, at(2, 1, 30), 0.5F);
  });
  EXPECT_FALSE(report.Passed());
  EXPECT_EQ(report.first_hidden_difference->index, 2);
  EXPECT_EQ(report.first_hidden_difference->token.sequence, 1);
  EXPECT_EQ(report.first_hidden_difference->token.position, 30);
}

TEST_F(VerifyBase, AnotherExpertFailsUnlessTheGapIsSmall) {
  const auto change_expert = [](const std::string& name, Bytes& bytes) {
    if (name == "router_experts") Add<int32_t>(bytes, 0, 1000);
  };
  const GoldenReport wrong = Report(change_expert);
  EXPECT_FALSE(wrong.Passed());
  EXPECT_EQ(wrong.router->wrong(), 1);
  const GoldenReport near_tie = Report([&](const std::string& name, Bytes& bytes) {
    change_expert(name, bytes);
    const float small_gap = 9e-6F;
    if (name == "router_gap") std::memcpy(bytes.data(), &small_gap, sizeof(small_gap));
  });
  EXPECT_TRUE(near_tie.Passed());
  EXPECT_EQ(near_tie.router->near_ties, 1);
}

TEST_F(VerifyBase, AnotherGreedyIdFailsUnlessItsMarginIsSmall) {
  const auto change_id = [](const std::string& name, Bytes& bytes) {
    // The last step: the steps after it would see another prefix.
    if (name == "greedy") std::memset(&bytes[23 * sizeof(int64_t)], 0, sizeof(int64_t));
  };
  EXPECT_EQ(Report(change_id).greedy->wrong(), 1);
  EXPECT_FALSE(Report(change_id).Passed());
  const GoldenReport near_tie = Report([&](const std::string& name, Bytes& bytes) {
    change_id(name, bytes);
    if (name == "greedy_margin") std::memset(&bytes[23 * sizeof(float)], 0, sizeof(float));
  });
  EXPECT_TRUE(near_tie.Passed());
}

TEST_F(VerifyBase, WhatTheGoldenLacksIsNotCompared) {
  EXPECT_FALSE(Report({}, "hidden").largest_hidden_difference.has_value());
  EXPECT_FALSE(Report({}, "router_experts").router.has_value());
  EXPECT_FALSE(Report({}, "greedy").greedy.has_value());
  EXPECT_TRUE(Report({}, "greedy_margin").Passed());
  EXPECT_TRUE(Report({}, "router_gap").Passed());
  EXPECT_THROW(Report({}, "logits"), Error);
  EXPECT_THROW(Report({}, "input_ids"), Error);
  EXPECT_THROW(Report({}, "greedy_prompt_length"), Error);
}

TEST_F(VerifyBase, BadIdsAndLengthsAreRefused) {
  const auto error_of = [&](const std::string& tensor, int64_t value) {
    const auto change = [&](const std::string& name, Bytes& bytes) {
      if (name == tensor) std::memcpy(bytes.data(), &value, sizeof(value));
    };
    try {
      Report(change);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(error_of("input_ids", -1), testing::HasSubstr("ids from 0 to 258, found -1"));
  EXPECT_THAT(error_of("input_ids", 259), testing::HasSubstr("found 259"));
  EXPECT_THAT(error_of("greedy", int64_t{1} << 32), testing::HasSubstr("tensor greedy"));
  EXPECT_THAT(error_of("greedy_prompt_length", 0), testing::HasSubstr("expected 1 to 48"));
  EXPECT_THAT(error_of("greedy_prompt_length", 49), testing::HasSubstr("found 49"));
}

TEST_F(VerifyBase, ChunksChangeNothing) {
  const GoldenReport whole = Report();
  const GoldenReport cut = Report({}, "", {.prefill_chunk = 5});
  EXPECT_EQ(cut.largest_logit_difference, whole.largest_logit_difference);
  EXPECT_DOUBLE_EQ(cut.mean_logit_difference,
                   whole.mean_logit_difference);  // summed in another order
  EXPECT_EQ(cut.largest_hidden_difference, whole.largest_hidden_difference);
  EXPECT_TRUE(cut.Passed());
}

TEST(Verify, LongSequencesHaveALargerTolerance) {
  EXPECT_EQ(DefaultTolerance(1000), 1e-4);
  EXPECT_EQ(DefaultTolerance(1001), 5e-4);
}

}  // namespace
}  // namespace trinity
