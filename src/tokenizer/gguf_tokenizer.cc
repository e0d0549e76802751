#include "tokenizer/gguf_tokenizer.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "tokenizer/bpe_builder.h"
#include "tokenizer/gguf_keys.h"
#include "tokenizer/trinity_pipeline.h"

namespace trinity {
namespace {

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kMerges = "tokenizer.ggml.merges";
constexpr std::string_view kTypes = "tokenizer.ggml.token_type";
constexpr size_t kMaxAddedTokenBytes = 1024;  // as in tokenizer.json

class GgufTokenizerReader {
 public:
  GgufTokenizerReader(const Json& metadata, const std::string& origin)
      : keys_(metadata, origin), builder_(keys_.Where(kTokens), keys_.Where(kMerges)) {}

  TokenizerParts Read() {
    CheckPipeline();
    AddTokens();
    AddMerges();
    TokenizerParts parts;
    parts.pre_tokenizer = std::make_unique<const PreTokenizer>(TrinityPreTokenizerSteps());
    std::vector<int32_t> added_ids;
    for (const AddedToken& token : added_tokens_) added_ids.push_back(token.id);
    parts.model = builder_.Build(BytePairEncoding::WholePieces::kMerge, added_ids);
    parts.added_tokens = std::make_unique<const AddedTokens>(std::move(added_tokens_));
    parts.post_processor = ReadPostProcessor(*parts.model);
    return parts;
  }

 private:
  void RequireString(std::string_view key, std::string_view only) const {
    const std::optional<std::string> found = keys_.FindString(key);
    if (!found) Fail("{}: is missing: expected \"{}\"", keys_.Where(key), only);
    if (*found != only) {
      keys_.Refuse(key, fmt::format("\"{}\" (the only one implemented)", only), *found);
    }
  }

  // Other tokenizers know these steps; the Trinity pipeline has none of them.
  void CheckPipeline() const {
    RequireString("tokenizer.ggml.model", "gpt2");
    RequireString("tokenizer.ggml.pre", "afmoe");
    for (const char* key :
         {"tokenizer.ggml.add_space_prefix", "tokenizer.ggml.remove_extra_whitespaces"}) {
      const std::optional<bool> value = keys_.FindBoolean(key);
      if (value.value_or(false)) keys_.Refuse(key, "false (it is not implemented)", *value);
    }
    if (keys_.Find("tokenizer.ggml.precompiled_charsmap") != nullptr) {
      Fail("{}: expected no such key (it is not implemented)",
           keys_.Where("tokenizer.ggml.precompiled_charsmap"));
    }
  }

  void AddTokens() {
    const Json& tokens = keys_.Array(kTokens);
    const Json& types = keys_.Array(kTypes);
    if (types.size() != tokens.size()) {
      Fail("{}: expected as many as {}, {}, found {}", keys_.Where(kTypes), kTokens, tokens.size(),
           types.size());
    }
    const std::string where = keys_.Where(kTokens);
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!tokens[i].is_string()) keys_.Refuse(kTokens, "strings", tokens[i]);
      AddToken(where, tokens[i].get_ref<const std::string&>(), static_cast<int32_t>(i), types[i]);
    }
  }

  void AddToken(const std::string& where, const std::string& text, int32_t id, const Json& type) {
    const auto is = [&](GgufTokenType t) { return type == static_cast<int32_t>(t); };
    if (is(GgufTokenType::kUnused)) return;
    const bool is_added = is(GgufTokenType::kControl) || is(GgufTokenType::kUserDefined);
    if (!is_added && !is(GgufTokenType::kNormal)) {
      keys_.Refuse(kTypes, "1 (normal), 3 (control), 4 (user-defined) or 5 (unused)", type);
    }
    if (text.empty()) Fail("{}[{}]: expected a token, found an empty string", where, id);
    builder_.AddToken(where, text, id);
    if (!is_added) return;
    if (text.size() > kMaxAddedTokenBytes) {
      Fail("{}[{}]: expected at most {} bytes in an added token, found {}", where, id,
           kMaxAddedTokenBytes, text.size());
    }
    AddedToken token;
    token.id = id;
    token.content = text;
    token.special = is(GgufTokenType::kControl);
    added_tokens_.push_back(std::move(token));
  }

  void AddMerges() {
    for (const Json& item : keys_.Array(kMerges)) {
      const std::string* text = item.get_ptr<const std::string*>();
      const size_t space = text == nullptr ? std::string::npos : text->find(' ');
      if (space == std::string::npos || text->find(' ', space + 1) != std::string::npos) {
        Fail("{}: expected two tokens, \"a b\", found {}", builder_.WhereMerge(),
             Printable(item.dump()));
      }
      const std::string_view pair = *text;
      builder_.AddMerge(pair.substr(0, space), pair.substr(space + 1));
    }
  }

  // The ids that go around a text.
  PostProcessor ReadPostProcessor(const BytePairEncoding& model) const {
    PostProcessor processor;
    const std::optional<int32_t> bos = FindTokenId("tokenizer.ggml.bos_token_id", model);
    const std::optional<int32_t> eos = FindTokenId("tokenizer.ggml.eos_token_id", model);
    AppendIf("tokenizer.ggml.add_bos_token", bos.has_value(), bos, processor.before);
    AppendIf("tokenizer.ggml.add_eos_token", false, eos, processor.after);
    return processor;
  }

  void AppendIf(std::string_view key, bool if_missing, std::optional<int32_t> id,
                std::vector<int32_t>& ids) const {
    if (!keys_.FindBoolean(key).value_or(if_missing)) return;
    if (!id) Fail("{}: is true, but there is no id of that token", keys_.Where(key));
    ids.push_back(*id);
  }

  std::optional<int32_t> FindTokenId(std::string_view key, const BytePairEncoding& model) const {
    const std::optional<int32_t> id = keys_.FindId(key);
    if (id && !model.vocabulary().Has(*id)) keys_.Refuse(key, "the id of a token", *id);
    return id;
  }

  GgufKeys keys_;
  BpeBuilder builder_;
  std::vector<AddedToken> added_tokens_;
};

}  // namespace

TokenizerParts ReadGgufTokenizer(const Json& metadata, const std::string& origin) {
  return GgufTokenizerReader(metadata, origin).Read();
}

}  // namespace trinity
