#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel_token.h"
#include "base/json.h"
#include "cli/language_model.h"
#include "generate/session.h"
#include "generate/text_generation.h"

namespace trinity {

// What one answer took.
struct TurnReport {
  int64_t prompt_tokens = 0;    // of the whole conversation so far, as the template writes it
  int64_t reused_tokens = 0;    // of these, what was held from before
  int64_t computed_tokens = 0;  // of these, what had to be computed
  int64_t answer_tokens = 0;
  double prefill_s = 0;
  double decode_s = 0;
  int64_t num_decode_steps = 0;
  FinishReason finish_reason = FinishReason::kStop;
};

// Who hears of an answer while it is made.
struct AnswerListener {
  // First of all, once the prompt is known to fit: whether the answer begins inside of reasoning,
  // because its prompt opened it.
  std::function<void(bool begins_in_reasoning)> on_begin;
  TextCallback on_text;  // reasoning and its tags included
};

// Messages that grow turn by turn, and the session that holds what was computed of them. Model and
// session must outlive it.
class Conversation {
 public:
  Conversation(const LanguageModel& model, Session& session);
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation();

  // A message of the user, which Answer answers next.
  void AddUser(const std::string& text);
  // Tells `listener` of the answer as it is made and adds it to the messages. A cancelled answer
  // stays as far as it came; where nothing came, the user's message goes too. Throws Error where
  // the template fails or the context is too short; the user's message is gone then.
  TurnReport Answer(TextGenerationRequest request, const AnswerListener& listener,
                    const CancelToken& cancel);

  bool RemoveLastAnswer();  // false where there is none
  bool RemoveLastTurn();
  void Clear();  // all but the system message

  // The first message's text, where it is the system's.
  std::optional<std::string> system() const;
  void SetSystem(const std::string& text);  // empty: none
  // Variables of the template.
  void SetKwargs(const Json& kwargs);
  const Json& messages() const { return *messages_; }
  // `messages` as ParseConversation returns them.
  void SetMessages(const Json& messages);
  int64_t num_turns() const;

 private:
  enum class End { kAfterMessages, kBeginsAnswer };
  std::string Render(End end) const;
  std::string RenderPrompt() const { return Render(End::kBeginsAnswer); }
  std::vector<int32_t> Encode(const std::string& text) const;
  std::vector<int32_t> EncodePrompt(const std::string& text) const;
  // How many of `ids` stand before the beginning of the answer: there the next turn's prompt may
  // part from this one's.
  size_t EndOfMessages(const std::vector<int32_t>& ids) const;
  TurnReport Continue(TextGenerationRequest request, const AnswerListener& listener,
                      const CancelToken& cancel);
  void AddAnswer(const std::string& text, bool begins_in_reasoning);

  const LanguageModel& model_;
  Session& session_;
  std::unique_ptr<Json> messages_;
  std::unique_ptr<Json> kwargs_;
  // Prompt and answer of the last turn, as text and as the ids that were computed.
  std::string known_text_;
  std::vector<int32_t> known_ids_;
  size_t known_prompt_bytes_ = 0;
  size_t known_prompt_ids_ = 0;
};

}  // namespace trinity
