#include "server/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <array>

#include "base/error.h"
#include "base/file.h"

namespace trinity {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr size_t kMaxFileBytes = size_t{1} << 20;

// Digests are of one length, so that comparing them says nothing of the length of a key either.
std::string Digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return {digest.begin(), digest.end()};
}

}  // namespace

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) digests_.push_back(Digest(key));
}

bool ApiKeys::Opens(std::string_view authorization) const {
  if (digests_.empty()) return true;
  const bool has_scheme = authorization.starts_with(kScheme);
  if (has_scheme) authorization.remove_prefix(kScheme.size());
  const std::string digest = Digest(authorization);
  int num_equal = 0;
  for (const std::string& key : digests_) {
    num_equal += CRYPTO_memcmp(key.data(), digest.data(), digest.size()) == 0 ? 1 : 0;
  }
  return has_scheme && num_equal > 0;
}

std::vector<std::string> LoadApiKeys(const std::string& path) {
  const std::string text = ReadTextFile(path, kMaxFileBytes);
  std::vector<std::string> keys;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && line[0] != '#') keys.push_back(std::move(line));
    begin = end + 1;
  }
  if (keys.empty()) Fail("{}: expected an API key on a line, found none", Printable(path, 1000));
  return keys;
}

}  // namespace trinity
