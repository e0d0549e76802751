#include "fuzz/refusal.h"

#include "base/check.h"
#include "base/utf8.h"

namespace trinity {
namespace {

constexpr size_t kMaxMessageBytes = 4096;

}  // namespace

void CheckMessage(std::string_view message) {
  TRINITY_CHECK(!message.empty());
  TRINITY_CHECK(message.size() <= kMaxMessageBytes);
  TRINITY_CHECK(IsUtf8(message));
  for (const char c : message) TRINITY_CHECK(static_cast<uint8_t>(c) >= 0x20 && c != 0x7F);
}

}  // namespace trinity
