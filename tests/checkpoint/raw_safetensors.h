#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trinity {

// The bytes of a safetensors file, whatever they mean: 8 bytes of `header_length`, header, data.
inline std::string RawSafetensors(uint64_t header_length, std::string_view header,
                                  std::string_view data) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(header_length >> (8 * i));
  out += header;
  out += data;
  return out;
}

inline std::string RawSafetensors(std::string_view header, size_t num_data_bytes) {
  return RawSafetensors(header.size(), header, std::string(num_data_bytes, '\1'));
}

inline void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The message of the Error that `function` throws; empty where it throws none.
inline std::string ErrorOf(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace trinity
