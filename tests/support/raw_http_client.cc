#include "tests/support/raw_http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace trinity {
namespace {

constexpr int kPatienceMs = 60'000;

}  // namespace

RawHttpClient::RawHttpClient(int port, std::optional<int> receive_buffer)
    : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (receive_buffer) {
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &*receive_buffer, sizeof(int));
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect");
  }
}

RawHttpClient::~RawHttpClient() { Close(); }

void RawHttpClient::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
}

bool RawHttpClient::Send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

void RawHttpClient::EndSending() const { shutdown(socket_, SHUT_WR); }

bool RawHttpClient::ReadMore() {
  pollfd wait = {socket_, POLLIN, 0};
  if (poll(&wait, 1, kPatienceMs) <= 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t got = recv(socket_, buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  unread_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

bool RawHttpClient::ReadUntil(std::string_view text) {
  while (unread_.find(text) == unread_.npos) {
    if (!ReadMore()) return false;
  }
  return true;
}

void RawHttpClient::ReadWhatIsThere() {
  pollfd now = {socket_, POLLIN, 0};
  while (poll(&now, 1, 0) > 0 && ReadMore()) {
  }
}

bool RawHttpClient::ReadBytes(size_t num_bytes) {
  const size_t size = unread_.size() + num_bytes;
  while (unread_.size() < size) {
    if (!ReadMore()) return false;
  }
  return true;
}

bool RawHttpClient::has_unread() const {
  pollfd now = {socket_, POLLIN, 0};
  return !unread_.empty() || poll(&now, 1, 0) > 0;
}

RawHttpResponse RawHttpClient::ReadResponse() {
  RawHttpResponse response;
  if (!ReadUntil("\r\n\r\n")) return response;
  const size_t body = unread_.find("\r\n\r\n") + 4;
  response.head = unread_.substr(0, body);
  response.status = std::stoi(response.head.substr(9, 3));
  constexpr std::string_view kLength = "Content-Length: ";
  if (const size_t at = response.head.find(kLength); at != response.head.npos) {
    const size_t size = std::stoul(response.head.substr(at + kLength.size()));
    while (unread_.size() < body + size && ReadMore()) {
    }
    response.body = unread_.substr(body, size);
    unread_.erase(0, body + size);
  } else if (response.head.find("chunked") != response.head.npos) {
    std::optional<std::string> joined;
    while (!(joined = TakeChunked(body)) && ReadMore()) {
    }
    response.body = joined ? *joined : unread_.substr(body);
  } else {
    unread_.erase(0, body);
  }
  return response;
}

std::optional<std::string> RawHttpClient::TakeChunked(size_t begin) {
  std::string joined;
  while (true) {
    const size_t line_end = unread_.find("\r\n", begin);
    if (line_end == unread_.npos) return std::nullopt;
    const size_t size = std::stoul(unread_.substr(begin, line_end - begin), nullptr, 16);
    const size_t end = line_end + 2 + size + 2;
    if (unread_.size() < end) return std::nullopt;
    joined += unread_.substr(line_end + 2, size);
    begin = end;
    if (size == 0) break;
  }
  unread_.erase(0, begin);
  return joined;
}

bool RawHttpClient::ReadEnd() {
  while (ReadMore()) {
  }
  return unread_.empty();
}

std::string RawHttpClient::Post(std::string_view path, std::string_view body,
                                std::string_view more_headers) {
  std::string request = "POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n";
  request += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size());
  return request + "\r\n" + std::string(more_headers) + "\r\n" + std::string(body);
}

std::string RawHttpClient::Get(std::string_view path, std::string_view more_headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" +
         std::string(more_headers) + "\r\n";
}

RawHttpResponse Exchange(int port, const std::string& request) {
  RawHttpClient client(port);
  client.Send(request);
  return client.ReadResponse();
}

}  // namespace trinity
