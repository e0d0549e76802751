#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "server/access_log.h"
#include "server/api_call.h"
#include "server/api_keys.h"
#include "server/http_exchange.h"
#include "server/served_model.h"
#include "server/server_load.h"
#include "server/server_metrics.h"
#include "server/server_options.h"
#include "server/task_queue.h"

namespace trinity {

// The API over HTTP: OpenAI's completions and what belongs to them, for one model.
class ApiServer {
 public:
  // All of it must outlive the exchanges; the engine must be stopped before this is destroyed.
  ApiServer(const ServedModel& model, Engine& engine, const ServerOptions& options,
            std::shared_ptr<AccessLog> log);
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;
  ~ApiServer();

  // Answers one request, at once where that takes no time, else in a task. Called by the thread of
  // the connections; throws nothing.
  void Handle(std::shared_ptr<HttpExchange> exchange);

  // How many connections there are, for metrics.
  void CountConnectionsBy(std::function<int64_t()> count) { count_connections_ = std::move(count); }

 private:
  struct Route;
  const Route* FindRoute(std::string_view path) const;

  void Answer(const Route* route, ApiCall& call);
  void AnswerInTask(const Route& route, const ApiCall& call);
  std::optional<std::chrono::steady_clock::time_point> Deadline() const;
  HttpHeaders CorsHeaders(const HttpRequest& request) const;
  ServerLoad Load() const;

  // Answers to requests for what can be said at once.
  void AnswerLive(ApiCall& call);
  void AnswerReady(ApiCall& call);
  void AnswerModels(ApiCall& call);
  void AnswerStats(ApiCall& call);
  void AnswerMetrics(ApiCall& call);
  void AnswerOpenApi(ApiCall& call);
  void AnswerPageFile(ApiCall& call);

  const ServedModel& model_;
  Engine& engine_;
  const ServerOptions& options_;
  ApiKeys keys_;
  std::shared_ptr<AccessLog> log_;
  std::shared_ptr<ServerMetrics> metrics_;
  std::function<int64_t()> count_connections_;
  std::string api_text_;
  // Events have threads of their own: a body may take seconds to read, and running streams must
  // not wait for it.
  TaskQueue deliveries_;
  TaskQueue bodies_;
};

}  // namespace trinity
