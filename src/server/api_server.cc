#include "server/api_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "server/completion_routes.h"
#include "server/embedding_route.h"
#include "server/open_api.h"
#include "server/page_route.h"
#include "server/status_json.h"
#include "server/text_routes.h"

namespace trinity {
namespace {

constexpr int kNumDeliveryThreads = 2;
constexpr int kNumBodyThreads = 2;

std::string NewRequestId() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{:016x}{:08x}", random(), static_cast<uint32_t>(random()));
}

// Those that a page wants to send: clients have some of their own. None of them changes more than
// the two that every client sends.
std::string AllowedHeaders(const HttpRequest& request) {
  constexpr size_t kMostBytes = 2000;
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_, ";
  const std::string_view wanted = FindHeader(request.headers, "Access-Control-Request-Headers");
  const bool is_list = !wanted.empty() && wanted.size() <= kMostBytes &&
                       wanted.find_first_not_of(kLetters) == wanted.npos;
  return is_list ? std::string(wanted) : "Authorization, Content-Type";
}

// "a/b" of "a%2Fb". What is no escape stays.
std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* end = text.data() + std::min(text.size(), i + 3);
    const bool is_escape = text[i] == '%' && end - text.data() == static_cast<ptrdiff_t>(i + 3) &&
                           std::from_chars(text.data() + i + 1, end, byte, 16).ptr == end;
    decoded += is_escape ? static_cast<char>(byte) : text[i];
    if (is_escape) i += 2;
  }
  return decoded;
}

constexpr std::string_view kModelPrefix = "/v1/models/";

bool IsPrefix(std::string_view path) { return path == kModelPrefix || path == kPagePrefix; }

}  // namespace

// A path, and who answers it.
struct ApiServer::Route {
  std::string_view method;
  std::string_view path;
  void (*in_task)(ApiCall& call) = nullptr;  // where it takes time
  void (ApiServer::*at_once)(ApiCall& call) = nullptr;
  bool is_open = false;  // answered without a key
};

const ApiServer::Route* ApiServer::FindRoute(std::string_view path) const {
  static constexpr std::array<Route, 15> kRoutes = {{
      {"POST", "/v1/chat/completions", AnswerChatCompletion},
      {"POST", "/v1/completions", AnswerCompletion},
      {"POST", "/v1/embeddings", AnswerEmbedding},
      {"GET", "/v1/models", nullptr, &ApiServer::AnswerModels},
      {"GET", kModelPrefix, nullptr, &ApiServer::AnswerModels},
      {"POST", "/tokenize", AnswerTokenize},
      {"POST", "/detokenize", AnswerDetokenize},
      {"POST", "/apply-template", AnswerApplyTemplate},
      {"GET", "/health/live", nullptr, &ApiServer::AnswerLive, true},
      {"GET", "/health/ready", nullptr, &ApiServer::AnswerReady},
      {"GET", "/metrics", nullptr, &ApiServer::AnswerMetrics},
      {"GET", "/v1/stats", nullptr, &ApiServer::AnswerStats},
      {"GET", "/openapi.json", nullptr, &ApiServer::AnswerOpenApi},
      {"GET", "/", nullptr, &ApiServer::AnswerPageFile, true},
      {"GET", kPagePrefix, nullptr, &ApiServer::AnswerPageFile, true},
  }};
  for (const Route& route : kRoutes) {
    if (route.at_once == &ApiServer::AnswerPageFile && !options_.serves_page) continue;
    if (IsPrefix(route.path) ? path.starts_with(route.path) : path == route.path) return &route;
  }
  return nullptr;
}

ApiServer::ApiServer(const ServedModel& model, Engine& engine, const ServerOptions& options,
                     std::shared_ptr<AccessLog> log)
    : model_(model),
      engine_(engine),
      options_(options),
      keys_(options.api_keys),
      log_(std::move(log)),
      metrics_(std::make_shared<ServerMetrics>()),
      api_text_(OpenApiText(options)),
      deliveries_(kNumDeliveryThreads),
      bodies_(kNumBodyThreads) {}

ApiServer::~ApiServer() = default;

void ApiServer::Handle(std::shared_ptr<HttpExchange> exchange) {
  const std::string id = NewRequestId();
  const auto record = std::make_shared<RequestRecord>(id);
  const Route* route = FindRoute(exchange->request().path);
  // Callbacks may come after this server has gone: they hold what they need.
  const HttpRequest& asked = exchange->request();
  HttpRequest head{asked.method, asked.path, {}, {}, asked.peer};
  exchange->OnFinished(
      [log = log_, metrics = metrics_, record, head = std::move(head),
       name = std::string(route != nullptr ? route->path : "other")](const HttpOutcome& outcome) {
        const RequestRecord::Facts facts = record->facts();
        metrics->Count(name, outcome, facts);
        log->Write(head, outcome, facts);
      });
  ApiCall call{std::move(exchange), record,   CorsHeaders(asked), model_, engine_,
               deliveries_,         options_, Deadline()};
  call.headers.emplace_back("x-request-id", "req-" + id);
  try {
    Answer(route, call);
  } catch (...) {
    call.RespondError(CurrentApiError());
  }
}

