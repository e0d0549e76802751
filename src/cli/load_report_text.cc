#include "cli/load_report_text.h"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/roof_chart.h"

namespace trinity {
namespace {

constexpr double kMs = 1000;  // in a second

struct NamedTimes {
  std::string_view name;
  const char* key;
  const Percentiles& times_s;
};

std::array<NamedTimes, 3> TimesOf(const LoadReport& report) {
  return {{{"time to first token", "time_to_first_token_s", report.first_token_s},
           {"between tokens", "between_tokens_s", report.between_tokens_s},
           {"whole answer", "whole_s", report.whole_s}}};
}

// Null where nothing was measured.
Json ToJson(const Percentiles& values) {
  if (values.count == 0) return nullptr;
  return {{"count", values.count}, {"mean", values.mean}, {"p50", values.p50},
          {"p90", values.p90},     {"p99", values.p99},   {"max", values.max}};
}

std::string RowText(std::string_view name, const Percentiles& values, double scale) {
  if (values.count == 0) return {};
  return fmt::format("{:<28}{:>10.2f}{:>10.2f}{:>10.2f}{:>10.2f}{:>10.2f}\n", name,
                     values.p50 * scale, values.p90 * scale, values.p99 * scale, values.max * scale,
                     values.mean * scale);
}

std::string PromptText(const LoadRunOptions& options, const LoadResult& result) {
  const std::string_view kind = result.prompts_are_ids ? "" : "about ";
  std::string text =
      fmt::format("prompts of {}{} tokens", kind, DigitGroups(options.prompt_tokens));
  if (options.shared_prefix > 0) {
    text += fmt::format(", {} of them shared", DigitGroups(options.shared_prefix));
  }
  return text;
}

std::string LoadShapeText(const LoadRunOptions& options) {
  if (options.rate) return fmt::format("{} requests a second", *options.rate);
  return fmt::format("{} client{}", options.num_clients, options.num_clients == 1 ? "" : "s");
}

std::string CheckText(const LoadReport& report) {
  if (report.num_compared == 0) return {};
  return fmt::format("{} of {} repeated answers differ, by {}\n", report.num_wrong,
                     report.num_compared,
                     report.compares_logprobs ? "text and log probabilities" : "text");
}

}  // namespace

std::string LoadReportText(const LoadRunOptions& options, const LoadResult& result,
                           const LoadReport& report) {
  std::string text = fmt::format("{}, {}: {}; {}, answers of {}\n", options.url.ToText(),
                                 Printable(result.model), LoadShapeText(options),
                                 PromptText(options, result), DigitGroups(options.max_tokens));
  text += fmt::format("{} of {} requests succeeded in {:.2f} s\n", report.num_succeeded,
                      report.num_requests, report.wall_s);
  for (const auto& [kind, failures] : report.failures) {
    text += fmt::format("  {} failed, {}: {}\n", failures.count, Printable(kind),
                        Printable(failures.example, 300));
  }
  if (report.num_succeeded == 0) return text;
  text += fmt::format("\n{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "", "p50", "p90", "p99", "max",
                      "mean");
  for (const NamedTimes& times : TimesOf(report)) {
    text += RowText(fmt::format("{}, ms", times.name), times.times_s, kMs);
  }
  text += RowText("tokens/s of one stream", report.tokens_per_s, 1);
  text += fmt::format("\n{:.1f} tokens/s out ({}{}), {:.1f} in ({}, {} of them cached)\n",
                      report.answer_tokens_per_s(), DigitGroups(report.num_answer_tokens),
                      report.usage_is_known ? "" : " events: the server does not count tokens",
                      report.prompt_tokens_per_s(), DigitGroups(report.num_prompt_tokens),
                      DigitGroups(report.num_cached_tokens));
  return text + CheckText(report);
}

Json LoadReportJson(const LoadRunOptions& options, const LoadResult& result,
                    const LoadReport& report) {
  Json json;
  json["url"] = options.url.ToText();
  json["model"] = result.model;
  json["load"] = {{"clients", options.rate ? Json() : Json(options.num_clients)},
                  {"rate", options.rate ? Json(*options.rate) : Json()},
                  {"endpoint", options.is_chat ? "chat" : "completions"},
                  {"prompt_tokens", options.prompt_tokens},
                  {"shared_prefix", options.shared_prefix},
                  {"prompts_are_ids", result.prompts_are_ids},
                  {"max_tokens", options.max_tokens},
                  {"seed", options.seed}};
  json["requests"] = report.num_requests;
  json["succeeded"] = report.num_succeeded;
  json["failures"] = Json::array();
  for (const auto& [kind, failures] : report.failures) {
    json["failures"].push_back(
        {{"kind", kind}, {"count", failures.count}, {"example", failures.example}});
  }
  json["wall_s"] = report.wall_s;
  json["tokens_per_s"] = report.answer_tokens_per_s();
  json["prompt_tokens_per_s"] = report.prompt_tokens_per_s();
  json["tokens"] = {{"prompt", report.num_prompt_tokens},
                    {"cached", report.num_cached_tokens},
                    {"answer", report.num_answer_tokens},
                    {"counted_by_server", report.usage_is_known}};
  for (const NamedTimes& times : TimesOf(report)) json["times"][times.key] = ToJson(times.times_s);
  json["times"]["stream_tokens_per_s"] = ToJson(report.tokens_per_s);
  json["check"] = {{"compared", report.num_compared},
                   {"wrong", report.num_wrong},
                   {"log_probabilities", report.compares_logprobs}};
  return json;
}

std::string LoadReportSvg(const LoadRunOptions& options, const LoadReport& report) {
  std::vector<RoofBar> bars;
  for (const NamedTimes& times : TimesOf(report)) {
    const Percentiles& values = times.times_s;
    const auto add = [&](std::string_view which, double value_s) {
      bars.push_back({fmt::format("{}, {}", times.name, which),
                      fmt::format("{:.2f} ms", value_s * kMs),
                      values.max > 0 ? value_s / values.max : 0});
    };
    add("p50", values.p50);
    add("p90", values.p90);
    add("p99", values.p99);
    add("longest", values.max);
  }
  const std::string subtitle =
      fmt::format("Share of the longest time of its kind; {}, {} of {} requests, {:.1f} tokens/s",
                  LoadShapeText(options), report.num_succeeded, report.num_requests,
                  report.answer_tokens_per_s());
  return RoofChartSvg(options.url.ToText(), subtitle, bars);
}

}  // namespace trinity
