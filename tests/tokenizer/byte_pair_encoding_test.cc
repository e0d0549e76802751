#include "tokenizer/byte_pair_encoding.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "base/random.h"
#include "tokenizer/byte_alphabet.h"

namespace trinity {
namespace {

using Ids = std::vector<int32_t>;

// A BPE of random merges, once as built and once as plain maps.
struct RandomBpe {
  Vocabulary vocabulary;
  MergeTable merges;
  std::map<std::pair<int32_t, int32_t>, Merge> rules;
};

// Merges over few letters, products of products among them, in no order of length.
RandomBpe MakeRandomBpe(uint64_t seed, int num_merges) {
  RandomBpe bpe;
  for (int byte = 0; byte < 256; ++byte) {
    bpe.vocabulary.Insert(SpellingOfByte(static_cast<uint8_t>(byte)), byte);
  }
  const auto draw = [&](uint64_t i, uint64_t stream) {
    const auto known = static_cast<uint32_t>(bpe.vocabulary.num_tokens()) - 256;
    const uint32_t pick = RandomBits(seed, stream, i)[0] % (4 + known);
    return static_cast<int32_t>(pick < 4 ? 'a' + pick : 256 + pick - 4);
  };
  for (uint64_t i = 0; bpe.merges.num_merges() < num_merges; ++i) {
    const int32_t left = draw(i, 0);
    const int32_t right = draw(i, 1);
    const std::string joined =
        std::string(bpe.vocabulary.BytesOf(left)) + std::string(bpe.vocabulary.BytesOf(right));
    if (joined.size() > 20) continue;
    if (!bpe.vocabulary.Find(joined)) bpe.vocabulary.Insert(joined, bpe.vocabulary.num_ids());
    const Merge merge{static_cast<int32_t>(bpe.merges.num_merges()), *bpe.vocabulary.Find(joined)};
    if (bpe.merges.Insert(left, right, merge) == MergeTable::Insertion::kDone) {
      bpe.rules[{left, right}] = merge;
    }
  }
  return bpe;
}

// The definition: join the leftmost pair of the lowest rank until none is left.
Ids NaiveEncode(const RandomBpe& bpe, const std::string& piece) {
  Ids ids;
  for (const char c : piece) ids.push_back(static_cast<uint8_t>(c));
  while (true) {
    const Merge* best = nullptr;
    size_t best_at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto rule = bpe.rules.find({ids[i], ids[i + 1]});
      if (rule == bpe.rules.end() || (best != nullptr && best->rank <= rule->second.rank)) continue;
      best = &rule->second;
      best_at = i;
    }
    if (best == nullptr) return ids;
    ids[best_at] = best->product;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best_at) + 1);
  }
}

std::string RandomPiece(uint64_t seed, uint64_t index, size_t most) {
  std::string piece;
  const size_t size = 1 + RandomBits(seed, 2, index)[0] % most;
  for (size_t i = 0; i < size; ++i) {
    const uint32_t letter = RandomBits(seed, 3 + index, i)[0] % 9;
    piece.push_back(static_cast<char>('a' + letter / 2));  // four letters often, a fifth seldom
  }
  return piece;
}

TEST(BytePairEncoding, EqualsTheNaiveDefinitionOnRandomPieces) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const RandomBpe bpe = MakeRandomBpe(seed, 20 + 40 * static_cast<int>(seed));
    const BytePairEncoding model(bpe.vocabulary, bpe.merges, BytePairEncoding::WholePieces::kMerge);
    BytePairEncoding::Scratch scratch;
    for (uint64_t i = 0; i < 1500; ++i) {
      const std::string piece = RandomPiece(seed, i, i % 3 == 0 ? 200 : 40);
      const Ids expected = NaiveEncode(bpe, piece);
      for (int twice = 0; twice < 2; ++twice) {  // the second time stability is known
        Ids ids;
        model.Encode(piece, scratch, ids);
        ASSERT_EQ(ids, expected) << seed << " " << piece;
      }
    }
  }
}

TEST(BytePairEncoding, MergesTheLeftmostOfEqualPairsFirst) {
  RandomBpe bpe = MakeRandomBpe(0, 0);
  bpe.vocabulary.Insert("aa", 256);
  bpe.merges.Insert('a', 'a', {0, 256});
  const BytePairEncoding model(bpe.vocabulary, bpe.merges, BytePairEncoding::WholePieces::kMerge);
  BytePairEncoding::Scratch scratch;
  for (const size_t length : {3, 31, 33, 1001}) {
    Ids ids;
    model.Encode(std::string(length, 'a'), scratch, ids);
    Ids expected(length / 2, 256);
    expected.push_back('a');
    EXPECT_EQ(ids, expected);
  }
}

TEST(BytePairEncoding, TakesWholePiecesOnlyWhereMergesAreIgnored) {
  RandomBpe bpe = MakeRandomBpe(0, 0);
  bpe.vocabulary.Insert("xyz", 256);
  bpe.vocabulary.Insert("<s>", 257);
  const Ids added = {257};
  using Whole = BytePairEncoding::WholePieces;
  const BytePairEncoding merging(bpe.vocabulary, bpe.merges, Whole::kMerge, added);
  const BytePairEncoding direct(bpe.vocabulary, bpe.merges, Whole::kTakeDirect, added);
  BytePairEncoding::Scratch scratch;
  Ids ids;
  merging.Encode("xyz", scratch, ids);
  EXPECT_EQ(ids, (Ids{'x', 'y', 'z'}));
  ids.clear();
  direct.Encode("xyz", scratch, ids);
  EXPECT_EQ(ids, Ids{256});
  ids.clear();
  direct.Encode("<s>", scratch, ids);
  EXPECT_EQ(ids, (Ids{'<', 's', '>'}));
}

}  // namespace
}  // namespace trinity