void ApiServer::Answer(const Route* route, ApiCall& call) {
  const HttpRequest& request = call.exchange->request();
  // What a browser asks before it asks. Without the headers of CORS the answer forbids it.
  if (request.method == "OPTIONS" && !FindHeader(request.headers, "Origin").empty()) {
    return call.Respond({204});
  }
  const bool is_open = route != nullptr && route->is_open;
  if (!is_open && !keys_.Opens(FindHeader(request.headers, "Authorization"))) {
    throw ApiError(401, "expected the header Authorization: Bearer KEY with a key that is valid",
                   {}, "invalid_api_key");
  }
  if (route == nullptr) {
    throw ApiError(404, fmt::format("no such path: {}", Printable(request.path)), {}, "not_found");
  }
  const bool is_head = request.method == "HEAD" && route->method == "GET";
  if (request.method != route->method && !is_head) {
    call.headers.emplace_back("Allow", std::string(route->method));
    throw ApiError(405, fmt::format("{}: expected {}", route->path, route->method));
  }
  if (route->at_once != nullptr) return (this->*route->at_once)(call);
  AnswerInTask(*route, call);
}

void ApiServer::AnswerInTask(const Route& route, const ApiCall& call) {
  if (static_cast<int64_t>(bodies_.num_waiting()) >= options_.max_waiting_tasks) {
    throw ApiError(429, "too many requests wait to be read", {}, "queue_full");
  }
  // Who leaves while the body waits is not read any more.
  const auto has_left = std::make_shared<std::atomic<bool>>(false);
  call.exchange->OnDisconnect([has_left] { *has_left = true; });
  bodies_.Post([run = route.in_task, call = ApiCall(call), has_left]() mutable {
    try {
      if (*has_left) throw ApiError(499, "the client has left");
      run(call);
    } catch (...) {
      call.RespondError(CurrentApiError());
    }
  });
}

ServerLoad ApiServer::Load() const {
  return {count_connections_ ? count_connections_() : 0,
          static_cast<int64_t>(bodies_.num_waiting())};
}

std::optional<std::chrono::steady_clock::time_point> ApiServer::Deadline() const {
  if (!options_.deadline_s) return std::nullopt;
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(
             std::chrono::duration<double>(*options_.deadline_s));
}

HttpHeaders ApiServer::CorsHeaders(const HttpRequest& request) const {
  const std::string origin(FindHeader(request.headers, "Origin"));
  if (origin.empty()) return {};
  for (const std::string& allowed : options_.cors_origins) {
    if (allowed != "*" && allowed != origin) continue;
    return {{"Access-Control-Allow-Origin", allowed},
            {"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
            {"Access-Control-Allow-Headers", AllowedHeaders(request)},
            {"Access-Control-Expose-Headers", "x-request-id, Warning"},
            {"Vary", "Origin, Access-Control-Request-Headers"}};
  }
  return {};
}

void ApiServer::AnswerLive(ApiCall& call) { call.RespondJson({{"status", "live"}}); }

void ApiServer::AnswerReady(ApiCall& call) {
  if (const std::optional<std::string> reason = engine_.closed_reason()) {
    throw ApiError(503, *reason);
  }
  const double seconds = engine_.seconds_without_progress();
  if (seconds > options_.ready_timeout_s) {
    throw ApiError(503, fmt::format("engine: no step has ended for {:.1f} s", seconds));
  }
  call.RespondJson({{"status", "ready"}});
}

void ApiServer::AnswerModels(ApiCall& call) {
  const std::string& path = call.exchange->request().path;
  if (!path.starts_with(kModelPrefix)) return call.RespondJson(ModelListJson(model_));
  const std::string name = PercentDecoded(std::string_view(path).substr(kModelPrefix.size()));
  call.CheckModel(name);
  call.RespondJson(ModelJson(model_, name));
}

void ApiServer::AnswerStats(ApiCall& call) { call.RespondJson(StatsJson(engine_.Stats(), Load())); }

void ApiServer::AnswerMetrics(ApiCall& call) {
  call.Respond({200,
                {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                metrics_->Render(engine_.Stats(), Load())});
}

void ApiServer::AnswerOpenApi(ApiCall& call) {
  call.Respond({200, {{"Content-Type", "application/json"}}, api_text_});
}

void ApiServer::AnswerPageFile(ApiCall& call) {
  call.Respond(AnswerPage(call.exchange->request()));
}

}  // namespace trinity
