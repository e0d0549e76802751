#include "load/load_run.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_text.h"
#include "load/arrival_times.h"
#include "load/http_client.h"
#include "load/load_prompts.h"
#include "load/server_error.h"
#include "load/streamed_request.h"
#include "load/whole_response.h"

namespace trinity {
namespace {

using Clock = StreamedRequest::Clock;

constexpr int kOk = 200;
// How often the run looks whether it is cancelled.
constexpr std::chrono::milliseconds kLookInterval{50};
// Of which the ids of prompts are drawn.
constexpr int64_t kSampleWords = 2048;
// A server that fails so often, and never answers between, has gone.
constexpr int64_t kMostFailuresInARow = 100;

class LoadRun {
 public:
  LoadRun(const LoadRunOptions& options, const CancelToken& cancel)
      : options_(options),
        cancel_(cancel),
        client_(io_, options.url, options.http),
        arrival_timer_(io_) {}

  LoadResult Execute() {
    result_.model = options_.model ? *options_.model : FindModel();
    std::vector<int32_t> ids = SampleIds();
    const double tokens_per_word =
        ids.empty() ? 1 : static_cast<double>(ids.size()) / static_cast<double>(kSampleWords);
    prompts_.emplace(options_, std::move(ids), tokens_per_word);
    result_.prompts_are_ids = prompts_->are_ids();
    if (options_.checks) AskEachAlone();
    if (!cancel_.is_cancelled()) Load();
    return std::move(result_);
  }

 private:
  using ErrorCode = boost::system::error_code;

  // Until everything that was sent has ended.
  void RunToEnd() {
    io_.restart();
    while (!io_.stopped()) {
      io_.run_for(kLookInterval);
      if (!cancel_.is_cancelled()) continue;
      arrival_timer_.cancel();
      client_.Abort();
    }
  }

  std::shared_ptr<const WholeResponse> Ask(const std::string& path, const std::string& body) {
    const auto response = std::make_shared<WholeResponse>();
    client_.Send(path, body, response);
    RunToEnd();
    if (response->failure()) {
      Fail("{}{}: {}", options_.url.ToText(), path, response->failure()->what());
    }
    return response;
  }

  // The first model that the server lists.
  std::string FindModel() {
    const auto response = Ask("/v1/models", "");
    const std::string where = options_.url.ToText() + "/v1/models";
    if (response->status() != kOk) {
      Fail("{}: expected the models of the server (or --model), found HTTP {}: {}", where,
           response->status(), ServerErrorTextOfBody(response->body()));
    }
    const Json json = ParseJson(response->body(), where);
    const Json::json_pointer place("/data/0/id");
    if (!json.contains(place) || !json.at(place).is_string()) {
      Fail("{}: expected a model at {}, found none (give --model)", where, place.to_string());
    }
    return json.at(place).get<std::string>();
  }

  // Token ids of common words; none where the server has no /tokenize that says any.
  std::vector<int32_t> SampleIds() {
    const Json body = {{"content", LoadPrompts::Words(options_.seed, kSampleWords)}};
    const auto response = Ask("/tokenize", JsonText(body));
    std::vector<int32_t> ids;
    if (response->status() != kOk) return ids;
    const Json json = ParseJson(response->body(), options_.url.ToText() + "/tokenize");
    if (!json.is_object() || !json.contains("tokens") || !json["tokens"].is_array()) return ids;
    for (const Json& id : json["tokens"]) {
      if (!id.is_number_integer()) return {};
      ids.push_back(id.get<int32_t>());
    }
    return ids;
  }

  void Send(int64_t prompt_index, std::function<void(RequestOutcome)> on_end) {
    const std::string body = JsonText(prompts_->BodyOf(prompt_index, result_.model));
    client_.Send(options_.is_chat ? "/v1/chat/completions" : "/v1/completions", body,
                 std::make_shared<StreamedRequest>(prompt_index, options_.max_tokens, beginning_,
                                                   std::move(on_end)));
  }

  void AskEachAlone() {
    beginning_ = Clock::now();
    for (int64_t i = 0; i < NumPrompts() && !cancel_.is_cancelled(); ++i) {
      Send(i, [this](RequestOutcome outcome) { result_.alone.push_back(std::move(outcome)); });
      RunToEnd();
      const std::optional<LoadFailure>& failure = result_.alone.back().failure;
      if (failure && !cancel_.is_cancelled()) {
        Fail("{}: prompt {} alone: {}: {}", options_.url.ToText(), i, failure->kind(),
             failure->what());
      }
    }
  }

  int64_t NumPrompts() const {
    constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
    return options_.num_prompts.value_or(options_.num_requests.value_or(kUnlimited));
  }

  void Load() {
    beginning_ = Clock::now();
    if (options_.rate) {
      arrivals_.emplace(*options_.rate, options_.seed);
      AwaitArrival();
    } else {
      for (int64_t i = 0; i < options_.num_clients; ++i) SendNext();
    }
    RunToEnd();
    for (const RequestOutcome& outcome : result_.outcomes) {
      result_.wall_s = std::max(result_.wall_s, outcome.end_s);
    }
  }

  bool MayAskMore() const {
    if (cancel_.is_cancelled() || num_failures_in_a_row_ >= kMostFailuresInARow) return false;
    if (options_.num_requests && num_sent_ >= *options_.num_requests) return false;
    if (!options_.duration_s) return true;
    return Clock::now() - beginning_ < std::chrono::duration<double>(*options_.duration_s);
  }

  void SendNext() {
    if (!MayAskMore()) return;
    Send(num_sent_++ % NumPrompts(), [this](RequestOutcome outcome) {
      num_failures_in_a_row_ = outcome.failure ? num_failures_in_a_row_ + 1 : 0;
      if (!cancel_.is_cancelled()) result_.outcomes.push_back(std::move(outcome));
      if (!options_.rate) SendNext();
    });
  }

  void AwaitArrival() {
    const std::chrono::duration<double> arrival(arrivals_->Next());
    arrival_timer_.expires_at(beginning_ + std::chrono::duration_cast<Clock::duration>(arrival));
    arrival_timer_.async_wait([this](const ErrorCode& error) {
      if (error || !MayAskMore()) return;
      SendNext();
      AwaitArrival();
    });
  }

  const LoadRunOptions& options_;
  const CancelToken& cancel_;
  boost::asio::io_context io_;
  HttpClient client_;
  boost::asio::steady_timer arrival_timer_;
  std::optional<LoadPrompts> prompts_;
  std::optional<ArrivalTimes> arrivals_;
  Clock::time_point beginning_;
  int64_t num_sent_ = 0;
  int64_t num_failures_in_a_row_ = 0;
  LoadResult result_;
};

}  // namespace

LoadResult RunLoad(const LoadRunOptions& options, const CancelToken& cancel) {
  return LoadRun(options, cancel).Execute();
}

}  // namespace trinity
