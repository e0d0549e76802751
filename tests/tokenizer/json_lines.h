#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"

namespace trinity {

// The JSON documents of a file, one a line.
inline std::vector<Json> LoadJsonLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(ParseJson(line, path));
  return lines;
}

}  // namespace trinity
