#include "model/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "checkpoint/safetensors_writer.h"
#include "tests/support/golden.h"
#include "tests/support/tensor_bytes.h"

namespace trinity {
namespace {

using testing::HasSubstr;

struct NamedTensor {
  TensorSpec spec;
  std::vector<std::byte> bytes;
};

std::vector<NamedTensor> AllTensors(const Checkpoint& checkpoint) {
  std::vector<NamedTensor> tensors;
  for (const TensorInfo& info : checkpoint.tensors()) {
    tensors.push_back({{info.name, info.dtype, info.shape}, BytesOfTensor(checkpoint, info)});
  }
  return tensors;
}

void WriteFolder(const std::string& folder, const std::vector<NamedTensor>& tensors,
                 const std::string& config_folder) {
  std::vector<TensorSpec> specs;
  for (const NamedTensor& tensor : tensors) specs.push_back(tensor.spec);
  SafetensorsWriter writer(folder + "/model.safetensors", specs);
  for (size_t i = 0; i < tensors.size(); ++i) writer.WriteAt(i, 0, tensors[i].bytes);
  writer.Commit();
  std::filesystem::copy_file(config_folder + "/config.json", folder + "/config.json");
}

// The message with which the base case is refused after `change`.
std::string Refusal(const std::function<void(std::vector<NamedTensor>&)>& change) {
  std::vector<NamedTensor> tensors = AllTensors(Checkpoint::Open(GoldenFolder("base")));
  change(tensors);
  const TemporaryFolder folder;
  WriteFolder(folder.path(), tensors, GoldenFolder("base"));
  ThreadPool pool(1);
  try {
    Model::Load(Checkpoint::Open(folder.path()), pool);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

NamedTensor& At(std::vector<NamedTensor>& tensors, const std::string& name) {
  return *std::find_if(tensors.begin(), tensors.end(),
                       [&](const NamedTensor& t) { return t.spec.name == name; });
}

TEST(Weights, NamesAMissingTensorWithItsShape) {
  EXPECT_THAT(Refusal([](auto& tensors) {
                std::erase_if(tensors, [](const NamedTensor& t) {
                  return t.spec.name == "model.layers.3.self_attn.gate_proj.weight";
                });
              }),
              HasSubstr("tensor model.layers.3.self_attn.gate_proj.weight is missing: expected "
                        "shape [64, 64]"));
}

TEST(Weights, NamesATensorOfAnotherShapeOrDtype) {
  EXPECT_THAT(Refusal([](auto& tensors) {
                At(tensors, "model.norm.weight").spec.shape = {8, 8};
              }),
              HasSubstr("tensor model.norm.weight: expected shape [64], found [8, 8]"));
  EXPECT_THAT(
      Refusal([](auto& tensors) { At(tensors, "lm_head.weight").spec.dtype = DType::kI32; }),
      HasSubstr(
          "lm_head.weight: expected dtype F32, F16, BF16 or a block format of ggml, found I32"));
}

TEST(Weights, RefusesATensorThatIsNotPartOfTheModel) {
  EXPECT_THAT(Refusal([](auto& tensors) {
                tensors.push_back({{"model.layers.0.self_attn.q_proj.bias", DType::kF32, {1}},
                                   std::vector<std::byte>(4)});
              }),
              HasSubstr("tensor model.layers.0.self_attn.q_proj.bias [1] is not part of"));
  EXPECT_EQ(Refusal([](auto& tensors) {
              tensors.push_back({{"model.layers.0.self_attn.rotary_emb.inv_freq", DType::kF32, {1}},
                                 std::vector<std::byte>(4)});
            }),
            "");
}

// Tensor `name` [num_experts, rows, cols]: of each expert the matrices `parts`, one below the
// other.
NamedTensor StackExperts(std::vector<NamedTensor>& tensors, const std::string& name,
                         const std::vector<std::string>& parts, std::vector<int64_t> shape) {
  NamedTensor stacked{{name, DType::kF32, std::move(shape)}, {}};
  const std::string prefix = name.substr(0, name.find("experts.") + 8);
  for (int64_t e = 0; e < stacked.spec.shape[0]; ++e) {
    for (const std::string& part : parts) {
      const auto& from = At(tensors, prefix + std::to_string(e) + "." + part).bytes;
      stacked.bytes.insert(stacked.bytes.end(), from.begin(), from.end());
    }
  }
  return stacked;
}

enum class ExpertForm { kFused, kStacked };

// Brings one layer's experts into the form that transformers 5 holds, or that of GGUF.
void MergeExperts(std::vector<NamedTensor>& tensors, const Config& config, int64_t layer,
                  ExpertForm form) {
  const int64_t experts = config.num_experts, rows = config.moe_intermediate_size;
  const int64_t hidden = config.hidden_size;
  const std::string prefix = "model.layers." + std::to_string(layer) + ".mlp.experts.";
  const std::string gate = "gate_proj.weight", up = "up_proj.weight", down = "down_proj.weight";
  std::vector<NamedTensor> merged;
  if (form == ExpertForm::kFused) {
    merged = {
        StackExperts(tensors, prefix + "gate_up_proj", {gate, up}, {experts, 2 * rows, hidden}),
        StackExperts(tensors, prefix + "down_proj", {down}, {experts, hidden, rows})};
  } else {
    merged = {StackExperts(tensors, prefix + gate, {gate}, {experts, rows, hidden}),
              StackExperts(tensors, prefix + up, {up}, {experts, rows, hidden}),
              StackExperts(tensors, prefix + down, {down}, {experts, hidden, rows})};
  }
  std::erase_if(tensors, [&](const NamedTensor& t) { return t.spec.name.starts_with(prefix); });
  std::move(merged.begin(), merged.end(), std::back_inserter(tensors));
}

TEST(Weights, EveryFormOfExpertsGivesTheSameBits) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  const Config config = Config::FromJson(base.config(), "base");
  ThreadPool pool(2);
  const std::vector<int32_t> ids = {5, 100, 3, 77, 258, 0, 9, 44, 12, 31};
  const std::vector<float> logits = RunModel(*Model::Load(base, pool), ids);
  for (const ExpertForm form : {ExpertForm::kFused, ExpertForm::kStacked}) {
    std::vector<NamedTensor> tensors = AllTensors(base);
    for (int64_t layer = config.num_dense_layers; layer < config.num_hidden_layers; ++layer) {
      MergeExperts(tensors, config, layer, form);
    }
    const TemporaryFolder folder;
    WriteFolder(folder.path(), tensors, GoldenFolder("base"));
    const Checkpoint merged = Checkpoint::Open(folder.path());
    EXPECT_EQ(RunModel(*Model::Load(merged, pool), ids), logits);
    LoadOptions in_files;
    in_files.expert_cache_bytes = 200'000;
    EXPECT_EQ(RunModel(*Model::Load(merged, pool, in_files), ids), logits);
  }
}

TEST(Weights, RefusesExpertsOfTwoFormsWithinALayer) {
  EXPECT_THAT(Refusal([](auto& tensors) {
                const Config config =
                    Config::FromJson(LoadJson(GoldenFolder("base") + "/config.json"), "base");
                const NamedTensor kept =
                    At(tensors, "model.layers.2.mlp.experts.0.gate_proj.weight");
                MergeExperts(tensors, config, 2, ExpertForm::kFused);
                tensors.push_back(kept);
              }),
              HasSubstr("layer 2 has experts in two forms"));
}

TEST(Weights, MixedDtypesWithinOneFileAreHeldAsTheyAre) {
  // A bf16 copy of one matrix whose values are bf16 already changes no bit of the result.
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  std::vector<NamedTensor> truncated = AllTensors(base);
  std::vector<NamedTensor> narrow = truncated;
  const std::string name = "model.layers.1.self_attn.q_proj.weight";
  NamedTensor& wide = At(truncated, name);
  NamedTensor& half = At(narrow, name);
  half.spec.dtype = DType::kBF16;
  half.bytes.clear();
  for (size_t i = 0; i < wide.bytes.size(); i += 4) {
    wide.bytes[i] = wide.bytes[i + 1] = std::byte{0};
    half.bytes.insert(half.bytes.end(), {wide.bytes[i + 2], wide.bytes[i + 3]});
  }
  const TemporaryFolder wide_folder, half_folder;
  WriteFolder(wide_folder.path(), truncated, GoldenFolder("base"));
  WriteFolder(half_folder.path(), narrow, GoldenFolder("base"));
  ThreadPool pool(2);
  const std::vector<int32_t> ids = {5, 100, 3, 77, 258};
  EXPECT_EQ(RunModel(*Model::Load(Checkpoint::Open(half_folder.path()), pool), ids),
            RunModel(*Model::Load(Checkpoint::Open(wide_folder.path()), pool), ids));
}

TEST(Weights, ReportsProgressUpToAllBytes) {
  ThreadPool pool(2);
  LoadProgress last;
  LoadOptions options;
  options.on_progress = [&](const LoadProgress& progress) {
    EXPECT_GT(progress.bytes_done, last.bytes_done);
    last = progress;
  };
  Model::Load(Checkpoint::Open(GoldenFolder("base")), pool, options);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_GT(last.bytes_total, 3000000);
}

TEST(Weights, AFileTruncatedAfterItWasOpenedIsAnError) {
  const TemporaryFolder folder;
  WriteFolder(folder.path(), AllTensors(Checkpoint::Open(GoldenFolder("base"))),
              GoldenFolder("base"));
  const Checkpoint checkpoint = Checkpoint::Open(folder.path());
  std::filesystem::resize_file(folder / "model.safetensors", 1 << 20);
  ThreadPool pool(2);
  EXPECT_THROW(Model::Load(checkpoint, pool), StorageError);
}

}  // namespace
}  // namespace trinity
