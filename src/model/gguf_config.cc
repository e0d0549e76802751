#include "model/gguf_config.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "base/shortest_decimal.h"
#include "model/config.h"
#include "model/config_reader.h"
#include "model/gguf_names.h"

namespace trinity {
namespace {

constexpr std::string_view kArchitecture = "afmoe";
constexpr int64_t kAssumedPeriod = 4;  // every fourth layer is full in all published models
constexpr int64_t kMaxSize = std::numeric_limits<int32_t>::max();
constexpr int64_t kSigmoidGating = 2;
constexpr const char* kTokens = "tokenizer.ggml.tokens";

struct KeyPair {
  const char* gguf;  // behind "afmoe."
  const char* hugging_face;
  int64_t lowest = 1;
};

// Integers that have to be there. Their upper bounds are Config's.
constexpr KeyPair kSizes[] = {{"embedding_length", "hidden_size"},
                              {"block_count", "num_hidden_layers"},
                              {"attention.head_count", "num_attention_heads"},
                              {"attention.head_count_kv", "num_key_value_heads"},
                              {"attention.key_length", "head_dim"},
                              {"feed_forward_length", "intermediate_size"},
                              {"expert_feed_forward_length", "moe_intermediate_size"},
                              {"expert_count", "num_experts"},
                              {"expert_used_count", "num_experts_per_tok"},
                              {"expert_shared_count", "num_shared_experts", 0},
                              {"context_length", "max_position_embeddings"},
                              {"attention.sliding_window", "sliding_window"}};

// Other architectures know these; where they are set, the model is not the one that we compute.
constexpr const char* kNotImplemented[] = {
    "rope.scale_linear", "attn_logit_softcapping", "final_logit_softcapping", "logit_scale",
    "residual_scale",    "embedding_scale",        "attention.scale"};

class Translator {
 public:
  Translator(const Json& metadata, std::span<const TensorInfo> tensors, std::string_view origin)
      : metadata_(metadata), reader_(metadata, origin) {
    for (const TensorInfo& tensor : tensors) tensor_names_.insert(tensor.name);
  }

  GgufConfig Translate() {
    CheckArchitecture();
    config_["model_type"] = kArchitecture;
    for (const KeyPair& pair : kSizes) {
      config_[pair.hugging_face] = reader_.Integer(Key(pair.gguf), pair.lowest, kMaxSize);
    }
    RefuseWhatIsNotImplemented();
    ReadHeadSizes();
    ReadLayerTypes();
    ReadDenseLayers();
    ReadRouter();
    ReadNumbers();
    ReadVocabulary();
    config_["tie_word_embeddings"] = !HasTensor("output.weight");
    const std::optional<bool> mup = reader_.FindBoolean(kMupEnabled);
    config_["mup_enabled"] = mup.value_or(true);
    if (!mup) Assume("mup_enabled is true: GGUF has no key for it");
    return {std::make_shared<const Json>(std::move(config_)), std::move(assumptions_)};
  }

 private:
  static std::string Key(std::string_view name) {
    return fmt::format("{}.{}", kArchitecture, name);
  }

  void Assume(std::string text) { assumptions_.push_back(std::move(text)); }

  bool HasTensor(std::string_view name) const { return tensor_names_.contains(name); }

  void CheckArchitecture() const {
    constexpr std::string_view kKey = "general.architecture";
    const std::optional<std::string> found = reader_.FindString(kKey);
    if (!found) reader_.RefuseMissing(kKey, "\"afmoe\"");
    if (*found != kArchitecture) reader_.Refuse(kKey, "\"afmoe\"", *found);
  }

  void RefuseWhatIsNotImplemented() const {
    for (const char* name : kNotImplemented) {
      if (const Json* value = reader_.Find(Key(name))) {
        reader_.Refuse(Key(name), "no such key (it is not implemented)", *value);
      }
    }
    for (const auto& entry : metadata_.items()) {
      const bool is_none = entry.key() == Key("rope.scaling.type") && entry.value() == "none";
      if (entry.key().starts_with(Key("rope.scaling.")) && !is_none) {
        reader_.Refuse(Printable(entry.key()), "no scaling (none is implemented)", entry.value());
      }
    }
  }

  void ReadHeadSizes() const {
    const Json& head_dim = config_["head_dim"];
    for (const char* name : {"attention.value_length", "rope.dimension_count"}) {
      const auto size = reader_.FindInteger(Key(name), 0, kMaxSize);
      if (size && *size != head_dim) {
        reader_.Refuse(
            Key(name),
            fmt::format("the same as {}, {}", Key("attention.key_length"), head_dim.get<int64_t>()),
            *size);
      }
    }
  }

