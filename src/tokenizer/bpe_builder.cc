#include "tokenizer/bpe_builder.h"

#include <utility>

#include "base/error.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {

void BpeBuilder::AddToken(std::string_view where, std::string_view spelling, int32_t id) {
  switch (vocabulary_.Insert(spelling, id)) {
    case Vocabulary::Insertion::kDone:
      return;
    case Vocabulary::Insertion::kTokenTaken:
      Fail("{}: the token \"{}\" occurs twice", where, Printable(spelling));
    case Vocabulary::Insertion::kIdTaken:
      Fail("{}: the token \"{}\" has the id of another token", where, Printable(spelling));
    case Vocabulary::Insertion::kCollides:
      Fail("{}: too many tokens have hashes that fall together", tokens_where_);
  }
}

std::string BpeBuilder::WhereMerge() const { return fmt::format("{}[{}]", merges_where_, rank_); }

int32_t BpeBuilder::IdOfPart(std::string_view token) const {
  const std::optional<int32_t> id = vocabulary_.Find(token);
  if (!id || !vocabulary_.IsOfByteAlphabet(*id)) {
    Fail("{}: expected tokens of the vocabulary, found \"{}\"", WhereMerge(), Printable(token));
  }
  return *id;
}

void BpeBuilder::AddMerge(std::string_view left, std::string_view right) {
  const int32_t left_id = IdOfPart(left);
  const int32_t right_id = IdOfPart(right);
  joined_ = vocabulary_.BytesOf(left_id);
  joined_ += vocabulary_.BytesOf(right_id);
  const std::optional<int32_t> product = vocabulary_.FindBytes(joined_);
  if (!product) {
    Fail("{}: expected a merge whose product is in the vocabulary, found \"{}\" and \"{}\"",
         WhereMerge(), Printable(left), Printable(right));
  }
  const auto insertion = merges_.Insert(left_id, right_id, {rank_, *product});
  if (insertion == MergeTable::Insertion::kPairTaken) {
    Fail("{}: the merge of \"{}\" and \"{}\" occurs twice", WhereMerge(), Printable(left),
         Printable(right));
  }
  if (insertion == MergeTable::Insertion::kCollides) {
    Fail("{}: too many merges have hashes that fall together", merges_where_);
  }
  ++rank_;
}

// Without all of them some text would have no ids. With all of them what a file says on unknown
// characters (unk_token, fuse_unk, byte_fallback) never applies.
void BpeBuilder::RequireByteSymbols() const {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string symbol = SpellingOfByte(static_cast<uint8_t>(byte));
    if (vocabulary_.Find(symbol)) continue;
    Fail(
        "{}: expected a token for each of the 256 byte symbols, found none for byte {:#04x} "
        "(\"{}\")",
        tokens_where_, byte, symbol);
  }
}

std::unique_ptr<const BytePairEncoding> BpeBuilder::Build(
    BytePairEncoding::WholePieces whole_pieces, std::span<const int32_t> never_whole) {
  RequireByteSymbols();
  return std::make_unique<const BytePairEncoding>(std::move(vocabulary_), std::move(merges_),
                                                  whole_pieces, never_whole);
}

}  // namespace trinity
