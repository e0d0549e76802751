#include "cli/serve_command.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/kept_prefixes.h"
#include "cli/serve_flags.h"
#include "cli/server_end.h"
#include "cli/standard_output.h"
#include "engine/engine.h"
#include "measure/machine.h"
#include "server/api_server.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Answers OpenAI's API: /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models, and
/tokenize, /detokenize, /apply-template, /health/live, /health/ready, /metrics, /v1/stats and
/openapi.json; browsers find a page to chat at /. The address goes to stdout once requests are
taken; a line of JSON for each request goes to stderr. SIGTERM or Ctrl-C lets what is in progress
end, a second one does not.

Examples:
  trinity serve
  trinity serve /path/to/Trinity-Mini --port 9000 --alias gpt-4o-mini --kv-budget 8GiB
  curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \
       -d '{"messages": [{"role": "user", "content": "What is a violin?"}]}'
)";

constexpr double kDefaultDrainTimeout = 30;

// Without the seed: each request has its own.
std::string SamplingText(const SamplingOptions& sampling) {
  const std::string text = DescribeSampling(sampling);
  return text.substr(0, text.rfind(", seed "));
}

ServedModel Describe(const LanguageModel& model, const ServeFlags& flags) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(model.checkpoint.folder(), error);
  ServedModel served{flags.id.value_or(folder.filename().string()),
                     flags.aliases,
                     model.tokenizer,
                     model.found_format ? &*model.found_format : nullptr,
                     model.sampling_defaults.options,
                     model.stop_ids};
  served.num_tokens = model.num_tokens;
  served.vocab_size = model.config.vocab_size;
  served.hidden_size = model.config.hidden_size;
  served.created_s = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  return served;
}

int Serve(const ServeFlags& flags) {
  const HttpAddress address = flags.Address();
  const HttpLimits limits = flags.Limits();
  const ServerOptions options = flags.ApiOptions();
  const std::optional<PrefixStorage> storage = flags.Storage();
  const auto log = std::make_shared<AccessLog>(flags.log_file);

  const LanguageModel model = LanguageModel::Open(flags.model.path());
  // What is left beside the weights is for keys and values, whose pages are counted as they are
  // used.
  RunShape least;
  least.context = std::min(least.prefill_chunk, model.config.max_position_embeddings);
  const LoadedModel loaded = LoadModel(model.checkpoint, flags.model, least);
  int64_t available = DescribeMachine().available_bytes / flags.model.ranks_of_this_host();
  if (const auto& store = loaded.model->weights().expert_store) {
    available = std::max<int64_t>(1, available - store->untouched_bytes());
  }
  const EngineOptions engine_options = flags.EngineOptionsFor(model, available);
  Engine engine(*loaded.model, model.tokenizer, engine_options);
  const KeptPrefixes prefixes(storage, model, *loaded.model, flags.model, log);
  prefixes.Load(engine);
  ServedModel served = Describe(model, flags);
  served.max_context = engine.max_context();

  std::unique_ptr<ApiServer> api = std::make_unique<ApiServer>(served, engine, options, log);
  HttpServer http(address, limits, [&api](std::shared_ptr<HttpExchange> exchange) {
    api->Handle(std::move(exchange));
  });
  api->CountConnectionsBy([&http] { return http.num_connections(); });
  std::optional<std::string> failure;
  {
    ServerEnd end(http, engine, prefixes, flags.drain_timeout_s.value_or(kDefaultDrainTimeout));
    WriteNotice(fmt::format(
        "[{}: {} tokens of context, {} for keys and values; unless asked otherwise {}]\n",
        served.id, served.max_context, ByteText(engine_options.kv_budget_bytes),
        SamplingText(served.sampling_defaults)));
    WriteOutput(http.url() + "\n");
    http.Run();
    failure = end.Finish();
  }
  // The engine, which has stopped, has left its last events as tasks, and what tasks write goes to
  // connections.
  api.reset();
  log->WriteEvent(failure.value_or("stopped"));
  if (failure) throw Error(*failure);
  return 0;
}

}  // namespace

int ServeCommand(CommandArguments arguments) {
  ServeFlags flags;
  CommandLine line("trinity serve", "Answers the OpenAI API over HTTP", kFooter);
  line.AddPositional("MODEL", flags.model.positional, kModelHelp);
  flags.AddTo(line);
  if (line.Parse(arguments) == ParseOutcome::kHelpShown) return 0;
  return Serve(flags);
}

}  // namespace trinity
