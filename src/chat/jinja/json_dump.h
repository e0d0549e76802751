#pragma once

#include <optional>
#include <string>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

// The options of Python's json.dumps that the filter tojson passes on.
struct JsonOptions {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of one level; absent: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// json.dumps(value). What JSON cannot hold is an Error.
std::string JsonText(Runtime& runtime, const Value& value, const JsonOptions& options);

}  // namespace trinity::jinja
