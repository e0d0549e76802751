#include "tests/support/scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace trinity {
namespace {

// Reads what there is; false at the end.
bool ReadSome(int client, std::string& text) {
  std::array<char, 65536> buffer;
  const ssize_t got = recv(client, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  text.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

// Where a request with this head ends, in bytes.
size_t RequestBytes(const std::string& text, size_t head_end) {
  constexpr std::string_view kLength = "Content-Length: ";
  const size_t at = text.find(kLength);
  return at < head_end ? head_end + std::stoul(text.substr(at + kLength.size())) : head_end;
}

std::string ReadRequest(int client) {
  constexpr std::string_view kHeadEnd = "\r\n\r\n";
  std::string text;
  while (text.find(kHeadEnd) == std::string::npos) {
    if (!ReadSome(client, text)) return text;
  }
  const size_t end = RequestBytes(text, text.find(kHeadEnd) + kHeadEnd.size());
  while (text.size() < end && ReadSome(client, text)) {
  }
  return text;
}

}  // namespace

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      listen(listener_, SOMAXCONN) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("cannot listen");
  }
  url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  thread_ = std::thread([this] { Serve(); });
}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_, SHUT_RDWR);  // ends accept
  thread_.join();
  close(listener_);
}

void ScriptedServer::Serve() {
  for (;;) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    Answer(client);
    close(client);
  }
}

void ScriptedServer::Answer(int client) {
  const std::string request = ReadRequest(client);
  if (request.empty()) return;
  const std::optional<std::string> answer = script_(request.substr(0, request.find('\r')));
  if (answer) {
    send(client, answer->data(), answer->size(), MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
  }
  std::string rest;
  while (ReadSome(client, rest)) {
  }
}

}  // namespace trinity
