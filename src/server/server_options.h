#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/request_body.h"
#include "server/request_field.h"

namespace trinity {

// What the API takes and refuses, beside the limits of HTTP.
struct ServerOptions {
  RequestBody::Unknown unknown_fields = RequestBody::Unknown::kAccept;
  int64_t max_answers = 16;   // n, times the prompts of a request
  int64_t max_prompts = 256;  // in one request
  int64_t max_logprobs = 20;  // beside each token
  int64_t max_stops = 64;     // strings
  int64_t max_stop_bytes = 65536;
  int64_t max_nesting = 64;               // levels of JSON
  std::optional<double> deadline_s = {};  // for a whole answer, from when its request is there
  double ready_timeout_s = 120;           // without a step that ends while there is work
  int64_t max_waiting_tasks = 1024;       // requests whose body nobody has looked at

  std::vector<std::string> api_keys = {};      // none: everybody may ask
  std::vector<std::string> cors_origins = {};  // "*": all
  bool logs_prompts = false;
  bool serves_page = true;  // the page for people, at /

  // `fields` with the bounds that these options set.
  std::vector<RequestField> Limited(std::span<const RequestField> fields) const;
};

}  // namespace trinity
