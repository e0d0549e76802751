#include "server/access_log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_text.h"

namespace trinity {
namespace {

constexpr size_t kWaitingLines = 8192;
constexpr size_t kMaxTextBytes = 200;

}  // namespace

struct AccessLog::Parts {
  std::shared_ptr<spdlog::details::thread_pool> thread;
  std::shared_ptr<spdlog::async_logger> logger;
};

AccessLog::AccessLog(const std::optional<std::string>& path) : parts_(std::make_unique<Parts>()) {
  spdlog::sink_ptr sink;
  try {
    if (path) {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(*path);
    } else {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    }
  } catch (const spdlog::spdlog_ex& error) {
    Fail("--log-file: {}", Printable(error.what(), 1000));
  }
  parts_->thread = std::make_shared<spdlog::details::thread_pool>(kWaitingLines, 1);
  parts_->logger = std::make_shared<spdlog::async_logger>(
      "access", sink, parts_->thread, spdlog::async_overflow_policy::overrun_oldest);
  parts_->logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z",%v})");
  parts_->logger->flush_on(spdlog::level::info);
}

AccessLog::~AccessLog() = default;

// The pattern writes the brace and the time before what is written here.
void AccessLog::Write(const HttpRequest& request, const HttpOutcome& outcome,
                      const RequestRecord::Facts& facts) {
  Json json = {{"event", "request"},
               {"id", facts.id},
               {"peer", request.peer},
               {"method", Printable(request.method, kMaxTextBytes)},
               {"path", Printable(request.path, kMaxTextBytes)},
               {"status", outcome.status},
               {"complete", outcome.is_complete},
               {"seconds", outcome.seconds},
               {"sent_bytes", outcome.sent_bytes}};
  if (!facts.finish.empty()) json["finish"] = Printable(facts.finish, kMaxTextBytes);
  if (facts.usage.num_prompt_tokens > 0) {
    json["prompt_tokens"] = facts.usage.num_prompt_tokens;
    json["cached_tokens"] = facts.usage.num_cached_tokens;
    json["completion_tokens"] = facts.usage.num_answer_tokens;
    json["queued_s"] = facts.times.queued_s;
    json["prefill_s"] = facts.times.prefill_s;
    json["decode_s"] = facts.times.decode_s;
  }
  if (!facts.miss.empty()) json["prefix_miss"] = facts.miss;
  if (!facts.sampling.empty()) json["sampling"] = facts.sampling;
  if (!facts.prompt.empty()) json["prompt"] = facts.prompt;
  const std::string text = JsonText(json);
  parts_->logger->info("{}", std::string_view(text).substr(1, text.size() - 2));
}

void AccessLog::WriteEvent(const std::string& event) {
  const std::string text = JsonText(Json{{"event", event}});
  parts_->logger->info("{}", std::string_view(text).substr(1, text.size() - 2));
}

}  // namespace trinity
