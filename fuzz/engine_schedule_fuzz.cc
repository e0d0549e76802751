// The scheduler and the prefix cache as a state machine: requests that come, branch from each
// other, are cancelled and preempted, against the definition of their answers. The input is four
// bytes of options, then actions: a letter and the bytes that say how.

#include <algorithm>
#include <numeric>
#include <string_view>

#include "base/check.h"
#include "base/error.h"
#include "engine/scheduler.h"
#include "fuzz/byte_alphabet_json.h"
#include "fuzz/input_parts.h"
#include "fuzz/read_back_model.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

constexpr int64_t kWindow = 100;
constexpr int64_t kMaxContext = 700;
constexpr int32_t kStopId = 15;
constexpr size_t kMaxRequests = 48;

Tokenizer MakeTokenizer() {
  ScratchFile file;
  file.Write(WithByteAlphabet(
      R"({"version": "1.0", "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
      "use_regex": false}, "decoder": {"type": "ByteLevel"},
      "model": {"type": "BPE", "vocab": {@BYTES@}, "merges": []}})"));
  return Tokenizer::Load(file.path());
}

// What is heard of a request; ends the program where the order of calls is wrong.
struct Heard : RequestListener {
  struct Answer {
    std::vector<int32_t> ids;
    std::optional<FinishReason> reason;
  };
  explicit Heard(int64_t num_answers) : answers(static_cast<size_t>(num_answers)) {}

  void OnPrefill(const PrefillProgress& progress) override {
    TRINITY_CHECK(!has_ended() && progress.num_cached < progress.num_total);
    TRINITY_CHECK(progress.num_done > 0 && progress.num_done <= progress.num_total);
  }
  void OnPromptLogprobs(std::span<const TokenLogprobs> logprobs) override {
    TRINITY_CHECK(!has_ended() && num_prompt_logprobs == 0);
    num_prompt_logprobs = logprobs.size();
  }
  void OnEmbedding(std::span<const float> mean) override {
    TRINITY_CHECK(!has_ended() && !embedding && mean.size() == 1);
    embedding = mean.front();
  }
  void OnToken(const AnswerToken& token) override {
    Answer& answer = answers.at(static_cast<size_t>(token.answer));
    TRINITY_CHECK(!has_ended() && !answer.reason);
    answer.ids.push_back(token.id);
  }
  void OnAnswerEnd(const AnswerEnd& end) override {
    Answer& answer = answers.at(static_cast<size_t>(end.answer));
    TRINITY_CHECK(!has_ended() && !answer.reason);
    answer.reason = end.reason;
  }
  void OnEnd(const RequestUsage& end_usage) override {
    TRINITY_CHECK(!has_ended());
    usage = end_usage;
  }
  void OnFailure(RequestFailure, const std::string& message) override {
    TRINITY_CHECK(!has_ended());
    CheckMessage(message);
    has_failed = true;
  }
  bool has_ended() const { return usage || has_failed; }

  std::vector<Answer> answers;
  size_t num_prompt_logprobs = 0;
  std::optional<float> embedding;
  std::optional<RequestUsage> usage;
  bool has_failed = false;
};

// Bytes, one by one; 0 after the last.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}
  bool is_empty() const { return rest_.empty(); }
  int64_t Next() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

 private:
  std::string_view rest_;
};

EngineOptions OptionsOf(Bytes& bytes, int64_t page_bytes) {
  EngineOptions options;
  options.kv_budget_bytes = page_bytes * (2 + bytes.Next() % 128);
  options.max_sequences = 1 + bytes.Next() % 8;
  options.step_tokens = options.max_sequences + bytes.Next();
  const int64_t keeping = bytes.Next();
  options.keeps_prefixes = keeping % 8 != 0;
  options.keep_every_tokens = kKvPageTokens * (1 + keeping % 4);
  return options;
}

class Play {
 public:
  Play(const Tokenizer& tokenizer, Bytes bytes)
      : tokenizer_(tokenizer),
        bytes_(bytes),
        config_(ReadBackConfig(kWindow, kMaxContext)),
        options_(OptionsOf(bytes_, KvPageBytes(DType::kF32, config_.head_dim))),
        scheduler_(
            config_, options_, [this](const Step& step, Activations& a) { Forward(step, a); },
            FreedPages::kFillWithNan) {}

