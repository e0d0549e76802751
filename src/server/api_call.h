#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/json.h"
#include "engine/engine.h"
#include "server/api_error.h"
#include "server/http_exchange.h"
#include "server/request_body.h"
#include "server/request_record.h"
#include "server/served_model.h"
#include "server/server_options.h"
#include "server/task_queue.h"

namespace trinity {

// One request to the API with everything that it takes to answer it.
struct ApiCall {
  std::shared_ptr<HttpExchange> exchange;
  std::shared_ptr<RequestRecord> record;
  HttpHeaders headers;  // that every answer to it has
  const ServedModel& model;
  Engine& engine;
  TaskQueue& deliveries;  // carries what the engine says; never waits for the body of another
  const ServerOptions& options;
  std::optional<std::chrono::steady_clock::time_point> deadline;  // for the whole answer

  // The body held against `fields`, and its model against those that are served: 404 with the list.
  // Fields that were ignored are named in a header of the answer.
  RequestBody ReadBody(std::span<const RequestField> fields);
  // Throws ApiError (404) with the list where `name` is not served.
  void CheckModel(const std::string& name) const;
  // The name of the model in answers: as the request has it.
  std::string ModelName(const RequestBody& body) const;

  void Respond(HttpResponse response) const;
  void RespondJson(const Json& json) const;
  void RespondError(const ApiError& error) const;
};

}  // namespace trinity
