#include "server/status_json.h"

#include <nlohmann/json.hpp>

namespace trinity {

Json StatsJson(const EngineStats& stats, const ServerLoad& load) {
  Json lookups = Json::object();
  for (size_t i = 0; i < kNumMissReasons; ++i) {
    lookups[std::string(NameOf(static_cast<PrefixMissReason>(i)))] = stats.num_lookups[i];
  }
  Json json;
  json["connections"] = load.num_connections;
  json["requests"] = {
      {"unread", load.num_unread_requests},        {"queued", stats.num_queued_requests},
      {"running", stats.num_running_requests},     {"finished", stats.num_finished_requests},
      {"cancelled", stats.num_cancelled_requests}, {"failed", stats.num_failed_requests}};
  json["queued_tokens"] = stats.num_queued_tokens;
  json["sequences"] = {{"waiting", stats.num_waiting_sequences},
                       {"running", stats.num_running_sequences},
                       {"preempted", stats.num_preemptions}};
  json["kv"] = {{"bytes", stats.kv_bytes},
                {"budget_bytes", stats.kv_budget_bytes},
                {"sliding_pages", stats.num_sliding_pages},
                {"full_pages", stats.num_full_pages}};
  json["prefixes"] = {{"kept", stats.num_kept_prefixes},
                      {"bytes", stats.prefix_bytes},
                      {"evicted", stats.num_evicted_prefixes},
                      {"lookups_by_miss", lookups}};
  json["tokens"] = {{"prefill", stats.num_prefill_tokens},
                    {"cached", stats.num_cached_tokens},
                    {"answers", stats.num_answer_tokens}};
  if (const std::optional<ExpertTraffic>& experts = stats.experts) {
    json["experts"] = {{"asked", experts->asked},
                       {"read", experts->read},
                       {"hit_rate", experts->hit_rate()},
                       {"bytes_read", experts->bytes_read},
                       {"read_s", experts->read_s}};
  }
  json["steps"] = {{"count", stats.num_steps},
                   {"seconds", stats.step_s},
                   {"prefill_seconds", stats.prefill_step_s},
                   {"decode_seconds", stats.decode_step_s}};
  return json;
}

Json ModelJson(const ServedModel& model, const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", model.created_s},
          {"owned_by", "trinity"},
          {"root", model.id},
          {"max_model_len", model.max_context},
          {"default_sampling",
           {{"temperature", model.sampling_defaults.temperature},
            {"top_k", model.sampling_defaults.top_k},
            {"top_p", model.sampling_defaults.top_p},
            {"min_p", model.sampling_defaults.min_p}}}};
}

Json ModelListJson(const ServedModel& model) {
  Json json = {{"object", "list"}, {"data", Json::array({ModelJson(model, model.id)})}};
  for (const std::string& alias : model.aliases) json["data"].push_back(ModelJson(model, alias));
  return json;
}

}  // namespace trinity
