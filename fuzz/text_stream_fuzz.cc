// TextStream: the bytes of the input, cut into tokens in two ways and with special tokens between,
// give whole UTF-8 characters, and together the same text.

#include "base/check.h"
#include "base/utf8.h"
#include "fuzz/byte_alphabet_json.h"
#include "fuzz/input_parts.h"
#include "fuzz/scratch_file.h"
#include "tokenizer/text_stream.h"

namespace trinity {
namespace {

constexpr int32_t kSpecial = 300;
constexpr int32_t kNoToken = 290;

// Bytes, a few tokens of more bytes that begin or end inside a character, and a special token.
Tokenizer MakeTokenizer() {
  ScratchFile file;
  file.Write(WithByteAlphabet(
      R"({"version": "1.0", "added_tokens": [{"id": 300, "content": "<s>", "special": true,
      "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
      "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {@BYTES@,
      "\u00f0\u0141": 256, "\u013b\u0124": 257, "\u00e2\u0124": 258, "\u00ac\u00e2": 259},
      "merges": ["\u00f0 \u0141", "\u013b \u0124", "\u00e2 \u0124", "\u00ac \u00e2"]}})"));
  return Tokenizer::Load(file.path());
}

// Every released piece is valid, and the pieces are the text of the ids.
std::string StreamedText(const Tokenizer& tokenizer, const std::vector<int32_t>& ids,
                         DecodeSpecial special) {
  TextStream stream(tokenizer, special);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = stream.Append(id);
    TRINITY_CHECK(IsUtf8(piece));
    text += piece;
  }
  const std::string end = stream.Finish();
  TRINITY_CHECK(IsUtf8(end) && stream.Finish().empty());
  return text + end;
}

void CheckStream(std::string_view input) {
  static const Tokenizer tokenizer = MakeTokenizer();
  std::vector<int32_t> bytes, mixed;
  for (const char c : input) {
    bytes.push_back(static_cast<uint8_t>(c));
    mixed.push_back(static_cast<uint8_t>(c));
    // Bytes that are never part of UTF-8 stand for tokens that are no single byte.
    if (const auto byte = static_cast<uint8_t>(c); byte >= 0xF8) {
      mixed.back() = byte == 0xFF ? kSpecial : byte == 0xFE ? kNoToken : 256 + byte % 4;
    }
  }
  TRINITY_CHECK(StreamedText(tokenizer, bytes, DecodeSpecial::kKeep) == ToValidUtf8(input));
  const std::vector<int32_t> merged =
      tokenizer.Encode(ToValidUtf8(input), SpecialTokens::kLeaveOut, AddedTokensInText::kPlain);
  TRINITY_CHECK(StreamedText(tokenizer, merged, DecodeSpecial::kKeep) == ToValidUtf8(input));
  for (const auto special : {DecodeSpecial::kKeep, DecodeSpecial::kSkip}) {
    TRINITY_CHECK(StreamedText(tokenizer, mixed, special) == tokenizer.Decode(mixed, special));
  }
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckStream(trinity::InputText(data, size));
  return 0;
}
