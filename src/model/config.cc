#include "model/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/config_reader.h"

namespace trinity {
namespace {

// Bounds far above any model that exists and far below what could overflow a product of three.
constexpr int64_t kMaxLayers = 1024;
constexpr int64_t kMaxHeads = 4096;
constexpr int64_t kMaxHeadDim = 4096;
constexpr int64_t kMaxSize = int64_t{1} << 20;
constexpr int64_t kMaxExperts = 65536;
constexpr int64_t kMaxVocab = int64_t{1} << 24;
constexpr int64_t kMaxPositions = int64_t{1} << 30;

void ReadSizes(const ConfigReader& reader, Config& c) {
  c.hidden_size = reader.Integer("hidden_size", 1, kMaxSize);
  c.num_hidden_layers = reader.Integer("num_hidden_layers", 1, kMaxLayers);
  c.num_dense_layers = reader.Integer("num_dense_layers", 0, c.num_hidden_layers);
  c.num_attention_heads = reader.Integer("num_attention_heads", 1, kMaxHeads);
  c.num_key_value_heads = reader.Integer("num_key_value_heads", 1, kMaxHeads);
  c.head_dim = reader.Integer("head_dim", 2, kMaxHeadDim);
  c.intermediate_size = reader.Integer("intermediate_size", 1, kMaxSize);
  c.moe_intermediate_size = reader.Integer("moe_intermediate_size", 1, kMaxSize);
  c.num_experts = reader.Integer("num_experts", 1, kMaxExperts);
  c.num_experts_per_tok = reader.Integer("num_experts_per_tok", 1, kMaxExperts);
  c.num_shared_experts = reader.Integer("num_shared_experts", 0, kMaxExperts);
  c.vocab_size = reader.Integer("vocab_size", 1, kMaxVocab);
  c.max_position_embeddings = reader.Integer("max_position_embeddings", 1, kMaxPositions);
  const auto refuse = [&](std::string_view key, std::string_view expected) {
    reader.Refuse(key, expected, *reader.Find(key));
  };
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    refuse("num_key_value_heads",
           fmt::format("a divisor of num_attention_heads, {}", c.num_attention_heads));
  }
  if (c.head_dim % 2 != 0) refuse("head_dim", "an even number");
  if (c.num_experts_per_tok > c.num_experts) {
    refuse("num_experts_per_tok", fmt::format("at most num_experts, {}", c.num_experts));
  }
}

AttentionKind ReadLayerType(const ConfigReader& reader, const Json& entry) {
  if (entry == "sliding_attention") return AttentionKind::kSliding;
  if (entry == "full_attention") return AttentionKind::kFull;
  reader.Refuse("layer_types", "entries \"sliding_attention\" or \"full_attention\"", entry);
}

void ReadLayerTypes(const ConfigReader& reader, Config& c) {
  const Json* types = reader.Find("layer_types");
  if (types == nullptr) {
    const auto period = reader.FindInteger("global_attn_every_n_layers", 1, kMaxLayers);
    if (!period) reader.RefuseMissing("layer_types", "it, or global_attn_every_n_layers");
    for (int64_t i = 0; i < c.num_hidden_layers; ++i) {
      const bool is_full = (i + 1) % *period == 0;
      c.layer_types.push_back(is_full ? AttentionKind::kFull : AttentionKind::kSliding);
    }
  } else {
    if (!types->is_array() || types->size() != static_cast<size_t>(c.num_hidden_layers)) {
      reader.Refuse("layer_types", fmt::format("an array of {} entries", c.num_hidden_layers),
                    *types);
    }
    for (const Json& entry : *types) c.layer_types.push_back(ReadLayerType(reader, entry));
  }
  c.sliding_window = reader.FindInteger("sliding_window", 1, kMaxPositions);
  if (!c.sliding_window && c.num_layers_of(AttentionKind::kSliding) > 0) {
    reader.RefuseMissing("sliding_window", "an integer, since some layers slide");
  }
}

void ReadRope(const ConfigReader& reader, Config& c) {
  if (reader.Has("rope_scaling")) {
    reader.Refuse("rope_scaling", "null (no scaling is implemented)", *reader.Find("rope_scaling"));
  }
  std::optional<double> theta = reader.FindPositiveNumber("rope_theta");
  if (const Json* parameters = reader.Find("rope_parameters")) {
    const ConfigReader rope(*parameters, reader.origin() + ": rope_parameters");
    rope.RequireIfPresent("rope_type", "default");
    const std::optional<double> inner = rope.FindPositiveNumber("rope_theta");
    if (!inner && !theta) rope.RefuseMissing("rope_theta", "it here or beside rope_parameters");
    if (inner && theta && *inner != *theta) {
      rope.Refuse("rope_theta", fmt::format("the same as rope_theta beside it, {}", *theta),
                  *rope.Find("rope_theta"));
    }
    if (!theta) theta = inner;
  }
  c.rope_theta = theta.value_or(10000.0);
}

void ReadRouter(const ConfigReader& reader, Config& c) {
  c.route_scale = static_cast<float>(reader.PositiveNumber("route_scale"));
  c.route_norm = reader.FindBoolean("route_norm").value_or(true);
  const std::string score_func = reader.FindString("score_func").value_or("sigmoid");
  if (score_func == "softmax") {
    c.score_func = ScoreFunction::kSoftmax;
  } else if (score_func != "sigmoid") {
    reader.Refuse("score_func", "\"sigmoid\" or \"softmax\"", score_func);
  }
  for (const char* key : {"n_group", "topk_group", "num_expert_groups", "num_limited_groups"}) {
    reader.RequireIfPresent(key, 1);
  }
}

void ReadTokenIds(const ConfigReader& reader, Config& c) {
  if (const auto bos = reader.FindInteger("bos_token_id", 0, c.vocab_size - 1)) {
    c.bos_token_id = static_cast<int32_t>(*bos);
  }
  const Json* eos = reader.Find("eos_token_id");
  if (eos == nullptr) return;
  const std::vector<Json> ids =
      eos->is_array() ? eos->get<std::vector<Json>>() : std::vector<Json>{*eos};
  for (const Json& id : ids) {
    const Json wrapped = {{"eos_token_id", id}};
    const ConfigReader one(wrapped, reader.origin());
    c.eos_token_ids.push_back(
        static_cast<int32_t>(one.Integer("eos_token_id", 0, c.vocab_size - 1)));
  }
}

}  // namespace

