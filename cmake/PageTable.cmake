# cmake -D FOLDER=src/server/page -D OUTPUT=page_files_table.cc -P PageTable.cmake: the files of
# FOLDER as the C++ table that src/server/page_file.h declares.
cmake_minimum_required(VERSION 3.25)

set(types
  html text/html
  css text/css
  js text/javascript
  svg image/svg+xml)

file(GLOB paths ${FOLDER}/*)
set(arrays "")
set(rows "")
foreach(path ${paths})
  cmake_path(GET path FILENAME name)
  cmake_path(GET path EXTENSION LAST_ONLY extension)
  string(SUBSTRING ${extension} 1 -1 kind)
  list(FIND types ${kind} index)
  if(index EQUAL -1)
    message(FATAL_ERROR "${path}: expected a file of html, css, js or svg")
  endif()
  math(EXPR index "${index} + 1")
  list(GET types ${index} content_type)
  string(APPEND content_type "; charset=utf-8")

  file(SHA256 ${path} hash)
  string(SUBSTRING ${hash} 0 32 etag)
  file(READ ${path} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes ${bytes})
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes ${bytes})

  string(MAKE_C_IDENTIFIER ${name} identifier)
  if(name STREQUAL "index.html")
    set(url "/")
  else()
    set(url "/page/${name}")
  endif()
  string(APPEND arrays "constexpr char k_${identifier}[] = {\n${bytes}};\n")
  string(APPEND rows
    "    {\"${url}\", \"${content_type}\", \"\\\"${etag}\\\"\",\n"
    "     {k_${identifier}, sizeof(k_${identifier})}},\n")
endforeach()

file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"// Made by cmake/PageTable.cmake from src/server/page.
#include \"server/page_file.h\"

namespace trinity {
namespace {

@arrays@
constexpr PageFile kFiles[] = {
@rows@};

}  // namespace

std::span<const PageFile> PageFiles() { return kFiles; }

}  // namespace trinity
")
