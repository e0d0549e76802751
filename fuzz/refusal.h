#pragma once

#include <string_view>
#include <utility>

#include "base/error.h"

namespace trinity {

// Ends the program where a message is not what people may be shown: one line of valid UTF-8
// without control characters, not longer than a screen.
void CheckMessage(std::string_view message);

// Runs `parse` on hostile input and says whether it was accepted. A refusal is an Error with a
// message in order; whatever else is thrown ends the program, and so the fuzzer finds it.
template <typename Parse>
bool Accepts(Parse&& parse) {
  try {
    std::forward<Parse>(parse)();
    return true;
  } catch (const Error& e) {
    CheckMessage(e.what());
    return false;
  }
}

}  // namespace trinity
