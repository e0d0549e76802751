#include "cli/load_command.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/load_report_text.h"
#include "cli/standard_output.h"
#include "load/load_report.h"
#include "load/load_run.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Prompts are token ids that the server's /tokenize makes of common words, so that they are as
long as asked for; text of about that many tokens with --chat, or where the server has no
/tokenize. Answers are greedy and, because of the field ignore_eos, --max-tokens long. The same
--seed asks the same. Answers to the same prompt are compared; with --check each prompt is asked
once alone before the load, and log probabilities are compared too, to the last digit.

A failed request ends with exit code 1, after the report; with --check a wrong answer does too.

Examples:
  trinity load http://127.0.0.1:8080 --clients 16 --requests 4 --prompt-tokens 512 --max-tokens 128
  trinity load http://127.0.0.1:8080 --rate 2 --duration 60 --shared-prefix 100 --plot times.svg
  trinity load http://127.0.0.1:8080 --clients 64 --requests 10 --check --json
)";

constexpr int64_t kDefaultRequests = 10;  // of each client
constexpr int64_t kDefaultCheckedPrompts = 8;

struct LoadFlags {
  std::optional<std::string> url;
  std::optional<int64_t> clients;
  std::optional<int64_t> requests;
  std::optional<double> rate;
  std::optional<double> duration_s;
  std::optional<int64_t> prompt_tokens;
  std::optional<int64_t> shared_prefix;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> prompts;
  std::optional<uint64_t> seed;
  std::optional<std::string> model;
  std::optional<std::string> api_key;
  std::optional<std::string> ca_file;
  std::optional<double> timeout_s;
  bool is_chat = false;
  bool may_end_early = false;
  bool checks = false;
  std::optional<std::string> plot;
  bool is_json = false;

  ParseOutcome Parse(CommandArguments arguments);
  LoadRunOptions Options() const;

 private:
  void AddRequestsTo(CommandLine& line);
  void AddServerTo(CommandLine& line);
  std::optional<int64_t> NumRequests(int64_t num_clients) const;
};

void LoadFlags::AddRequestsTo(CommandLine& line) {
  constexpr int64_t kMostTokens = 1 << 24;
  constexpr int64_t kMostRequests = 1'000'000;
  line.AddInteger("-c,--clients", clients, {1, 4096},
                  "Clients, each of which asks again once it is answered; default 1");
  line.AddInteger("-r,--requests", requests, {1, kMostRequests},
                  "Requests of each client, with --rate in all; default 10, or without limit under "
                  "--duration");
  line.AddNumber("--rate", rate, {1e-6, 1e6},
                 "Ask so often a second at random times, whether or not answers have come");
  line.AddNumber("--duration", duration_s, {0.001, 1e6}, "Ask nothing more after so many seconds");
  line.AddInteger("-p,--prompt-tokens", prompt_tokens, {1, kMostTokens},
                  "Length of a prompt; default 128");
  line.AddInteger("--shared-prefix", shared_prefix, {0, kMostTokens},
                  "Tokens at the beginning of a prompt that are those of all; default 0");
  line.AddInteger("-n,--max-tokens", max_tokens, {1, kMostTokens},
                  "Length of an answer; default 64");
  line.AddInteger("--prompts", prompts, {1, kMostRequests},
                  "Different prompts, taken in turn; default: all differ, under --check 8");
  line.AddSeed("-s,--seed", seed, "Of prompts and times; default 0");
  line.AddFlag("--chat", is_chat, "Ask /v1/chat/completions instead of /v1/completions");
  line.AddFlag("--allow-end", may_end_early,
               "Let answers end before --max-tokens; for servers that refuse ignore_eos, which is "
               "no field of OpenAI's");
  line.AddFlag("--check", checks,
               "Ask each prompt once alone first; any other answer to it is then wrong");
}

void LoadFlags::AddServerTo(CommandLine& line) {
  line.AddText("--model", model, "NAME",
               "The model to ask for; default: the first that the server lists");
  line.AddText("--api-key", api_key, "KEY", "Default: $TRINITY_API_KEY, where it is set");
  line.AddText("--ca-file", ca_file, "FILE",
               "Certificates, PEM, that are trusted beside those of the system");
  line.AddNumber("--timeout", timeout_s, {0.001, 1e6},
                 "Seconds after which a request has failed; default 600");
}

