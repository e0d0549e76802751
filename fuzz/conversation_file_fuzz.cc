// A saved conversation: what is accepted is the same after it was written and read again.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "cli/conversation_file.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trinity;  // NOLINT(google-build-using-namespace)
  Accepts([&] {
    const Json messages = ParseConversation(InputText(data, size), "input");
    TRINITY_CHECK(messages.is_array());
    const std::string path = ScratchFolder() + "/conversation.json";
    SaveConversation(path, messages);
    TRINITY_CHECK(LoadConversation(path) == messages);
  });
  return 0;
}
