#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/small_model.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::HasSubstr;

std::vector<std::byte> BytesOfTensor(const Checkpoint& checkpoint, const std::string& name) {
  return BytesOfTensor(checkpoint, *checkpoint.Find(name));
}

// The small model as a folder, made once.
const std::string& SmallModel() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    WriteSmallModel(folder / "model");
    return folder / "model";
  }();
  return path;
}

ProcessResult Quantize(const std::string& type, const std::string& out,
                       const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"quantize", SmallModel(), out, "--type", type};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunTrinity(arguments);
}

DType TypeOf(const Checkpoint& checkpoint, const std::string& name) {
  return checkpoint.Find(name)->dtype;
}

// The largest relative error of all matrices that each type may have on trained weights.
struct TypeLimit {
  const char* type;
  DType most;  // of most matrices
  double error;
};

TEST(QuantizeCommand, EveryTypeRunsAndIsAsNearAsItsBitsAllow) {
  for (const TypeLimit& limit :
       {TypeLimit{"q8_0", DType::kQ8_0, 0.007}, TypeLimit{"q6_k", DType::kQ6_K, 0.02},
        TypeLimit{"q5_k_m", DType::kQ5_K, 0.04}, TypeLimit{"q4_k_m", DType::kQ4_K, 0.08},
        TypeLimit{"q4_0", DType::kQ4_0, 0.1}, TypeLimit{"iq4_xs", DType::kIQ4_XS, 0.09},
        TypeLimit{"mxfp4", DType::kQ8_0, 0.15}}) {
    SCOPED_TRACE(limit.type);
    const TemporaryFolder folder;
    const ProcessResult result = Quantize(limit.type, folder / "m.gguf", {"--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const Json json = ParseJson(result.out, "stdout");
    EXPECT_LT(json["total"]["relative_rms_error"], limit.error);
    EXPECT_GT(json["total"]["relative_rms_error"], limit.error / 4);
    EXPECT_LT(json["total"]["bytes"], json["total"]["source_bytes"].get<int64_t>() * 6 / 10);
    const Checkpoint file = Checkpoint::Open(folder / "m.gguf");
    EXPECT_EQ(TypeOf(file, "blk.0.attn_q.weight"), limit.most);
    EXPECT_EQ(TypeOf(file, "blk.1.ffn_gate_inp.weight"), DType::kF32);
    EXPECT_EQ(TypeOf(file, "blk.1.exp_probs_b.bias"), DType::kF32);
    EXPECT_EQ(TypeOf(file, "blk.1.attn_norm.weight"), DType::kF32);
    const ProcessResult logits = RunTrinity(
        {"logits", folder / "m.gguf", "--ids", "1,2,3", "--out", folder / "l.safetensors"});
    EXPECT_EQ(logits.exit_code, 0) << logits.err;
  }
}

TEST(QuantizeCommand, MixtureGivesHeadAndSomeLayersMoreBits) {
  const TemporaryFolder folder;
  ASSERT_EQ(Quantize("q4_k_m", folder / "m.gguf").exit_code, 0);
  const Checkpoint file = Checkpoint::Open(folder / "m.gguf");
  EXPECT_EQ(TypeOf(file, "output.weight"), DType::kQ6_K);
  EXPECT_EQ(TypeOf(file, "token_embd.weight"), DType::kQ4_K);
  EXPECT_EQ(TypeOf(file, "blk.1.attn_v.weight"), DType::kQ6_K);
  EXPECT_EQ(TypeOf(file, "blk.1.ffn_down_exps.weight"), DType::kQ6_K);
  EXPECT_EQ(TypeOf(file, "blk.1.attn_k.weight"), DType::kQ4_K);
  EXPECT_EQ(TypeOf(file, "blk.0.attn_v.weight"), DType::kQ4_K);
  EXPECT_EQ(TypeOf(file, "blk.0.ffn_down.weight"), DType::kQ4_K);
  EXPECT_EQ((*file.gguf_metadata())["general.file_type"], 15);
}

TEST(QuantizeCommand, KeepsWhatIsAskedFor) {
  const TemporaryFolder folder;
  const ProcessResult result = Quantize(
      "q4_0", folder / "m.gguf",
      {"--keep", "blk\\.0\\.attn_q=bf16", "--keep", "attn_[qk]=q8_0", "--keep", "output=Q6_K"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Checkpoint file = Checkpoint::Open(folder / "m.gguf"),
                   source = Checkpoint::Open(SmallModel());
  EXPECT_EQ(TypeOf(file, "blk.0.attn_q.weight"), DType::kBF16);
  EXPECT_EQ(TypeOf(file, "blk.1.attn_q.weight"), DType::kQ8_0);
  EXPECT_EQ(TypeOf(file, "blk.0.attn_k.weight"), DType::kQ8_0);
  EXPECT_EQ(TypeOf(file, "blk.0.attn_v.weight"), DType::kQ4_0);
  EXPECT_EQ(BytesOfTensor(file, "blk.0.attn_q.weight"),
            BytesOfTensor(source, "model.layers.0.self_attn.q_proj.weight"));
}

TEST(QuantizeCommand, RefusesKeepThatIsWrongOrWithoutEffect) {
  const TemporaryFolder folder;
  for (const char* wrong : {"attn_q", "attn_q=q9", "=q8_0", "attn_(=q8_0"}) {
    EXPECT_EQ(Quantize("q4_0", folder / "m.gguf", {"--keep", wrong}).exit_code, 2) << wrong;
  }
  const ProcessResult unused = Quantize("q4_0", folder / "m.gguf", {"--keep", "atn_q=q8_0"});
  EXPECT_EQ(unused.exit_code, 1);
  EXPECT_THAT(unused.err, HasSubstr("\"atn_q\" is found in the name of no matrix"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(QuantizeCommand, RowsThatNoBlockDividesStayF16AndItSaysSo) {
  const TemporaryFolder folder;
  const ProcessResult result =
      RunTrinity({"quantize", GoldenFolder("tp_awkward"), folder / "m.gguf", "--type", "q4_k_m"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Checkpoint file = Checkpoint::Open(folder / "m.gguf");
  EXPECT_EQ(TypeOf(file, "blk.3.ffn_down_exps.weight"), DType::kF16);
  EXPECT_THAT(result.err,
              HasSubstr("blk.3.ffn_down_exps.weight: rows of 40 values, which blocks of "
                        "256 do not divide: F16 instead of"));
}

TEST(QuantizeCommand, TheSameBytesForAnyNumberOfThreadsAndFromAnySource) {
  const TemporaryFolder folder;
  ASSERT_EQ(Quantize("q4_k_m", folder / "1.gguf", {"-t", "1"}).exit_code, 0);
  ASSERT_EQ(Quantize("q4_k_m", folder / "3.gguf", {"-t", "3"}).exit_code, 0);
  ASSERT_EQ(RunTrinity({"convert", SmallModel(), folder / "full.gguf"}).exit_code, 0);
  ASSERT_EQ(RunTrinity({"quantize", folder / "full.gguf", folder / "g.gguf", "--type", "q4_k_m"})
                .exit_code,
            0);
  const Checkpoint one = Checkpoint::Open(folder / "1.gguf");
  for (const char* other : {"3.gguf", "g.gguf"}) {
    const Checkpoint file = Checkpoint::Open(folder / other);
    for (const TensorInfo& tensor : one.tensors()) {
      EXPECT_EQ(BytesOfTensor(one, tensor.name), BytesOfTensor(file, tensor.name)) << tensor.name;
    }
    EXPECT_EQ(*file.gguf_metadata(), *one.gguf_metadata());
  }
}

class ImportanceFlag : public testing::Test {
 protected:
  void Write(const std::string& name, const std::vector<float>& values) {
    const std::vector<TensorSpec> specs = {
        {name, DType::kF32, {static_cast<int64_t>(values.size())}}};
    SafetensorsWriter writer(path(), specs);
    writer.WriteAt(0, 0, std::as_bytes(std::span(values)));
    writer.Commit();
  }
  std::string path() const { return folder_ / "importance.safetensors"; }

  TemporaryFolder folder_;
};

TEST_F(ImportanceFlag, ChangesItsMatrixAndNoOther) {
  std::vector<float> importance(256, 0.0F);
  std::fill_n(importance.begin(), 32, 1.0F);
  Write("blk.1.attn_q.weight", importance);
  ASSERT_EQ(Quantize("q4_0", folder_ / "plain.gguf").exit_code, 0);
  ASSERT_EQ(Quantize("q4_0", folder_ / "m.gguf", {"--importance", path()}).exit_code, 0);
  const Checkpoint plain = Checkpoint::Open(folder_ / "plain.gguf");
  const Checkpoint file = Checkpoint::Open(folder_ / "m.gguf");
  EXPECT_EQ(BytesOfTensor(plain, "blk.1.attn_q.weight"), BytesOfTensor(file, "blk.1.attn_q.weight"))
      << "a block whose columns all count alike is as without importance";
  importance[0] = 100.0F;
  Write("model.layers.1.self_attn.q_proj.weight", importance);
  ASSERT_EQ(Quantize("q4_0", folder_ / "m2.gguf", {"--importance", path()}).exit_code, 0);
  const Checkpoint changed = Checkpoint::Open(folder_ / "m2.gguf");
  EXPECT_NE(BytesOfTensor(plain, "blk.1.attn_q.weight"),
            BytesOfTensor(changed, "blk.1.attn_q.weight"));
  EXPECT_EQ(BytesOfTensor(plain, "blk.1.attn_k.weight"),
            BytesOfTensor(changed, "blk.1.attn_k.weight"));
}

TEST_F(ImportanceFlag, RefusesWhatFitsNoMatrix) {
  const auto refusal = [&](const std::string& name, const std::vector<float>& values) {
    std::filesystem::remove(path());
    Write(name, values);
    const ProcessResult result = Quantize("q4_0", folder_ / "m.gguf", {"--importance", path()});
    EXPECT_EQ(result.exit_code, 1);
    return result.err;
  };
  EXPECT_THAT(refusal("blk.1.attn_q.weight", std::vector<float>(255, 1.0F)),
              HasSubstr("blk.1.attn_q.weight: expected F32 [256], found F32 [255]"));
  EXPECT_THAT(refusal("blk.99.attn_q.weight", std::vector<float>(256, 1.0F)),
              HasSubstr("blk.99.attn_q.weight is no matrix of this model"));
  EXPECT_THAT(refusal("blk.1.attn_q.weight", std::vector<float>(256, -1.0F)),
              HasSubstr("expected finite numbers, at least 0, found -1"));
}

TEST(QuantizeCommand, WrongUsageIsTwo) {
  EXPECT_EQ(RunTrinity({"quantize", PicoFolder(), "/tmp/x.gguf"}).exit_code, 2);
  EXPECT_EQ(RunTrinity({"quantize", PicoFolder(), "/tmp/x.gguf", "--type", "q3"}).exit_code, 2);
}

}  // namespace
}  // namespace trinity