int64_t Config::num_layers_of(AttentionKind kind) const {
  return std::count(layer_types.begin(), layer_types.end(), kind);
}

Config Config::FromJson(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  if (!reader.Has("model_type")) reader.RefuseMissing("model_type", "\"afmoe\"");
  reader.RequireIfPresent("model_type", "afmoe");
  reader.RequireIfPresent("hidden_act", "silu");
  reader.RequireIfPresent("attention_bias", false);
  if (reader.Has("quantization_config")) {
    reader.Refuse("quantization_config", "none (no quantised safetensors form is implemented)",
                  *reader.Find("quantization_config"));
  }
  Config c;
  ReadSizes(reader, c);
  ReadLayerTypes(reader, c);
  ReadRope(reader, c);
  ReadRouter(reader, c);
  ReadTokenIds(reader, c);
  c.rms_norm_eps = static_cast<float>(reader.FindPositiveNumber("rms_norm_eps").value_or(1e-5));
  c.mup_enabled = reader.Boolean("mup_enabled");
  c.tie_word_embeddings = reader.FindBoolean("tie_word_embeddings").value_or(false);
  return c;
}

std::vector<LayerPlan> PlanLayers(const Config& config) {
  std::vector<LayerPlan> plans;
  for (const AttentionKind kind : config.layer_types) {
    LayerPlan plan;
    plan.attention = kind;
    if (kind == AttentionKind::kSliding) plan.window = config.sliding_window;
    plan.uses_rope = kind == AttentionKind::kSliding;
    const bool is_dense = static_cast<int64_t>(plans.size()) < config.num_dense_layers;
    plan.feed_forward = is_dense ? FeedForwardKind::kDense : FeedForwardKind::kMoe;
    plans.push_back(plan);
  }
  return plans;
}

std::string_view NameOf(AttentionKind kind) {
  return kind == AttentionKind::kSliding ? "sliding_attention" : "full_attention";
}

std::string_view NameOf(FeedForwardKind kind) {
  return kind == FeedForwardKind::kDense ? "dense" : "moe";
}

}  // namespace trinity
