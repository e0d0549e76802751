#include "cli/serve_flags.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "cli/flag_value.h"
#include "server/api_keys.h"

namespace trinity {
namespace {

constexpr int64_t kUnknownMemoryBudget = int64_t{1} << 30;
constexpr int64_t kDefaultCacheDirBytes = int64_t{4} << 30;
constexpr double kLongestSeconds = 1e6;

template <class T, class U>
void Override(T& value, const std::optional<U>& given) {
  if (given) value = static_cast<T>(*given);
}

void OverrideTime(std::chrono::milliseconds& time, const std::optional<double>& given_s) {
  if (given_s) time = std::chrono::milliseconds(static_cast<int64_t>(*given_s * 1000));
}

}  // namespace

void ServeFlags::AddTo(CommandLine& line) {
  line.AddText("--id", id, "NAME", "The model's name in answers; default: that of its folder");
  line.AddTexts("--alias", aliases, "NAME",
                "A further name under which requests may ask for the model; may be given several "
                "times");
  AddListeningTo(line);
  AddEngineTo(line);
  AddLimitsTo(line);
  AddTimesTo(line);
  line.AddFlag("--strict", is_strict,
               "Answer 400 to requests with unknown fields; default: a Warning header names them");
  line.AddText("--log-file", log_file, "FILE", "Append a line for each request; default: stderr");
  line.AddFlag("--no-page", serves_no_page, "Answer 404 at /, where browsers find a page to chat");
  line.AddFlag("--log-prompts", logs_prompts, "The log holds the prompts too");
  model.AddTo(line);
  model.AddLoadingTo(line, "auto");
  model.AddKvTypeTo(line);
}

void ServeFlags::AddListeningTo(CommandLine& line) {
  line.AddText("--host", host, "ADDRESS",
               "The numeric address to listen at, 0.0.0.0 for all; default 127.0.0.1");
  line.AddInteger("--port", port, {0, 65535}, "Default 8080; 0: one that is free");
  line.AddText("--unix-socket", unix_path, "PATH", "Listen at a Unix socket instead");
  line.AddText("--tls-cert", tls_certificate, "FILE", "Certificate chain, PEM: speak TLS");
  line.AddText("--tls-key", tls_key, "FILE", "Its private key, PEM");
  line.AddText("--api-key-file", api_key_file, "FILE",
               "Keys, one a line; each request but for /health/live and the page then needs one. "
               "With or without it, $TRINITY_API_KEY is a key");
  line.AddTexts("--cors-origin", cors_origins, "ORIGIN",
                "An origin whose pages may call the server, * for all; default: none; may be given "
                "several times");
}

void ServeFlags::AddEngineTo(CommandLine& line) {
  line.AddInteger("-c,--context,--ctx-size", context, {1},
                  "Tokens of prompt and answer at most; default and upper limit: "
                  "max_position_embeddings of the model");
  line.AddText(
      "--kv-budget", kv_budget, "BYTES",
      "Memory of each rank for keys and values, of running answers and kept prefixes: 4GiB, "
      "or auto, half of what is available after loading, shared out among the ranks of the "
      "host; default auto");
  line.AddInteger("--step-tokens", step_tokens, {1, 1 << 20},
                  "Tokens that are computed in one step at most; default 512");
  line.AddInteger("--max-sequences", max_sequences, {1, 4096},
                  "Answers that are computed at the same time at most; default 64");
  line.AddInteger("--keep-every", keep_every, {64, 1 << 30},
                  "Keep a point to continue from every N tokens of a prompt; default 4096");
  line.AddFlag("--no-prefix-cache", keeps_no_prefixes, "Keep no prefixes of earlier requests");
  line.AddText("--cache-dir", cache_dir, "DIR",
               "Keep prefixes in this folder while the server does not run: written when it stops, "
               "read when it starts with the same model, build and settings");
  line.AddText("--cache-dir-bytes", cache_dir_bytes, "BYTES",
               "Of them at most, on each rank; default 4GiB");
}

void ServeFlags::AddLimitsTo(CommandLine& line) {
  line.AddInteger("--max-header-bytes", max_header_bytes, {1024, 1 << 20}, "Default 16384");
  line.AddText("--max-body", max_body, "BYTES", "Of one request; default 8MiB");
  line.AddInteger("--max-connections", max_connections, {1, 100000}, "Default 256");
  line.AddInteger("--max-queued-requests", max_queued_requests, {1},
                  "More of them are answered 429; default 1024");
  line.AddInteger("--max-queued-tokens", max_queued_tokens, {1},
                  "Of their prompts, the same; default 4194304");
  line.AddInteger("--max-n", max_answers, {1, kMaxAnswers}, "Answers to one prompt; default 16");
  line.AddInteger("--max-prompts", max_prompts, {1, 100000},
                  "Answers of one request, of all its prompts together; default 256");
  line.AddInteger("--max-logprobs", max_logprobs, {0, 1000}, "Beside each token; default 20");
  line.AddInteger("--max-stops", max_stops, {0, 100000}, "Stop strings; default 64");
  line.AddText("--max-stop-bytes", max_stop_bytes, "BYTES", "Of all of them; default 64KiB");
  line.AddInteger("--max-nesting", max_nesting, {4, 256},
                  "Levels of the JSON of a request; default 64");
  line.AddText("--max-unsent", max_unsent, "BYTES",
               "Of a streamed answer that the client does not read, beside its largest event; "
               "beyond it the connection is closed; default 4MiB");
  line.AddInteger("--max-unread-requests", max_unread_requests, {1, 1000000},
                  "Requests whose body waits to be read; more of them are answered 429; default "
                  "1024");
}

void ServeFlags::AddTimesTo(CommandLine& line) {
  constexpr CommandLine::Numbers kSeconds = {0.01, kLongestSeconds};
  line.AddNumber("--header-timeout", header_timeout_s, kSeconds,
                 "Seconds until the header of a request is there; default 10");
  line.AddNumber("--body-timeout", body_timeout_s, kSeconds, "Until its body is; default 60");
  line.AddNumber("--idle-timeout", idle_timeout_s, kSeconds, "Between two requests; default 75");
  line.AddNumber("--write-timeout", write_timeout_s, kSeconds,
                 "Until a client has read the next 64 KiB of its answer; default 30");
  line.AddNumber("--heartbeat", heartbeat_s, kSeconds,
                 "Send a comment when a stream has been silent for so long; default 10");
  line.AddNumber("--deadline", deadline_s, kSeconds,
                 "End a request that takes longer, with 504; default: none");
  line.AddNumber("--ready-timeout", ready_timeout_s, kSeconds,
                 "/health/ready is 503 where there is work and no step has ended for so long; "
                 "default 120");
  line.AddNumber("--drain-timeout", drain_timeout_s, {0, kLongestSeconds},
                 "After SIGTERM, seconds for what is in progress; default 30");
}

HttpAddress ServeFlags::Address() const {
  if (tls_certificate.has_value() != tls_key.has_value()) {
    throw UsageError("--tls-cert and --tls-key: expected both or none");
  }
  if (unix_path && (host || port)) {
    throw UsageError("--unix-socket: expected neither --host nor --port beside it");
  }
  HttpAddress address;
  Override(address.host, host);
  Override(address.port, port);
  address.unix_path = unix_path;
  address.tls_certificate = tls_certificate;
  address.tls_key = tls_key;
  return address;
}

std::optional<PrefixStorage> ServeFlags::Storage() const {
  if (cache_dir_bytes && !cache_dir) {
    throw UsageError("--cache-dir-bytes: expected --cache-dir beside it");
  }
  if (!cache_dir) return std::nullopt;
  if (keeps_no_prefixes) {
    throw UsageError("--cache-dir: expected no --no-prefix-cache beside it");
  }
  std::error_code error;
  std::filesystem::create_directories(*cache_dir, error);
  if (!std::filesystem::is_directory(*cache_dir)) {
    Fail("--cache-dir: {}: cannot be made a folder: {}", Printable(*cache_dir), error.message());
  }
  PrefixStorage storage;
  storage.path = (std::filesystem::path(*cache_dir) / "prefixes.trinity").string();
  storage.max_bytes = cache_dir_bytes ? ParseBytesFlag("--cache-dir-bytes", *cache_dir_bytes)
                                      : kDefaultCacheDirBytes;
  return storage;
}

HttpLimits ServeFlags::Limits() const {
  HttpLimits limits;
  Override(limits.header_bytes, max_header_bytes);
  if (max_body) limits.body_bytes = static_cast<size_t>(ParseBytesFlag("--max-body", *max_body));
  if (max_unsent) {
    limits.unsent_bytes = static_cast<size_t>(ParseBytesFlag("--max-unsent", *max_unsent));
  }
  Override(limits.num_connections, max_connections);
  OverrideTime(limits.header_timeout, header_timeout_s);
  OverrideTime(limits.body_timeout, body_timeout_s);
  OverrideTime(limits.idle_timeout, idle_timeout_s);
  OverrideTime(limits.write_timeout, write_timeout_s);
  OverrideTime(limits.heartbeat, heartbeat_s);
  return limits;
}

ServerOptions ServeFlags::ApiOptions() const {
  ServerOptions options;
  if (is_strict) options.unknown_fields = RequestBody::Unknown::kRefuse;
  Override(options.max_answers, max_answers);
  Override(options.max_prompts, max_prompts);
  Override(options.max_logprobs, max_logprobs);
  Override(options.max_stops, max_stops);
  if (max_stop_bytes) {
    options.max_stop_bytes = ParseBytesFlag("--max-stop-bytes", *max_stop_bytes);
  }
  Override(options.max_nesting, max_nesting);
  Override(options.max_waiting_tasks, max_unread_requests);
  options.deadline_s = deadline_s;
  Override(options.ready_timeout_s, ready_timeout_s);
  options.cors_origins = cors_origins;
  options.logs_prompts = logs_prompts;
  options.serves_page = !serves_no_page;
  if (api_key_file) options.api_keys = LoadApiKeys(*api_key_file);
  if (const char* key = std::getenv("TRINITY_API_KEY"); key != nullptr && *key != '\0') {
    options.api_keys.emplace_back(key);
  }
  return options;
}

EngineOptions ServeFlags::EngineOptionsFor(const LanguageModel& language_model,
                                           int64_t available_bytes) const {
  const int64_t longest = language_model.config.max_position_embeddings;
  if (context && *context > longest) {
    throw UsageError(
        fmt::format("--context: expected at most {}, the max_position_embeddings of this model, "
                    "found {}",
                    longest, *context));
  }
  EngineOptions options;
  options.kv_dtype = model.kv_dtype();
  options.max_context = context;
  if (kv_budget && *kv_budget != "auto") {
    options.kv_budget_bytes = ParseBytesFlag("--kv-budget", *kv_budget);
  } else {
    options.kv_budget_bytes = available_bytes > 0 ? available_bytes / 2 : kUnknownMemoryBudget;
  }
  Override(options.step_tokens, step_tokens);
  Override(options.max_sequences, max_sequences);
  Override(options.max_queued_requests, max_queued_requests);
  Override(options.max_queued_tokens, max_queued_tokens);
  Override(options.keep_every_tokens, keep_every);
  options.keeps_prefixes = !keeps_no_prefixes;
  return options;
}

}  // namespace trinity
