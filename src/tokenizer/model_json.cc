#include "tokenizer/model_json.h"

#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "tokenizer/bpe_builder.h"

namespace trinity {
namespace {

// Ids without a token cost memory, so a file may leave out only so many.
constexpr int64_t kMaxUnusedIds = 65536;

void AddTokens(const TokenizerField& model, const std::vector<AddedToken>& added_tokens,
               BpeBuilder& builder) {
  const TokenizerField field = model.At("vocab");
  auto num_entries = static_cast<int64_t>(added_tokens.size());
  for ([[maybe_unused]] const auto& member : field.Object()) ++num_entries;
  const auto check_id = [&](const std::string& where, int64_t id) {
    if (id < num_entries + kMaxUnusedIds) return;
    Fail("{}: the id {} is too large for {} tokens, expected at most {}", where, id, num_entries,
         num_entries + kMaxUnusedIds - 1);
  };
  for (const auto& [token, value] : field.Object()) {
    int64_t id = -1;
    if (value.get_int64().get(id) != simdjson::SUCCESS || id < 0) {
      Fail("{}: expected an id (an integer that is not negative) for \"{}\", found {}",
           field.where(), Printable(token), Describe(value));
    }
    check_id(field.where(), id);
    builder.AddToken(field.where(), token, static_cast<int32_t>(id));
  }
  for (size_t i = 0; i < added_tokens.size(); ++i) {
    const AddedToken& token = added_tokens[i];
    const std::string where = fmt::format("added_tokens[{}]", i);
    const std::optional<int32_t> known = builder.Find(token.content);
    if (known == token.id) continue;
    if (known) {
      Fail("{}: expected the id {} for {} \"{}\", as in added_tokens, found {}", field.where(),
           token.id, where, Printable(token.content), *known);
    }
    check_id(model.where() + ", " + where, token.id);
    builder.AddToken(model.where() + ", " + where, token.content, token.id);
  }
}

struct MergeText {
  std::string_view left;
  std::string_view right;
};

// "a b" or ["a", "b"]. Where it stands is worked out only for a message: there are many.
std::optional<MergeText> ParseMerge(simdjson::dom::element value) {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    const size_t space = text.find(' ');
    if (space == text.npos || text.find(' ', space + 1) != text.npos) return std::nullopt;
    return MergeText{text.substr(0, space), text.substr(space + 1)};
  }
  simdjson::dom::array pair;
  if (value.get_array().get(pair) != simdjson::SUCCESS || pair.size() != 2) return std::nullopt;
  MergeText merge;
  if (pair.at(0).get_string().get(merge.left) != simdjson::SUCCESS) return std::nullopt;
  if (pair.at(1).get_string().get(merge.right) != simdjson::SUCCESS) return std::nullopt;
  return merge;
}

void AddMerges(const TokenizerField& field, BpeBuilder& builder) {
  for (const simdjson::dom::element item : field.Array()) {
    const std::optional<MergeText> merge = ParseMerge(item);
    if (!merge) {
      Fail("{}: expected two tokens, \"a b\" or [\"a\", \"b\"], found {}", builder.WhereMerge(),
           Describe(item));
    }
    builder.AddMerge(merge->left, merge->right);
  }
}

void RefuseAffix(const TokenizerField& model, std::string_view key) {
  const std::optional<TokenizerField> affix = model.Find(key);
  if (affix && !affix->String().empty()) affix->Refuse("null (it is not implemented)");
}

}  // namespace

std::unique_ptr<const BytePairEncoding> ParseModel(const TokenizerField& field,
                                                   const std::vector<AddedToken>& added_tokens) {
  if (const auto type = field.Find("type"); type && type->String() != "BPE") type->Refuse("BPE");
  field.CheckKeys({"type", "dropout", "unk_token", "continuing_subword_prefix",
                   "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                   "merges"});
  if (const auto dropout = field.Find("dropout"); dropout && !dropout->IsZero()) {
    dropout->Refuse("null or 0 (it is not implemented)");
  }
  RefuseAffix(field, "continuing_subword_prefix");
  RefuseAffix(field, "end_of_word_suffix");
  if (const auto unknown = field.Find("unk_token")) unknown->String();
  field.BoolOf("fuse_unk", false);
  field.BoolOf("byte_fallback", false);
  const bool ignore_merges = field.BoolOf("ignore_merges", false);
  BpeBuilder builder(field.where() + ".vocab", field.At("merges").where());
  AddTokens(field, added_tokens, builder);
  AddMerges(field.At("merges"), builder);
  std::vector<int32_t> added_ids;
  added_ids.reserve(added_tokens.size());
  for (const AddedToken& token : added_tokens) added_ids.push_back(token.id);
  using Whole = BytePairEncoding::WholePieces;
  return builder.Build(ignore_merges ? Whole::kTakeDirect : Whole::kMerge, added_ids);
}

}  // namespace trinity