  // The pattern is a period, or for each layer whether it slides.
  void ReadLayerTypes() {
    const std::string key = Key("attention.sliding_window_pattern");
    const auto num_layers = config_["num_hidden_layers"].get<int64_t>();
    // Before the list is made: the number is still what the file states.
    constexpr int64_t kMaxLayers = 1024;
    if (num_layers > kMaxLayers) {
      reader_.Refuse(Key("block_count"), fmt::format("an integer from 1 to {}", kMaxLayers),
                     num_layers);
    }
    Json types = Json::array();
    const Json* pattern = reader_.Find(key);
    if (pattern != nullptr && pattern->is_array()) {
      if (pattern->size() != static_cast<size_t>(num_layers)) {
        reader_.Refuse(key, fmt::format("a flag for each of {} layers", num_layers),
                       pattern->size());
      }
      for (const Json& flag : *pattern) types.push_back(LayerType(IsSliding(key, flag)));
    } else {
      const int64_t period = reader_.FindInteger(key, 1, kMaxLayers).value_or(kAssumedPeriod);
      for (int64_t i = 0; i < num_layers; ++i) types.push_back(LayerType((i + 1) % period != 0));
    }
    if (pattern == nullptr) {
      Assume(fmt::format("every {}th layer is full, the others slide: {} is missing",
                         kAssumedPeriod, key));
    }
    Assume("RoPE acts on the layers that slide and on no other: GGUF has no key for it");
    config_["layer_types"] = std::move(types);
  }

  bool IsSliding(std::string_view key, const Json& flag) const {
    if (flag.is_boolean()) return flag.get<bool>();
    if (flag != 0 && flag != 1) reader_.Refuse(key, "flags 0 or 1", flag);
    return flag == 1;
  }

  static const char* LayerType(bool is_sliding) {
    return is_sliding ? "sliding_attention" : "full_attention";
  }

  // The leading layers that have a feed-forward network without a router.
  void ReadDenseLayers() {
    int64_t num_dense = 0;
    while (HasTensor(fmt::format("blk.{}.ffn_gate.weight", num_dense))) ++num_dense;
    const std::string key = Key("leading_dense_block_count");
    const std::optional<int64_t> stated = reader_.FindInteger(key, 0, kMaxSize);
    if (stated && *stated != num_dense) {
      reader_.Refuse(key, fmt::format("{}, the leading layers with ffn_gate.weight", num_dense),
                     *stated);
    }
    config_["num_dense_layers"] = num_dense;
  }

  void ReadRouter() {
    config_["route_scale"] = ShortestDecimal(reader_.PositiveNumber(Key("expert_weights_scale")));
    const std::optional<bool> norm = reader_.FindBoolean(Key("expert_weights_norm"));
    if (!norm) {
      Assume(fmt::format("route_norm is true: {} is missing", Key("expert_weights_norm")));
    }
    config_["route_norm"] = norm.value_or(true);
    config_["score_func"] = "sigmoid";
    reader_.RequireIfPresent(Key("expert_gating_func"), kSigmoidGating);
    reader_.RequireIfPresent(Key("expert_group_count"), 1);
    reader_.RequireIfPresent(Key("expert_group_used_count"), 1);
  }

  void ReadNumbers() {
    config_["rms_norm_eps"] =
        ShortestDecimal(reader_.PositiveNumber(Key("attention.layer_norm_rms_epsilon")));
    config_["rope_theta"] =
        ShortestDecimal(reader_.FindPositiveNumber(Key("rope.freq_base")).value_or(10000.0));
  }

  void ReadVocabulary() {
    const std::optional<int64_t> stated = reader_.FindInteger(Key("vocab_size"), 0, kMaxSize);
    const Json* tokens = reader_.Find(kTokens);
    if (tokens != nullptr && !tokens->is_array()) reader_.Refuse(kTokens, "an array", *tokens);
    if (!stated && tokens == nullptr) {
      reader_.RefuseMissing(Key("vocab_size"), fmt::format("it, or {}", kTokens));
    }
    const int64_t size = stated ? *stated : static_cast<int64_t>(tokens->size());
    if (tokens != nullptr && static_cast<int64_t>(tokens->size()) != size) {
      Fail("{}: {}: expected as many as {}, {}, found {}", reader_.origin(), kTokens,
           Key("vocab_size"), size, tokens->size());
    }
    config_["vocab_size"] = size;
    if (const auto bos = reader_.FindInteger("tokenizer.ggml.bos_token_id", 0, kMaxSize)) {
      config_["bos_token_id"] = *bos;
    }
    Json eos = Json::array();
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                            "tokenizer.ggml.eom_token_id"}) {
      const auto id = reader_.FindInteger(key, 0, kMaxSize);
      if (id && std::find(eos.begin(), eos.end(), *id) == eos.end()) eos.push_back(*id);
    }
    if (!eos.empty()) config_["eos_token_id"] = std::move(eos);
  }

  const Json& metadata_;
  ConfigReader reader_;
  std::unordered_set<std::string_view> tensor_names_;
  Json config_ = Json::object();
  std::vector<std::string> assumptions_;
};

}  // namespace

GgufConfig ReadGgufConfig(const Json& metadata, std::span<const TensorInfo> tensors,
                          std::string_view origin) {
  GgufConfig result = Translator(metadata, tensors, origin).Translate();
  Config::FromJson(*result.config, origin);
  return result;
}

std::vector<std::string> TranslateGguf(Checkpoint& checkpoint) {
  if (checkpoint.gguf_metadata() == nullptr) return {};
  GgufConfig result =
      ReadGgufConfig(*checkpoint.gguf_metadata(), checkpoint.tensors(), checkpoint.path());
  checkpoint.Translate(
      [](const TensorInfo& tensor) { return HuggingFaceName(tensor.name).value_or(tensor.name); },
      std::move(result.config));
  return std::move(result.assumptions);
}

}  // namespace trinity
