#include "convert/model_metadata.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/gguf_config.h"
#include "tokenizer/gguf_tokenizer.h"

namespace trinity {
namespace {

constexpr uint32_t kSigmoidGating = 2;
constexpr uint32_t kQuantizationVersion = 2;  // of the block formats as they are now

uint32_t U32(int64_t value) { return static_cast<uint32_t>(value); }

// The period of the full layers, if the layers that are full are every so manyth.
std::optional<int64_t> PeriodOf(const std::vector<AttentionKind>& types) {
  const auto first_full = std::find(types.begin(), types.end(), AttentionKind::kFull);
  const int64_t period = first_full - types.begin() + 1;
  for (size_t i = 0; i < types.size(); ++i) {
    const bool is_full = (static_cast<int64_t>(i) + 1) % period == 0;
    if (is_full != (types[i] == AttentionKind::kFull)) return std::nullopt;
  }
  return period;
}

void AddAttention(const Config& c, GgufMetadata& m) {
  m.AddU32("afmoe.attention.head_count", U32(c.num_attention_heads));
  m.AddU32("afmoe.attention.head_count_kv", U32(c.num_key_value_heads));
  m.AddU32("afmoe.attention.key_length", U32(c.head_dim));
  m.AddU32("afmoe.attention.value_length", U32(c.head_dim));
  m.AddF32("afmoe.attention.layer_norm_rms_epsilon", c.rms_norm_eps);
  m.AddU32("afmoe.attention.sliding_window",
           U32(c.sliding_window.value_or(c.max_position_embeddings)));
  if (const std::optional<int64_t> period = PeriodOf(c.layer_types)) {
    m.AddU32("afmoe.attention.sliding_window_pattern", U32(*period));
  } else {
    std::vector<int32_t> slides;
    for (const AttentionKind kind : c.layer_types) {
      slides.push_back(kind == AttentionKind::kSliding ? 1 : 0);
    }
    m.AddI32s("afmoe.attention.sliding_window_pattern", slides);
  }
  m.AddU32("afmoe.rope.dimension_count", U32(c.head_dim));
  m.AddF32("afmoe.rope.freq_base", static_cast<float>(c.rope_theta));
}

void AddExperts(const Config& c, GgufMetadata& m) {
  if (c.score_func != ScoreFunction::kSigmoid) {
    Fail("score_func: expected sigmoid, the only one that GGUF files of this architecture have");
  }
  m.AddU32("afmoe.expert_count", U32(c.num_experts));
  m.AddU32("afmoe.expert_used_count", U32(c.num_experts_per_tok));
  m.AddU32("afmoe.expert_shared_count", U32(c.num_shared_experts));
  m.AddU32("afmoe.expert_feed_forward_length", U32(c.moe_intermediate_size));
  m.AddU32("afmoe.expert_gating_func", kSigmoidGating);
  m.AddU32("afmoe.expert_group_count", 1);
  m.AddU32("afmoe.expert_group_used_count", 1);
  m.AddF32("afmoe.expert_weights_scale", c.route_scale);
  m.AddBool("afmoe.expert_weights_norm", c.route_norm);
  m.AddU32("afmoe.leading_dense_block_count", U32(c.num_dense_layers));
}

void AddConfig(const Config& c, GgufMetadata& m) {
  m.AddU32("afmoe.block_count", U32(c.num_hidden_layers));
  m.AddU32("afmoe.context_length", U32(c.max_position_embeddings));
  m.AddU32("afmoe.embedding_length", U32(c.hidden_size));
  m.AddU32("afmoe.feed_forward_length", U32(c.intermediate_size));
  AddAttention(c, m);
  AddExperts(c, m);
  m.AddU32("afmoe.vocab_size", U32(c.vocab_size));
  m.AddBool(kMupEnabled, c.mup_enabled);
}

void AddSampling(const GenerationConfig& g, GgufMetadata& m) {
  const auto add = [&](const char* key, const std::optional<double>& value) {
    if (value) m.AddF32(key, static_cast<float>(*value));
  };
  // Without sampling the other values mean nothing.
  if (g.do_sample == false) return m.AddF32("general.sampling.temp", 0);
  const bool samples = g.do_sample.value_or(false) || g.top_k || g.top_p || g.min_p;
  add("general.sampling.temp", g.temperature || !samples ? g.temperature : 1.0);
  if (g.top_k) m.AddI32("general.sampling.top_k", static_cast<int32_t>(*g.top_k));
  add("general.sampling.top_p", g.top_p);
  add("general.sampling.min_p", g.min_p);
  add("general.sampling.penalty_repeat", g.repetition_penalty);
}

// Whether the two can lie over each other in a text, so that it matters which is looked for first.
bool CanOverlap(std::string_view a, std::string_view b) {
  if (a.find(b) != a.npos || b.find(a) != b.npos) return true;
  for (size_t n = 1; n < std::min(a.size(), b.size()); ++n) {
    if (a.substr(a.size() - n) == b.substr(0, n) || b.substr(b.size() - n) == a.substr(0, n)) {
      return true;
    }
  }
  return false;
}

void CheckAddedTokens(const std::vector<AddedToken>& tokens) {
  for (const AddedToken& token : tokens) {
    if (token.lstrip || token.rstrip) {
      Fail("tokenizer: the added token \"{}\" swallows white space, which GGUF cannot say",
           Printable(token.content));
    }
    for (const AddedToken& other : tokens) {
      if (token.normalized == other.normalized) continue;
      if (!CanOverlap(token.content, other.content)) continue;
      Fail(
          "tokenizer: the added tokens \"{}\" and \"{}\" differ in \"normalized\" and can overlap, "
          "which GGUF cannot say",
          Printable(token.content), Printable(other.content));
    }
  }
}

// The tokens of all rows of the embedding.
void AddTokens(const Tokenizer& tokenizer, int64_t vocab_size, GgufMetadata& m) {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  const auto type = [](GgufTokenType t) { return static_cast<int32_t>(t); };
  for (int32_t id = 0; id < vocab_size; ++id) {
    const bool is_there = tokenizer.HasToken(id);
    tokens.push_back(is_there ? tokenizer.SpellingOf(id) : fmt::format("[PAD{}]", id));
    types.push_back(type(is_there ? GgufTokenType::kNormal : GgufTokenType::kUnused));
  }
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (token.id >= vocab_size) {
      Fail("tokenizer: the added token \"{}\" has the id {}: expected ids below vocab_size, {}",
           Printable(token.content), token.id, vocab_size);
    }
    types[static_cast<size_t>(token.id)] =
        type(token.special ? GgufTokenType::kControl : GgufTokenType::kUserDefined);
  }
  m.AddStrings("tokenizer.ggml.tokens", tokens);
  m.AddI32s("tokenizer.ggml.token_type", types);
  std::vector<std::string> merges;
  for (const TokenPair& pair : tokenizer.ListMerges()) {
    merges.push_back(tokenizer.SpellingOf(pair.left) + " " + tokenizer.SpellingOf(pair.right));
  }
  m.AddStrings("tokenizer.ggml.merges", merges);
}

// Which ids stand for the beginning and the ends of a text.
class SpecialIds {
 public:
  SpecialIds(const Config& config, const CheckpointText& text)
      : text_(text),
        around_(text.tokenizer->post_processor()),
        bos_(FindBos(config)),
        ends_(FindEnds(config)) {}

