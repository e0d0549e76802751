#include "cli/document_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "cli/prompt_source.h"

namespace trinity {

std::vector<std::string> ReadDocuments(const std::string& path) {
  const std::string file = ReadTextStream(path);
  std::vector<std::string> documents;
  int64_t line_number = 0;
  for (size_t begin = 0; begin < file.size();) {
    const size_t end = std::min(file.find('\n', begin), file.size());
    const std::string_view line = std::string_view(file).substr(begin, end - begin);
    begin = end + 1;
    const std::string where = fmt::format("{}: line {}", path, ++line_number);
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const Json json = ParseJson(line, where);
    if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) {
      Fail("{}: expected an object with a string \"text\", found {}", where, Printable(line));
    }
    documents.push_back(json["text"]);
  }
  if (documents.empty()) Fail("{}: expected a JSON object a line, found none", path);
  return documents;
}

}  // namespace trinity
