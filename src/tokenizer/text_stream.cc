#include "tokenizer/text_stream.h"

#include <utility>

#include "base/utf8.h"

namespace trinity {

TextStream::TextStream(const Tokenizer& tokenizer, DecodeSpecial special)
    : tokenizer_(tokenizer), special_(special) {}

std::string TextStream::Append(int32_t id) {
  if (special_ == DecodeSpecial::kSkip && tokenizer_.IsSpecial(id)) return {};
  held_bytes_ += tokenizer_.BytesOf(id);
  std::string released;
  std::string_view rest = held_bytes_;
  while (!rest.empty()) {
    const Utf8Char c = DecodeUtf8(rest);
    if (c.truncated) break;
    AppendUtf8(c.code_point, released);
    rest.remove_prefix(c.num_bytes);
  }
  held_bytes_ = std::string(rest);
  return released;
}

std::string TextStream::Finish() { return ToValidUtf8(std::exchange(held_bytes_, {})); }

}  // namespace trinity
