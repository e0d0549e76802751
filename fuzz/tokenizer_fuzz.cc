// tokenizer.json and a text for it. "@BYTES@" stands for the vocabulary's 256 bytes.

#include "base/check.h"
#include "base/utf8.h"
#include "fuzz/byte_alphabet_json.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"
#include "tokenizer/tokenizer.h"

namespace trinity {
namespace {

void CheckText(const Tokenizer& tokenizer, std::string_view text) {
  for (const auto added : {AddedTokensInText::kRecognise, AddedTokensInText::kPlain}) {
    const std::vector<int32_t> ids = tokenizer.Encode(text, SpecialTokens::kAdd, added);
    const std::vector<int32_t> bare = tokenizer.Encode(text, SpecialTokens::kLeaveOut, added);
    TRINITY_CHECK(bare.size() <= ids.size());
    for (const int32_t id : ids) TRINITY_CHECK(id >= 0);
    std::string bytes;
    for (const int32_t id : ids) bytes += tokenizer.BytesOf(id);
    TRINITY_CHECK(tokenizer.Decode(ids, DecodeSpecial::kKeep) == ToValidUtf8(bytes));
    TRINITY_CHECK(IsUtf8(tokenizer.Decode(ids, DecodeSpecial::kSkip)));
  }
}

void CheckTokenizer(const std::vector<std::string_view>& parts) {
  static ScratchFile scratch;
  scratch.Write(WithByteAlphabet(parts[0]));
  Accepts([&] {
    const Tokenizer tokenizer = Tokenizer::Load(scratch.path());
    TRINITY_CHECK(tokenizer.num_tokens() >= 256);
    for (const AddedToken& token : tokenizer.added_tokens()) {
      TRINITY_CHECK(tokenizer.IsSpecial(token.id) == token.special);
      TRINITY_CHECK(tokenizer.FindToken(token.content).has_value());
    }
    CheckText(tokenizer, parts[1]);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckTokenizer(trinity::InputParts(data, size, 2));
  return 0;
}
