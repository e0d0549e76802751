#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load/client_stream.h"
#include "load/http_client_options.h"
#include "load/response_listener.h"
#include "load/server_url.h"

namespace trinity {

// Sends requests to one server. Connections are kept while no request uses them. Everything happens
// in the thread that runs the io_context.
class HttpClient {
 public:
  // Looks the host up. Throws Error where it is not known, or the file cannot be read.
  HttpClient(boost::asio::io_context& io, ServerUrl url, HttpClientOptions options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  // Path as the API has it: "/v1/models". body: JSON; empty: a GET.
  void Send(const std::string& path, const std::string& body,
            std::shared_ptr<ResponseListener> listener);
  // Ends everything in progress with a failure of kind "interrupted".
  void Abort();

  const ServerUrl& url() const { return url_; }

 private:
  class Connection;

  std::string RenderRequest(const std::string& path, const std::string& body) const;
  std::unique_ptr<ClientStream> MakeStream();

  boost::asio::io_context& io_;
  ServerUrl url_;
  HttpClientOptions options_;
  std::optional<boost::asio::ssl::context> tls_;
  ClientStream::Endpoints endpoints_;
  std::vector<std::shared_ptr<Connection>> idle_;
  std::vector<std::weak_ptr<Connection>> busy_;
};

}  // namespace trinity
