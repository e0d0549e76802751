// Our BPE against its definition: join the leftmost pair of the lowest rank until none is left. The
// input is merges, one a line ("a b": of the letters a to h and of products before), then a text.

#include <map>
#include <string>
#include <utility>

#include "base/check.h"
#include "fuzz/input_parts.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_pair_encoding.h"

namespace trinity {
namespace {

using Ids = std::vector<int32_t>;
using Rules = std::map<std::pair<int32_t, int32_t>, Merge>;

constexpr size_t kMaxTokenBytes = 64;
constexpr size_t kMaxPieceBytes = 512;

Vocabulary ByteVocabulary() {
  Vocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.Insert(SpellingOfByte(static_cast<uint8_t>(byte)), byte);
  }
  return vocabulary;
}

// Takes one line off `rest`.
std::string_view TakeLine(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
  return line;
}

Rules ReadRules(std::string_view lines, Vocabulary& vocabulary, MergeTable& merges) {
  Rules rules;
  while (!lines.empty()) {
    const std::string_view line = TakeLine(lines);
    const size_t space = line.find(' ');
    if (space == line.npos || line.size() > kMaxTokenBytes) continue;
    const auto left = vocabulary.FindBytes(line.substr(0, space));
    const auto right = vocabulary.FindBytes(line.substr(space + 1));
    if (!left || !right) continue;
    std::string joined(vocabulary.BytesOf(*left));
    joined += vocabulary.BytesOf(*right);
    if (!vocabulary.FindBytes(joined)) {
      std::string spelling;
      for (const char c : joined) spelling += SpellingOfByte(static_cast<uint8_t>(c));
      vocabulary.Insert(spelling, vocabulary.num_ids());
    }
    const Merge merge{static_cast<int32_t>(rules.size()), *vocabulary.FindBytes(joined)};
    const bool is_new = merges.Insert(*left, *right, merge) == MergeTable::Insertion::kDone;
    TRINITY_CHECK(is_new == rules.try_emplace({*left, *right}, merge).second);
  }
  return rules;
}

Ids NaiveEncode(const Rules& rules, std::string_view piece) {
  Ids ids;
  for (const char c : piece) ids.push_back(static_cast<uint8_t>(c));
  while (true) {
    const Merge* best = nullptr;
    size_t best_at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto rule = rules.find({ids[i], ids[i + 1]});
      if (rule == rules.end() || (best != nullptr && best->rank <= rule->second.rank)) continue;
      best = &rule->second;
      best_at = i;
    }
    if (best == nullptr) return ids;
    ids[best_at] = best->product;
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(best_at) + 1);
  }
}

void CheckPieces(std::string_view lines, std::string_view text) {
  Vocabulary vocabulary = ByteVocabulary();
  MergeTable merges;
  const Rules rules = ReadRules(lines, vocabulary, merges);
  const Vocabulary known = vocabulary;
  const BytePairEncoding merging(vocabulary, merges, BytePairEncoding::WholePieces::kMerge);
  const BytePairEncoding whole(vocabulary, merges, BytePairEncoding::WholePieces::kTakeDirect);
  BytePairEncoding::Scratch scratch;
  while (!text.empty()) {
    const std::string_view piece = TakeLine(text).substr(0, kMaxPieceBytes);
    if (piece.empty()) continue;
    Ids expected = NaiveEncode(rules, piece);
    // Twice: what the first call found out about a token must not change the second.
    for (int i = 0; i < 2; ++i) {
      Ids ids;
      merging.Encode(piece, scratch, ids);
      TRINITY_CHECK(ids == expected);
    }
    if (const auto token = known.FindBytes(piece)) expected = {*token};
    Ids ids;
    whole.Encode(piece, scratch, ids);
    TRINITY_CHECK(ids == expected);
  }
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string_view> parts = trinity::InputParts(data, size, 2);
  trinity::CheckPieces(parts[0], parts[1]);
  return 0;
}