  void Run() {
    while (!bytes_.is_empty()) Act(bytes_.Next());
    // Whoever has the highest rank computes at least a token a step.
    int64_t most_steps = 100;
    for (const Asked& asked : asked_) {
      most_steps += (asked.num_prompt_ids + asked.max_tokens + 1) * asked.num_answers * 4;
    }
    for (; scheduler_.has_work(); --most_steps) {
      TRINITY_CHECK(most_steps > 0);
      RunStep();
    }
    const EngineStats stats = scheduler_.Stats();
    for (const Asked& asked : asked_) {
      CheckAnswers(asked);
      if (stats.num_evicted_prefixes == 0 && asked.heard->usage) CheckReuse(*asked.heard->usage);
    }
    TRINITY_CHECK(scheduler_.CountPrefixBytes() == stats.kv_bytes);
    scheduler_.ForgetPrefixes();
    TRINITY_CHECK(scheduler_.Stats().kv_bytes == 0);
  }

 private:
  struct Asked {
    std::vector<int32_t> prompt_ids;
    int64_t num_prompt_ids = 0;
    int64_t max_tokens = 0;
    int64_t num_answers = 1;
    bool wants_embedding = false;
    bool is_cancelled = false;
    std::shared_ptr<Heard> heard;
  };

  void Act(int64_t action) {
    switch (action) {
      case 'p': {  // a prompt of its own
        const int64_t seed = bytes_.Next();
        return Ask(Tokens(seed, 1 + bytes_.Next() * 2));
      }
      case 'b': {  // one that begins like another's prompt and answer
        if (asked_.empty()) return;
        std::vector<int32_t> ids = TextOf(asked_[Index(asked_.size())]);
        ids.resize(std::min(ids.size(), static_cast<size_t>(bytes_.Next() * 3)));
        const std::vector<int32_t> rest = Tokens(bytes_.Next(), 1 + bytes_.Next() % 32);
        ids.insert(ids.end(), rest.begin(), rest.end());
        return Ask(std::move(ids));
      }
      case 'c':
        if (asked_.empty()) return;
        return Cancel(Index(asked_.size()));
      case 'a':
        if (asked_.empty()) return;
        return CancelWithinAStep(Index(asked_.size()));
      case 'r':
        can_read_ = false;
        if (scheduler_.has_work()) RunStep();
        can_read_ = true;
        return;
      case 'x':
        return scheduler_.FailAll(RequestFailure::kClosed, "closed");
      case 'f':
        return scheduler_.ForgetPrefixes();
      default:
        for (int64_t i = action % 8; i >= 0 && scheduler_.has_work(); --i) RunStep();
    }
  }

  size_t Index(size_t size) { return static_cast<size_t>(bytes_.Next()) % size; }

