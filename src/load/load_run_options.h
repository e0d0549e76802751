#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "load/http_client_options.h"
#include "load/server_url.h"

namespace trinity {

// What is asked of a server, and how often.
struct LoadRunOptions {
  ServerUrl url;
  HttpClientOptions http;
  std::optional<std::string> model = {};  // absent: the first that the server lists
  bool is_chat = false;                   // /v1/chat/completions in place of /v1/completions

  int64_t prompt_tokens = 128;
  int64_t shared_prefix = 0;  // of them, the same in all prompts
  int64_t max_tokens = 64;
  // Answers may end before max_tokens: nothing is sent then that is not OpenAI's.
  bool may_end_early = false;
  std::optional<int64_t> num_prompts = {};  // different ones, taken in turn; absent: all differ
  uint64_t seed = 0;

  // So many clients, each of which asks again once it is answered...
  int64_t num_clients = 1;
  // ... or, where this is there, so many requests a second, whatever becomes of them.
  std::optional<double> rate = {};
  std::optional<int64_t> num_requests = {};  // in all; absent: until duration_s have passed
  std::optional<double> duration_s = {};     // after which nothing more is asked
  // Before the load, ask each prompt once alone, with log probabilities, to compare with.
  bool checks = false;
};

}  // namespace trinity
