#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// The keys that open the API.
class ApiKeys {
 public:
  explicit ApiKeys(const std::vector<std::string>& keys);

  // Whether `authorization`, the value of that header, is "Bearer " and one of the keys, or there
  // are no keys. Takes as long for a key that is nearly right as for any other.
  bool Opens(std::string_view authorization) const;

 private:
  std::vector<std::string> digests_;  // SHA-256
};

// One key a line; empty lines and those that begin with # are left out. Throws Error for a file
// that cannot be read or holds no key.
std::vector<std::string> LoadApiKeys(const std::string& path);

}  // namespace trinity
