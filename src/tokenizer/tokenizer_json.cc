#include "tokenizer/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "tokenizer/model_json.h"
#include "tokenizer/pre_tokenizer_json.h"
#include "tokenizer/tokenizer_field.h"

namespace trinity {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kMaxDepth = 64;
constexpr int kMaxSequenceDepth = 8;
constexpr size_t kMaxAddedTokenBytes = 1024;
constexpr size_t kMaxTemplateIds = 1024;

// Only a normalizer that changes nothing: null, or a Sequence of such.
void CheckNormalizer(const TokenizerField& normalizer) {
  const TokenizerField type = normalizer.At("type");
  if (type.String() != "Sequence") type.Refuse("none, or Sequence of none");
  normalizer.CheckKeys({"type", "normalizers"});
  for (const TokenizerField& item : normalizer.At("normalizers").Items()) CheckNormalizer(item);
}

void CheckDecoder(const TokenizerField& decoder) {
  const TokenizerField type = decoder.At("type");
  if (type.String() != "ByteLevel") type.Refuse("ByteLevel");
  decoder.CheckKeys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

AddedToken ParseAddedToken(const TokenizerField& field) {
  field.CheckKeys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  token.id = field.At("id").Id();
  const TokenizerField content = field.At("content");
  token.content = content.String();
  if (token.content.empty() || token.content.size() > kMaxAddedTokenBytes) {
    Fail("{}: expected 1 to {} bytes, found {}", content.where(), kMaxAddedTokenBytes,
         token.content.size());
  }
  token.special = field.BoolOf("special", false);
  token.normalized = field.BoolOf("normalized", !token.special);
  token.lstrip = field.BoolOf("lstrip", false);
  token.rstrip = field.BoolOf("rstrip", false);
  if (field.BoolOf("single_word", false)) {
    Fail("{}.single_word: expected false (whole words only is not implemented), found true",
         field.where());
  }
  return token;
}

std::vector<AddedToken> ParseAddedTokens(const TokenizerField& root) {
  std::vector<AddedToken> tokens;
  const std::optional<TokenizerField> list = root.Find("added_tokens");
  if (!list) return tokens;
  std::unordered_set<std::string> contents;
  for (const TokenizerField& item : list->Items()) {
    tokens.push_back(ParseAddedToken(item));
    if (!contents.insert(tokens.back().content).second) {
      Fail("{}.content: \"{}\" occurs twice", item.where(), Printable(tokens.back().content));
    }
  }
  return tokens;
}

// The ids of a special token that the template names.
void AppendTemplateIds(const TokenizerField& piece, const TokenizerField& special_tokens,
                       std::vector<int32_t>& ids) {
  piece.CheckKeys({"id", "type_id"});
  const TokenizerField token = special_tokens.At(piece.At("id").String());
  token.CheckKeys({"id", "ids", "tokens"});
  for (const TokenizerField& id : token.At("ids").Items()) ids.push_back(id.Id());
}

// Wraps `processor` into the template for a single text: special tokens around one sequence A.
void ApplyTemplate(const TokenizerField& field, PostProcessor& processor) {
  field.CheckKeys({"type", "single", "pair", "special_tokens"});
  const TokenizerField single = field.At("single");
  const TokenizerField special_tokens = field.At("special_tokens");
  std::vector<int32_t> before;
  std::vector<int32_t> after;
  bool has_sequence = false;
  for (const TokenizerField& piece : single.Items()) {
    piece.CheckKeys({"SpecialToken", "Sequence"});
    if (const auto special = piece.Find("SpecialToken")) {
      AppendTemplateIds(*special, special_tokens, has_sequence ? after : before);
      continue;
    }
    const TokenizerField id = piece.At("Sequence").At("id");
    if (id.String() != "A" || has_sequence) id.Refuse("the sequence A once");
    has_sequence = true;
  }
  if (!has_sequence) Fail("{}: expected the sequence A once, found none", single.where());
  processor.before.insert(processor.before.begin(), before.begin(), before.end());
  processor.after.insert(processor.after.end(), after.begin(), after.end());
  if (processor.before.size() + processor.after.size() > kMaxTemplateIds) {
    Fail("{}: expected at most {} special ids around a text", single.where(), kMaxTemplateIds);
  }
}

void ApplyPostProcessor(const TokenizerField& field, int depth, PostProcessor& processor) {
  const TokenizerField type = field.At("type");
  if (type.String() == "TemplateProcessing") return ApplyTemplate(field, processor);
  if (type.String() == "ByteLevel") {
    // It moves offsets, which nothing here reads.
    return field.CheckKeys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  }
  if (type.String() != "Sequence" || depth == kMaxSequenceDepth) {
    type.Refuse("ByteLevel, TemplateProcessing or Sequence");
  }
  field.CheckKeys({"type", "processors"});
  for (const TokenizerField& item : field.At("processors").Items()) {
    ApplyPostProcessor(item, depth + 1, processor);
  }
}

// `model` knows the added tokens by now.
PostProcessor ParsePostProcessor(const TokenizerField& root, const BytePairEncoding& model) {
  PostProcessor processor;
  const std::optional<TokenizerField> field = root.Find("post_processor");
  if (!field) return processor;
  ApplyPostProcessor(*field, 0, processor);
  for (const auto* ids : {&processor.before, &processor.after}) {
    for (const int32_t id : *ids) {
      if (model.vocabulary().Has(id)) continue;
      Fail("{}: expected ids of tokens, found {}, which no token has", field->where(), id);
    }
  }
  return processor;
}

void RefuseIfPresent(const TokenizerField& root, std::string_view key) {
  if (const auto field = root.Find(key)) field->Refuse("null (it is not implemented)");
}

TokenizerParts Parse(const TokenizerField& root) {
  root.CheckKeys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                  "post_processor", "decoder", "model"});
  if (const auto version = root.Find("version"); version && version->String() != "1.0") {
    version->Refuse("\"1.0\"");
  }
  RefuseIfPresent(root, "truncation");
  RefuseIfPresent(root, "padding");
  if (const auto normalizer = root.Find("normalizer")) CheckNormalizer(*normalizer);
  CheckDecoder(root.At("decoder"));
  TokenizerParts result;
  result.pre_tokenizer =
      std::make_unique<const PreTokenizer>(ParsePreTokenizer(root.At("pre_tokenizer")));
  std::vector<AddedToken> added_tokens = ParseAddedTokens(root);
  result.model = ParseModel(root.At("model"), added_tokens);
  result.added_tokens = std::make_unique<const AddedTokens>(std::move(added_tokens));
  result.post_processor = ParsePostProcessor(root, *result.model);
  return result;
}

}  // namespace

TokenizerParts LoadTokenizerJson(const std::string& path) {
  std::string text = ReadTextFile(path, kMaxFileBytes);
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  simdjson::error_code error = parser.allocate(std::max<size_t>(text.size(), 1), kMaxDepth);
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size(), false).get(root);
  if (error == simdjson::DEPTH_ERROR) {
    Fail("{}: JSON is nested deeper than {} levels", path, kMaxDepth);
  }
  if (error != simdjson::SUCCESS) {
    Fail("{}: not valid JSON: {}", path, Printable(simdjson::error_message(error)));
  }
  return Parse(TokenizerField(root, path + ":"));
}

}  // namespace trinity
