#pragma once

#include <span>
#include <string_view>

namespace trinity {

// A file of the page for people, as the program holds it.
struct PageFile {
  std::string_view path;  // as requests name it: "/page/app.js"; "/" is index.html
  std::string_view content_type;
  std::string_view etag;  // with its quotes; changes with the content
  std::string_view content;
};

// All of src/server/page. cmake/PageTable.cmake writes the definition when the program is built.
std::span<const PageFile> PageFiles();

}  // namespace trinity
