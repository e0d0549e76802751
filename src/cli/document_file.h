#pragma once

#include <string>
#include <vector>

namespace trinity {

// The texts of a file with one JSON object a line, each with a string "text"; what else an object
// has is not looked at, empty lines are passed over. Throws Error naming file and line for all that
// is not so, and where there is no text.
std::vector<std::string> ReadDocuments(const std::string& path);

}  // namespace trinity
