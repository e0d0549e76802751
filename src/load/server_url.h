#pragma once

#include <string>
#include <string_view>

namespace trinity {

// Where a server answers, as "https://host:8443/proxy/v1" says it.
struct ServerUrl {
  bool is_tls = false;
  std::string host;    // a name or an address, without the brackets of IPv6
  std::string port;    // "8443"
  std::string prefix;  // "/proxy": what stands before "/v1"; empty: nothing

  // "host:8443", with brackets where the host has colons: the value of the Host header.
  std::string Authority() const;
  // "https://host:8443/proxy"
  std::string ToText() const;
};

// A "/v1" at the end belongs to the API and is left out. Throws UsageError for what is no address
// of a server: another scheme, no host, a port out of range, a user, a query or a fragment.
ServerUrl ParseServerUrl(std::string_view text);

}  // namespace trinity
