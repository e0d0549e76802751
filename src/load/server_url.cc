#include "load/server_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/error.h"

namespace trinity {
namespace {

[[noreturn]] void Refuse(std::string_view text, std::string_view expected) {
  throw UsageError(fmt::format("URL: expected {}, found \"{}\"", expected, Printable(text)));
}

// Takes `prefix` off the beginning of `text`, where it stands there.
bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// "host", "host:80", "[::1]" or "[::1]:80"; `whole` is for the message.
void ParseAuthority(std::string_view authority, std::string_view whole, ServerUrl& url) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) Refuse(whole, "a ] after an address of IPv6");
    url.host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else {
    const size_t end = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, end);
    rest = authority.substr(end);
  }
  if (url.host.empty()) Refuse(whole, "a host");
  url.port = url.is_tls ? "443" : "80";
  if (rest.empty()) return;
  if (!TakePrefix(rest, ":") || !IsPort(rest)) Refuse(whole, "a port from 1 to 65535");
  url.port = rest;
}

}  // namespace

std::string ServerUrl::Authority() const {
  const bool has_colon = host.find(':') != std::string::npos;
  return has_colon ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string ServerUrl::ToText() const {
  return fmt::format("{}://{}{}", is_tls ? "https" : "http", Authority(), prefix);
}

ServerUrl ParseServerUrl(std::string_view text) {
  ServerUrl url;
  std::string_view rest = text;
  if (TakePrefix(rest, "https://")) {
    url.is_tls = true;
  } else if (!TakePrefix(rest, "http://")) {
    Refuse(text, "http:// or https:// at its beginning");
  }
  for (const char c : text) {
    // What would end the line of a request, or a header.
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F') Refuse(text, "no blanks");
  }
  if (rest.find_first_of("?#") != std::string_view::npos) Refuse(text, "no query and no fragment");
  const size_t path = std::min(rest.find('/'), rest.size());
  if (rest.substr(0, path).find('@') != std::string_view::npos) {
    Refuse(text, "no user (a key is given by --api-key)");
  }
  ParseAuthority(rest.substr(0, path), text, url);
  url.prefix = rest.substr(path);
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  if (url.prefix.ends_with("/v1")) url.prefix.resize(url.prefix.size() - 3);
  return url;
}

}  // namespace trinity
