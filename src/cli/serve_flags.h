#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "engine/engine_options.h"
#include "engine/engine_request.h"
#include "engine/prefix_storage.h"
#include "server/http_limits.h"
#include "server/http_server.h"
#include "server/server_options.h"

namespace trinity {

// The flags of trinity serve.
struct ServeFlags {
  ModelOptions model;
  std::optional<std::string> id;
  std::vector<std::string> aliases;

  std::optional<std::string> host;
  std::optional<int64_t> port;
  std::optional<std::string> unix_path;
  std::optional<std::string> tls_certificate;
  std::optional<std::string> tls_key;
  std::optional<std::string> api_key_file;
  std::vector<std::string> cors_origins;

  std::optional<int64_t> context;
  std::optional<std::string> kv_budget;
  std::optional<int64_t> step_tokens;
  std::optional<int64_t> max_sequences;
  std::optional<int64_t> keep_every;
  bool keeps_no_prefixes = false;
  std::optional<std::string> cache_dir;
  std::optional<std::string> cache_dir_bytes;

  std::optional<int64_t> max_header_bytes;
  std::optional<std::string> max_body;
  std::optional<int64_t> max_connections;
  std::optional<int64_t> max_queued_requests;
  std::optional<int64_t> max_queued_tokens;
  std::optional<int64_t> max_answers;
  std::optional<int64_t> max_prompts;
  std::optional<int64_t> max_logprobs;
  std::optional<int64_t> max_stops;
  std::optional<std::string> max_stop_bytes;
  std::optional<int64_t> max_nesting;
  std::optional<std::string> max_unsent;
  std::optional<int64_t> max_unread_requests;
  std::optional<double> header_timeout_s;
  std::optional<double> body_timeout_s;
  std::optional<double> idle_timeout_s;
  std::optional<double> write_timeout_s;
  std::optional<double> heartbeat_s;
  std::optional<double> deadline_s;
  std::optional<double> ready_timeout_s;
  std::optional<double> drain_timeout_s;

  bool is_strict = false;
  std::optional<std::string> log_file;
  bool logs_prompts = false;
  bool serves_no_page = false;

  void AddTo(CommandLine& line);

  // Throw UsageError or Error for values that do not fit each other, the model or the machine.
  HttpAddress Address() const;
  // Where prefixes are kept between runs, without an identity; absent: nowhere.
  std::optional<PrefixStorage> Storage() const;
  HttpLimits Limits() const;
  ServerOptions ApiOptions() const;
  // `available_bytes`: of memory for each rank, after loading; 0: unknown.
  EngineOptions EngineOptionsFor(const LanguageModel& language_model,
                                 int64_t available_bytes) const;

 private:
  void AddListeningTo(CommandLine& line);
  void AddEngineTo(CommandLine& line);
  void AddLimitsTo(CommandLine& line);
  void AddTimesTo(CommandLine& line);
};

}  // namespace trinity
