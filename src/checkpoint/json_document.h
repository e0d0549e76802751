#pragma once

#include <simdjson.h>

#include <string>

namespace trinity {

// A large JSON object in simdjson's compact form: headers and indexes have tens of thousands of
// entries and are read in milliseconds. Unlike base/json.h it lets duplicate keys pass: whoever
// walks an object refuses them. Memory is at most about 15 times the text.
class JsonDocument {
 public:
  // Throws Error, with `origin` (a file name), where the text is not UTF-8, not JSON, nested deeper
  // than 64 levels, or no object.
  JsonDocument(std::string text, const std::string& origin);

  simdjson::dom::object root() const { return root_; }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::object root_;
};

// "a string", "an object" and so on, for messages.
const char* KindOf(simdjson::dom::element element);

}  // namespace trinity
