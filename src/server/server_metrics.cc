#include "server/server_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <vector>

namespace trinity {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

const prometheus::Histogram::BucketBoundaries kSeconds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600};

// What Prometheus calls a counter may not be set. These are counted elsewhere, so a counter is
// moved on to the value that it has there.
class EngineValues {
 public:
  explicit EngineValues(prometheus::Registry& registry) : registry_(registry) {}

  void Set(const std::string& name, const std::string& help, double value) {
    BuildGauge().Name(name).Help(help).Register(registry_).Add({}).Set(value);
  }
  void MoveTo(const std::string& name, const std::string& help, double value,
              const prometheus::Labels& labels = {}) {
    auto& counter = BuildCounter().Name(name).Help(help).Register(registry_).Add(labels);
    if (value > counter.Value()) counter.Increment(value - counter.Value());
  }

 private:
  prometheus::Registry& registry_;
};

void ShowState(const EngineStats& stats, EngineValues& values) {
  const auto set = [&](const char* name, const char* help, int64_t value) {
    values.Set(name, help, static_cast<double>(value));
  };
  set("trinity_queued_requests", "Requests of which nothing has been computed yet",
      stats.num_queued_requests);
  set("trinity_queued_tokens", "Tokens of their prompts", stats.num_queued_tokens);
  set("trinity_running_requests", "Requests that are computed", stats.num_running_requests);
  set("trinity_waiting_sequences", "Answers not begun, or preempted", stats.num_waiting_sequences);
  set("trinity_running_sequences", "Answers that are computed", stats.num_running_sequences);
  set("trinity_sliding_pages", "Pages of sliding layers in use", stats.num_sliding_pages);
  set("trinity_full_pages", "Pages of full layers in use", stats.num_full_pages);
  set("trinity_kv_bytes", "Bytes of keys and values in use", stats.kv_bytes);
  set("trinity_kv_budget_bytes", "Bytes of keys and values at most", stats.kv_budget_bytes);
  set("trinity_kept_prefixes", "Prefixes that are kept", stats.num_kept_prefixes);
  set("trinity_prefix_bytes", "Bytes that only kept prefixes hold", stats.prefix_bytes);
}

void ShowTotals(const EngineStats& stats, EngineValues& values) {
  const auto move = [&](const char* name, const char* help, int64_t value) {
    values.MoveTo(name, help, static_cast<double>(value));
  };
  move("trinity_requests_finished_total", "Requests that have ended", stats.num_finished_requests);
  move("trinity_requests_cancelled_total", "Of these, cancelled", stats.num_cancelled_requests);
  move("trinity_requests_failed_total", "Of these, failed", stats.num_failed_requests);
  move("trinity_steps_total", "Forward passes", stats.num_steps);
  move("trinity_prefill_tokens_total", "Tokens of prompts computed", stats.num_prefill_tokens);
  move("trinity_cached_tokens_total", "Tokens of prompts taken from kept prefixes",
       stats.num_cached_tokens);
  move("trinity_answer_tokens_total", "Tokens of answers", stats.num_answer_tokens);
  move("trinity_preemptions_total", "Answers that gave way and were computed again",
       stats.num_preemptions);
  move("trinity_prefixes_evicted_total", "Prefixes given up for others",
       stats.num_evicted_prefixes);
  values.MoveTo("trinity_step_seconds_total", "Time in forward passes", stats.step_s);
  values.MoveTo("trinity_prefill_seconds_total", "Of it for prompts; passes of both by rows",
                stats.prefill_step_s);
  values.MoveTo("trinity_decode_seconds_total", "Of it for tokens of answers", stats.decode_step_s);
  for (size_t i = 0; i < kNumMissReasons; ++i) {
    const auto reason = static_cast<PrefixMissReason>(i);
    values.MoveTo(
        "trinity_prefix_lookups_total", "Prompts looked up, by why no more of them was cached",
        static_cast<double>(stats.num_lookups[i]), {{"miss", std::string(NameOf(reason))}});
  }
}

void ShowExperts(const ExpertTraffic& experts, EngineValues& values) {
  values.MoveTo("trinity_experts_asked_total", "Experts that steps chose, once a step and layer",
                static_cast<double>(experts.asked));
  values.MoveTo("trinity_experts_read_total", "Of these, those that were not in memory",
                static_cast<double>(experts.read));
  values.MoveTo("trinity_expert_bytes_read_total", "Bytes of experts read from files",
                static_cast<double>(experts.bytes_read));
  values.MoveTo("trinity_expert_read_seconds_total", "Time in which steps waited for that",
                experts.read_s);
  values.Set("trinity_expert_hit_rate", "The share of chosen experts that were in memory",
             experts.hit_rate());
}

}  // namespace

struct ServerMetrics::Parts {
  std::mutex render_mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  prometheus::Family<prometheus::Counter>& requests =
      BuildCounter()
          .Name("trinity_http_requests_total")
          .Help("HTTP requests by route and status; 0: the client went before an answer")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds =
      BuildHistogram()
          .Name("trinity_http_request_seconds")
          .Help("Time from a request to the end of its answer")
          .Register(registry);
  prometheus::Histogram& first_token = BuildHistogram()
                                           .Name("trinity_time_to_first_token_seconds")
                                           .Help("Time in the queue and in the prompt")
                                           .Register(registry)
                                           .Add({}, kSeconds);
  prometheus::Histogram& token = BuildHistogram()
                                     .Name("trinity_time_per_token_seconds")
                                     .Help("Mean time of a token after the first, by request")
                                     .Register(registry)
                                     .Add({}, kSeconds);
};

ServerMetrics::ServerMetrics() : parts_(std::make_unique<Parts>()) {}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::Count(std::string_view route, const HttpOutcome& outcome,
                          const RequestRecord::Facts& facts) {
  const std::string name(route);
  parts_->requests.Add({{"route", name}, {"status", std::to_string(outcome.status)}}).Increment();
  parts_->seconds.Add({{"route", name}}, kSeconds).Observe(outcome.seconds);
  if (facts.usage.num_answer_tokens < 1) return;
  parts_->first_token.Observe(facts.times.queued_s + facts.times.prefill_s);
  if (facts.usage.num_answer_tokens < 2) return;
  parts_->token.Observe(facts.times.decode_s /
                        static_cast<double>(facts.usage.num_answer_tokens - 1));
}

std::string ServerMetrics::Render(const EngineStats& stats, const ServerLoad& load) {
  const std::lock_guard<std::mutex> lock(parts_->render_mutex);
  EngineValues values(parts_->registry);
  values.Set("trinity_http_connections", "Open connections",
             static_cast<double>(load.num_connections));
  values.Set("trinity_unread_requests", "Requests that have arrived and wait to be read",
             static_cast<double>(load.num_unread_requests));
  ShowState(stats, values);
  ShowTotals(stats, values);
  if (stats.experts) ShowExperts(*stats.experts, values);
  return prometheus::TextSerializer().Serialize(parts_->registry.Collect());
}

}  // namespace trinity
