#include "tokenizer/model_json.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

// Ids without a token cost memory, so a file may leave out only so many.
constexpr int64_t kMaxUnusedIds = 65536;

void CheckInsertion(Vocabulary::Insertion insertion, std::string_view where, std::string_view token,
                    const TokenizerField& model) {
  if (insertion == Vocabulary::Insertion::kTokenTaken) {
    Fail("{}: the token \"{}\" occurs twice", where, Printable(token));
  }
  if (insertion == Vocabulary::Insertion::kIdTaken) {
    Fail("{}: the token \"{}\" has the id of another token", where, Printable(token));
  }
  if (insertion == Vocabulary::Insertion::kCollides) {
    Fail("{}: too many tokens have hashes that fall together", model.where());
  }
}

Vocabulary ParseVocabulary(const TokenizerField& model,
                           const std::vector<AddedToken>& added_tokens) {
  const TokenizerField field = model.At("vocab");
  auto num_entries = static_cast<int64_t>(added_tokens.size());
  for ([[maybe_unused]] const auto& member : field.Object()) ++num_entries;
  const auto check_id = [&](const std::string& where, int64_t id) {
    if (id < num_entries + kMaxUnusedIds) return;
    Fail("{}: the id {} is too large for {} tokens, expected at most {}", where, id, num_entries,
         num_entries + kMaxUnusedIds - 1);
  };
  Vocabulary vocabulary;
  for (const auto& [token, value] : field.Object()) {
    int64_t id = -1;
    if (value.get_int64().get(id) != simdjson::SUCCESS || id < 0) {
      Fail("{}: expected an id (an integer that is not negative) for \"{}\", found {}",
           field.where(), Printable(token), Describe(value));
    }
    check_id(field.where(), id);
    CheckInsertion(vocabulary.Insert(token, static_cast<int32_t>(id)), field.where(), token, model);
  }
  for (size_t i = 0; i < added_tokens.size(); ++i) {
    const AddedToken& token = added_tokens[i];
    const std::string where = fmt::format("added_tokens[{}]", i);
    const std::optional<int32_t> known = vocabulary.Find(token.content);
    if (known == token.id) continue;
    if (known) {
      Fail("{}: expected the id {} for {} \"{}\", as in added_tokens, found {}", field.where(),
           token.id, where, Printable(token.content), *known);
    }
    check_id(model.where() + ", " + where, token.id);
    CheckInsertion(vocabulary.Insert(token.content, token.id), model.where() + ", " + where,
                   token.content, model);
  }
  return vocabulary;
}

// Without all of them some text would have no ids. With all of them unk_token, fuse_unk and
// byte_fallback, which say what to do with unknown characters, never apply.
void CheckByteSymbols(const Vocabulary& vocabulary, const TokenizerField& model) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string symbol = SpellingOfByte(static_cast<uint8_t>(byte));
    if (vocabulary.Find(symbol)) continue;
    Fail(
        "{}.vocab: expected a token for each of the 256 byte symbols, found none for byte {:#04x} "
        "(\"{}\")",
        model.where(), byte, symbol);
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

class MergeReader {
 public:
  MergeReader(const TokenizerField& field, const Vocabulary& vocabulary)
      : field_(field), vocabulary_(vocabulary) {}

  MergeTable Run() {
    for (const simdjson::dom::element item : field_.Array()) {
      const std::optional<MergeText> merge = ParseMerge(item);
      if (!merge) {
        Fail("{}: expected two tokens, \"a b\" or [\"a\", \"b\"], found {}", Where(),
             Describe(item));
      }
      Add(*merge);
      ++rank_;
    }
    return std::move(table_);
  }

 private:
  std::string Where() const { return fmt::format("{}[{}]", field_.where(), rank_); }

  int32_t IdOf(std::string_view token) {
    const std::optional<int32_t> id = vocabulary_.Find(token);
    if (!id || !vocabulary_.IsOfByteAlphabet(*id)) {
      Fail("{}: expected tokens of the vocabulary, found \"{}\"", Where(), Printable(token));
    }
    return *id;
  }

  void Add(const MergeText& merge) {
    const int32_t left = IdOf(merge.left);
    const int32_t right = IdOf(merge.right);
    joined_ = vocabulary_.BytesOf(left);
    joined_ += vocabulary_.BytesOf(right);
    const std::optional<int32_t> product = vocabulary_.FindBytes(joined_);
    if (!product) {
      Fail("{}: expected a merge whose product is in the vocabulary, found \"{}\" and \"{}\"",
           Where(), Printable(merge.left), Printable(merge.right));
    }
    const auto insertion = table_.Insert(left, right, {rank_, *product});
    if (insertion == MergeTable::Insertion::kPairTaken) {
      Fail("{}: the merge of \"{}\" and \"{}\" occurs twice", Where(), Printable(merge.left),
           Printable(merge.right));
    }
    if (insertion == MergeTable::Insertion::kCollides) {
      Fail("{}: too many merges have hashes that fall together", field_.where());
    }
  }

  const TokenizerField& field_;
  const Vocabulary& vocabulary_;
  MergeTable table_;
  int32_t rank_ = 0;
  std::string joined_;
};

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
  Vocabulary vocabulary = ParseVocabulary(field, added_tokens);
  CheckByteSymbols(vocabulary, field);
  MergeTable merges = MergeReader(field.At("merges"), vocabulary).Run();
  std::vector<int32_t> added_ids;
  added_ids.reserve(added_tokens.size());
  for (const AddedToken& token : added_tokens) added_ids.push_back(token.id);
  using Whole = BytePairEncoding::WholePieces;
  return std::make_unique<const BytePairEncoding>(
      std::move(vocabulary), std::move(merges), ignore_merges ? Whole::kTakeDirect : Whole::kMerge,
      added_ids);
}

}  // namespace trinity