ParseOutcome LoadFlags::Parse(CommandArguments arguments) {
  CommandLine line("trinity load", "How a server that speaks OpenAI's API answers under load",
                   kFooter);
  line.AddPositional("URL", url, "The server: http://HOST:PORT or https://HOST:PORT");
  AddRequestsTo(line);
  AddServerTo(line);
  line.AddText("--plot", plot, "FILE", "Draw the times as an SVG image");
  line.AddFlag("--json", is_json,
               "Print one JSON object: url, model, load, requests, succeeded, failures (kind, "
               "count, example), wall_s, tokens_per_s, prompt_tokens_per_s, tokens, times "
               "(time_to_first_token_s, between_tokens_s, whole_s, stream_tokens_per_s), check");
  return line.Parse(arguments);
}

std::optional<int64_t> LoadFlags::NumRequests(int64_t num_clients) const {
  if (requests) return rate ? *requests : *requests * num_clients;
  if (duration_s) return {};
  return rate ? kDefaultRequests : kDefaultRequests * num_clients;
}

LoadRunOptions LoadFlags::Options() const {
  if (!url) throw UsageError("expected a URL, found none (see trinity load --help)");
  if (clients && rate) throw UsageError("--clients and --rate: expected one of them");
  LoadRunOptions options;
  options.url = ParseServerUrl(*url);
  if (ca_file && !options.url.is_tls) throw UsageError("--ca-file: expected an https URL with it");
  options.http.ca_file = ca_file;
  options.http.api_key = api_key;
  if (const char* key = std::getenv("TRINITY_API_KEY"); !api_key && key && *key != '\0') {
    options.http.api_key = key;
  }
  if (options.http.api_key && options.http.api_key->find_first_of("\r\n") != std::string::npos) {
    throw UsageError("--api-key: expected one line");
  }
  if (timeout_s) options.http.timeout = std::chrono::duration<double>(*timeout_s);
  options.model = model;
  options.is_chat = is_chat;
  options.prompt_tokens = prompt_tokens.value_or(options.prompt_tokens);
  options.shared_prefix = shared_prefix.value_or(0);
  if (options.shared_prefix > options.prompt_tokens) {
    throw UsageError(
        fmt::format("--shared-prefix: expected at most {}, the --prompt-tokens, "
                    "found {}",
                    options.prompt_tokens, options.shared_prefix));
  }
  options.max_tokens = max_tokens.value_or(options.max_tokens);
  options.may_end_early = may_end_early;
  options.checks = checks;
  options.num_prompts = checks ? prompts.value_or(kDefaultCheckedPrompts) : prompts;
  options.seed = seed.value_or(0);
  options.num_clients = clients.value_or(1);
  options.rate = rate;
  options.duration_s = duration_s;
  options.num_requests = NumRequests(options.num_clients);
  return options;
}

// Throws Error for what must not have happened.
void Judge(const LoadRunOptions& options, const LoadReport& report) {
  std::string kinds;
  for (const auto& [kind, failures] : report.failures) {
    kinds += fmt::format("{}{} ({})", kinds.empty() ? "" : ", ", Printable(kind), failures.count);
  }
  if (!kinds.empty()) {
    Fail("{} of {} requests failed: {}", report.num_requests - report.num_succeeded,
         report.num_requests, kinds);
  }
  if (options.checks && report.num_wrong > 0) {
    Fail("{} of {} answers are not those of the same prompt alone", report.num_wrong,
         report.num_compared);
  }
}

}  // namespace

int LoadCommand(CommandArguments arguments) {
  LoadFlags flags;
  if (flags.Parse(arguments) == ParseOutcome::kHelpShown) return 0;
  if (flags.plot) RequireFileOrNone(*flags.plot);
  const LoadRunOptions options = flags.Options();
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  const LoadResult result = RunLoad(options, cancel);
  const LoadReport report = ReportOn(result);
  WriteOutput(flags.is_json ? JsonText(LoadReportJson(options, result, report)) + "\n"
                            : LoadReportText(options, result, report));
  if (flags.plot) {
    AtomicFile file(*flags.plot);
    file.Append(LoadReportSvg(options, report));
    file.Commit();
  }
  if (cancel.is_cancelled()) throw Interrupted();
  Judge(options, report);
  return 0;
}

}  // namespace trinity