  void AddTo(GgufMetadata& m) const {
    if (bos_) m.AddU32("tokenizer.ggml.bos_token_id", U32(*bos_));
    constexpr const char* kEnds[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"};
    if (ends_.size() > std::size(kEnds)) {
      Fail("eos_token_id: expected at most {} ids that end a text, as GGUF has them, found {}",
           std::size(kEnds), ends_.size());
    }
    for (size_t i = 0; i < ends_.size(); ++i) m.AddU32(kEnds[i], U32(ends_[i]));
    const std::optional<int32_t> pad = text_.generation_config.pad_token_id;
    if (pad) m.AddU32("tokenizer.ggml.padding_token_id", U32(*pad));
    m.AddBool("tokenizer.ggml.add_bos_token", Adds(around_.before, bos_, "before"));
    m.AddBool("tokenizer.ggml.add_eos_token",
              Adds(around_.after, ends_.empty() ? std::nullopt : std::optional(ends_[0]), "after"));
  }

 private:
  static bool Adds(const std::vector<int32_t>& ids, std::optional<int32_t> only,
                   std::string_view side) {
    if (ids.empty()) return false;
    if (ids.size() == 1 && only == ids[0]) return true;
    Fail("tokenizer: post_processor: expected nothing but {} {} a text, as GGUF can say it",
         side == "before" ? "BOS" : "EOS", side);
  }

  std::optional<int32_t> IdOf(const std::optional<std::string>& token) const {
    return token ? text_.tokenizer->FindToken(*token) : std::nullopt;
  }

  std::optional<int32_t> FindBos(const Config& config) const {
    if (around_.before.size() == 1) return around_.before[0];
    if (const auto id = IdOf(text_.tokenizer_config.bos_token)) return id;
    return config.bos_token_id;
  }

  std::vector<int32_t> FindEnds(const Config& config) const {
    std::vector<int32_t> ends;
    const auto add = [&](int32_t id) {
      if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
    };
    if (const auto id = IdOf(text_.tokenizer_config.eos_token)) add(*id);
    const std::vector<int32_t>& stated = text_.generation_config.eos_token_ids;
    for (const int32_t id : stated.empty() ? config.eos_token_ids : stated) add(id);
    return ends;
  }

  const CheckpointText& text_;
  const PostProcessor& around_;
  std::optional<int32_t> bos_;
  std::vector<int32_t> ends_;
};

void AddTemplates(const TokenizerConfig& config, GgufMetadata& m) {
  std::vector<std::string> names;
  for (const auto& [name, text] : config.chat_templates) {
    if (name == "default") {
      m.AddString("tokenizer.chat_template", text);
    } else {
      names.push_back(name);
      m.AddString("tokenizer.chat_template." + name, text);
    }
  }
  if (!names.empty()) m.AddStrings("tokenizer.chat_templates", names);
}

}  // namespace

void AddModelMetadata(const Config& config, const CheckpointText& text, GgufMetadata& metadata) {
  metadata.AddString("general.architecture", "afmoe");
  metadata.AddString("general.type", "model");
  if (!text.name.empty()) metadata.AddString("general.name", text.name);
  AddSampling(text.generation_config, metadata);
  AddConfig(config, metadata);
  if (!text.tokenizer) return;
  if (!text.tokenizer->uses_trinity_pipeline()) {
    Fail(
        "tokenizer: expected the steps of the Trinity tokenizers, for which GGUF has a name: "
        "\"afmoe\"");
  }
  CheckAddedTokens(text.tokenizer->added_tokens());
  metadata.AddString("tokenizer.ggml.model", "gpt2");
  metadata.AddString("tokenizer.ggml.pre", "afmoe");
  AddTokens(*text.tokenizer, config.vocab_size, metadata);
  SpecialIds(config, text).AddTo(metadata);
  AddTemplates(text.tokenizer_config, metadata);
}

void AddFileType(uint32_t file_type, GgufMetadata& metadata) {
  metadata.AddU32("general.file_type", file_type);
  metadata.AddU32("general.quantization_version", kQuantizationVersion);
}

}  // namespace trinity