  static std::vector<int32_t> Tokens(int64_t seed, int64_t count) {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < count; ++i) {
      ids.push_back(static_cast<int32_t>((seed + i * (seed % 7 + 1) + i / 16) % kReadBackTokens));
    }
    return ids;
  }

  static std::vector<int32_t> TextOf(const Asked& asked) {
    std::vector<int32_t> ids = asked.prompt_ids;
    const std::vector<int32_t>& answer = asked.heard->answers.front().ids;
    ids.insert(ids.end(), answer.begin(), answer.end());
    return ids;
  }

  void Ask(std::vector<int32_t> prompt_ids) {
    if (asked_.size() == kMaxRequests) return;
    const int64_t how = bytes_.Next();
    EngineRequest request;
    request.text.tokens.prompt_ids = prompt_ids;
    request.text.tokens.max_tokens = bytes_.Next() % 100;
    request.text.tokens.stop_ids = {kStopId};
    request.text.tokens.num_tokens = kReadBackTokens;
    request.num_answers = how % 4 == 0 ? 3 : 1;
    request.priority = how / 4 % 3;
    if (how / 16 % 4 == 0) request.turn_ends = {static_cast<int64_t>(prompt_ids.size()) / 2};
    if (how / 64 == 0) request.num_prompt_logprobs = 1;
    request.wants_embedding = how / 64 == 1;
    if (how == 255) request.deadline = std::chrono::steady_clock::now();
    const auto accepted =
        Accepts([&] { ValidateRequest(request, kReadBackTokens, scheduler_.max_context()); });
    if (!accepted) return;
    auto heard = std::make_shared<Heard>(request.num_answers);
    asked_.push_back({prompt_ids, static_cast<int64_t>(prompt_ids.size()),
                      *request.text.tokens.max_tokens, request.num_answers, request.wants_embedding,
                      false, heard});
    scheduler_.Add(std::make_unique<ActiveRequest>(asked_.size(), request, heard, tokenizer_));
  }

  void Cancel(size_t index) {
    const bool has_ended = asked_[index].heard->has_ended();
    scheduler_.Cancel(index + 1);
    TRINITY_CHECK(asked_[index].heard->has_ended());
    if (!has_ended) asked_[index].is_cancelled = true;
  }

  // As where experts stay in a file that cannot be read.
  void Forward(const Step& step, Activations& a) {
    if (can_read_) return ReadBackForward(config_, step, a);
    for (const StepSequence& rows : step.sequences()) rows.cache->Reserve(rows.num_rows);
    throw StorageError("a file cannot be read");
  }

  void CancelWithinAStep(size_t index) {
    scheduler_.SetCancelQuestion([=](RequestId id) { return id == index + 1; });
    if (scheduler_.has_work()) RunStep();
    scheduler_.SetCancelQuestion(nullptr);
    Cancel(index);
  }

  void RunStep() {
    scheduler_.RunStep();
    const EngineStats stats = scheduler_.Stats();
    TRINITY_CHECK(stats.kv_bytes <= stats.kv_budget_bytes);
    TRINITY_CHECK(stats.num_running_sequences <= options_.max_sequences);
  }

  void CheckAnswers(const Asked& asked) const {
    const Heard& heard = *asked.heard;
    TRINITY_CHECK(heard.has_ended());
    if (heard.usage) TRINITY_CHECK(heard.usage->num_cached_tokens < asked.num_prompt_ids);
    if (heard.usage && asked.wants_embedding && !asked.is_cancelled) {
      const std::span<const int32_t> ids = asked.prompt_ids;
      const double sum = std::accumulate(ids.begin(), ids.end(), 0.0);
      TRINITY_CHECK(heard.embedding == static_cast<float>(sum / static_cast<double>(ids.size())));
    }
    for (const Heard::Answer& answer : asked.heard->answers) {
      TRINITY_CHECK(answer.reason || heard.has_failed);
      std::vector<int32_t> ids = asked.prompt_ids;
      for (const int32_t id : answer.ids) {
        TRINITY_CHECK(id == ReadBackNext(config_, ids));
        ids.push_back(id);
      }
      const auto num_answer_ids = static_cast<int64_t>(answer.ids.size());
      const auto length = static_cast<int64_t>(ids.size());
      if (!answer.reason) continue;
      const bool is_long = num_answer_ids == asked.max_tokens || length > scheduler_.max_context();
      if (*answer.reason == FinishReason::kCancelled) {
        TRINITY_CHECK(asked.is_cancelled);
      } else if (*answer.reason == FinishReason::kLength) {
        TRINITY_CHECK(is_long);
      } else {
        TRINITY_CHECK(ReadBackNext(config_, ids) == kStopId);
      }
    }
  }

  // Of what had been seen before, fewer tokens than lie between two kept states are computed again.
  void CheckReuse(const RequestUsage& usage) const {
    if (usage.miss.reason == PrefixMissReason::kOff) return;
    const int64_t usable = std::min(usage.miss.num_matched, usage.num_prompt_tokens - 1);
    TRINITY_CHECK(usable - usage.num_cached_tokens < options_.keep_every_tokens);
  }

  const Tokenizer& tokenizer_;
  Bytes bytes_;
  Config config_;
  EngineOptions options_;
  Scheduler scheduler_;
  std::vector<Asked> asked_;
  bool can_read_ = true;
};

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trinity;  // NOLINT(google-build-using-namespace)
  static const Tokenizer tokenizer = MakeTokenizer();
  const Bytes bytes(InputText(data, std::min<size_t>(size, 512)));
  Accepts([&] { Play(tokenizer, bytes).Run(); });
  return 0;
}
