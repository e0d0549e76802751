#include "cli/chat_loop.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "chat/reasoning.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/chat_settings.h"
#include "cli/communication_text.h"
#include "cli/conversation.h"
#include "cli/conversation_file.h"
#include "cli/expert_traffic_text.h"
#include "cli/interrupt_note.h"
#include "cli/line_editor.h"
#include "cli/loaded_model.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr std::string_view kHelp =
    R"(/system [TEXT]    show the system message, or set it ("/system -" takes it away)
/set [NAME VALUE] show the settings, or change one: /set temperature 0.7, /set think off;
                  without VALUE it is again what it was at the start
/clear            forget all turns
/retry            answer the last message again, or for the first time if it was stopped
/undo             take the last turn back
/save FILE        write the conversation as JSON
/load FILE        read one, in place of this one
/stats            what the last answer took
/quit             end (so does Ctrl-D)
A line that ends with \ goes on in the next; """ begins and ends a message of several lines; a
message that begins with a slash is written with two. Ctrl-C stops an answer.
)";

// Writes an answer to stdout as it comes, reasoning in grey where the terminal can show it.
class AnswerWriter {
 public:
  explicit AnswerWriter(bool begins_in_reasoning)
      : stream_(begins_in_reasoning), is_coloured_(ShowsColours(STDOUT_FILENO)) {}

  void Append(std::string_view text) { Write(stream_.Append(text)); }

  void Finish() {
    Write(stream_.Finish());
    if (is_in_reasoning_) EndReasoning();
    if (!ends_with_newline_) WriteOutput("\n");
  }

 private:
  void Write(const std::vector<ReasoningStream::Part>& parts) {
    for (const ReasoningStream::Part& part : parts) {
      if (part.is_reasoning && !is_in_reasoning_) {
        WriteOutput(is_coloured_ ? "\x1b[90m" : "<think>\n");
        is_in_reasoning_ = true;
      } else if (!part.is_reasoning && is_in_reasoning_) {
        EndReasoning();
        WriteOutput("\n");
      }
      WriteOutput(part.text);
      ends_with_newline_ = part.text.ends_with('\n');
    }
  }

  void EndReasoning() {
    WriteOutput(is_coloured_ ? "\x1b[0m\n" : "\n</think>\n");
    is_in_reasoning_ = false;
    ends_with_newline_ = true;
  }

  ReasoningStream stream_;
  bool is_coloured_;
  bool is_in_reasoning_ = false;
  bool ends_with_newline_ = false;
};

double PerSecond(int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

void Say(std::string_view text) { WriteNotice(fmt::format("[{}]\n", text)); }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

class Chat {
 public:
  explicit Chat(const AnswerFlags& flags)
      : model_(LanguageModel::Open(flags.model.path())),
        settings_(flags, model_),
        session_options_(flags.SessionOptionsFor(model_)) {
    flags.SayWhatIsIdle(settings_.sampling());
    flags.SayWhatIsIdle(model_.format());
    const Json kwargs = flags.TemplateKwargs();
    const RunShape asked =
        flags.ShapeFor(flags.RequestFor(model_, settings_.sampling()).tokens, session_options_);
    flags.LimitContext(model_, asked, session_options_);
    loaded_ = LoadModel(model_.checkpoint, flags.model, asked);
    pools_.emplace(loaded_.model->kv_shape(), flags.model.kv_dtype());
    session_.emplace(*loaded_.model, *pools_, session_options_);
    conversation_.emplace(model_, *session_);
    conversation_->SetKwargs(kwargs);
    conversation_->SetSystem(flags.system.value_or(""));
  }

  int Run(const std::optional<std::string>& first) {
    // Without a terminal Ctrl-C also ends the program: nobody is there to type /quit.
    std::optional<InterruptNote> note;
    if (isatty(STDIN_FILENO) == 1) note.emplace(interrupt_);
    Say(fmt::format("{}; {}; /help shows the commands", model_.checkpoint.path(),
                    settings_.ToText()));
    if (first) Send(*first);
    while (!is_over_) {
      const std::optional<std::string> message = ReadMessage();
      if (!message) break;
      Take(*message);
    }
    // A person has seen what failed; a script sees the exit code.
    return has_failed_ && isatty(STDIN_FILENO) != 1 ? 1 : 0;
  }

 private:
  using Handler = void (Chat::*)(const std::string& rest);
  struct Command {
    std::string_view name;
    Handler handler;
  };
  static const std::array<Command, 11> kCommands;

  // The next message, of one line or more; absent at the end.
  std::optional<std::string> ReadMessage() {
    std::string message;
    bool is_block = false;
    bool goes_on = false;
    while (true) {
      interrupt_.Reset();
      LineEditor::Result result = editor_.ReadLine(is_block || goes_on ? ". " : "> ", interrupt_);
      if (result.outcome == LineEditor::Outcome::kEnd) {
        if (isatty(STDIN_FILENO) == 1) WriteNotice("\n");
        if (message.empty()) return std::nullopt;
        return message;
      }
      if (result.outcome == LineEditor::Outcome::kInterrupted) {
        WriteNotice("\n");
        message.clear();
        is_block = goes_on = false;
        continue;
      }
      std::string line = std::move(result.line);
      if (!is_block && !goes_on && line.starts_with("\"\"\"")) {
        is_block = true;
        line.erase(0, 3);
        if (line.empty()) continue;
      }
      if (is_block && line.ends_with("\"\"\"")) {
        message.append(line, 0, line.size() - 3);
        if (message.ends_with('\n')) message.pop_back();
        return message;
      }
      goes_on = !is_block && line.ends_with('\\');
      if (goes_on) line.pop_back();
      message += line;
      if (!is_block && !goes_on) return message;
      message += '\n';
    }
  }

  void Take(const std::string& message) {
    try {
      if (message.starts_with('/') && !message.starts_with("//")) {
        RunCommand(message);
      } else if (!Trimmed(message).empty()) {
        Send(message.starts_with("//") ? message.substr(1) : message);
      }
    } catch (const OutputFailed&) {
      throw;  // nobody would read the next answer either
    } catch (const Error& error) {
      has_failed_ = true;
      WriteNotice(fmt::format("trinity: {}\n", error.what()));
    }
  }

  void RunCommand(const std::string& message) {
    const size_t end = std::min(message.find_first_of(" \t"), message.size());
    const std::string name = message.substr(1, end - 1);
    for (const Command& command : kCommands) {
      if (command.name != name) continue;
      (this->*command.handler)(std::string(Trimmed(std::string_view(message).substr(end))));
      return;
    }
    Say(fmt::format("there is no command /{}; /help shows them", Printable(name)));
  }

  void Send(const std::string& text) {
    unanswered_ = text;
    conversation_->AddUser(text);
    num_retries_ = 0;
    if (Answer()) unanswered_.reset();
  }

  // Whether the conversation has an answer more.
  bool Answer() {
    interrupt_.Reset();
    traffic_before_ = loaded_.model->expert_traffic();
    TextGenerationRequest request = settings_.flags().RequestFor(model_, settings_.sampling());
    request.tokens.sampling.seed += num_retries_;
    const std::optional<int64_t> max_tokens = request.tokens.max_tokens;
    const int64_t num_turns = conversation_->num_turns();
    std::optional<CancelOnInterrupt> cancel_on_interrupt;
    if (isatty(STDIN_FILENO) != 1) cancel_on_interrupt.emplace(interrupt_);
    std::optional<AnswerWriter> writer;
    const AnswerListener listener = {
        .on_begin = [&](bool begins_in_reasoning) { writer.emplace(begins_in_reasoning); },
        .on_text = [&](std::string_view text) { writer->Append(text); }};
    try {
      report_ = conversation_->Answer(std::move(request), listener, interrupt_);
    } catch (const Error&) {
      if (writer) writer->Finish();
      throw;
    }
    writer->Finish();
    if (report_->finish_reason == FinishReason::kCancelled) Say("stopped");
    if (report_->finish_reason == FinishReason::kLength) {
      const bool is_asked = max_tokens && report_->answer_tokens >= *max_tokens;
      Say(is_asked ? fmt::format("cut after {} tokens, the max_tokens", *max_tokens)
                   : "cut: the context has no room for more tokens");
    }
    return conversation_->num_turns() > num_turns;
  }

  void Help(const std::string&) { WriteNotice(kHelp); }

  void System(const std::string& text) {
    if (!text.empty()) conversation_->SetSystem(text == "-" ? "" : text);
    const std::optional<std::string> system = conversation_->system();
    Say(system ? "system: " + *system : "no system message");
  }

  void Set(const std::string& text) {
    const size_t end = std::min(text.find_first_of(" \t="), text.size());
    std::string name = text.substr(0, end);
    std::replace(name.begin(), name.end(), '_', '-');
    std::string value(Trimmed(std::string_view(text).substr(end)));
    if (value.starts_with('=')) value = Trimmed(std::string_view(value).substr(1));
    if (!name.empty()) {
      settings_.Set(name, value);
      conversation_->SetKwargs(settings_.flags().TemplateKwargs());
      if (name == "think") settings_.flags().SayWhatIsIdle(model_.format());
      settings_.flags().SayWhatIsIdle(settings_.sampling());
    }
    Say(settings_.ToText());
  }

  void Clear(const std::string&) {
    conversation_->Clear();
    Forget();
    Say("all turns are forgotten");
  }

  // A message that got no answer is sent again; else the last answer makes room for another, and
  // comes back where that does not come.
  void Retry(const std::string&) {
    if (unanswered_) return Send(std::string(*unanswered_));
    const Json before = conversation_->messages();
    if (!conversation_->RemoveLastAnswer()) return Say("there is no answer yet");
    ++num_retries_;
    if (settings_.sampling().is_greedy()) Say("temperature 0: the answer will be the same");
    try {
      if (Answer()) return;
    } catch (const Error&) {
      conversation_->SetMessages(before);
      throw;
    }
    conversation_->SetMessages(before);
    Say("the answer before it stays");
  }

  void Undo(const std::string&) {
    unanswered_.reset();
    if (!conversation_->RemoveLastTurn()) return Say("there is no turn yet");
    Say(fmt::format("the last turn is taken back; turns: {}", conversation_->num_turns()));
  }

  void Save(const std::string& path) {
    if (path.empty()) return Say("/save FILE: the name of a file is missing");
    SaveConversation(path, conversation_->messages());
    Say(fmt::format("{}: saved, turns: {}", Printable(path, 1000), conversation_->num_turns()));
  }

  void Load(const std::string& path) {
    if (path.empty()) return Say("/load FILE: the name of a file is missing");
    conversation_->SetMessages(LoadConversation(path));
    Forget();
    Say(fmt::format("{}: loaded, turns: {}", Printable(path, 1000), conversation_->num_turns()));
  }

  void Stats(const std::string&) {
    if (report_) {
      const TurnReport& r = *report_;
      Say(
          fmt::format("prompt: {} tokens, of these {} held from before and {} computed, {:.1f} "
                      "tokens/s",
                      r.prompt_tokens, r.reused_tokens, r.computed_tokens,
                      PerSecond(r.computed_tokens, r.prefill_s)));
      Say(fmt::format("answer: {} tokens, {:.1f} tokens/s, {}", r.answer_tokens,
                      PerSecond(r.num_decode_steps, r.decode_s), NameOf(r.finish_reason)));
      if (traffic_before_) {
        Say(ExpertTrafficText(loaded_.model->expert_traffic()->Since(*traffic_before_),
                              r.computed_tokens + r.num_decode_steps));
      }
    }
    Say(fmt::format("turns: {}; context: {} of {} tokens, {:.1f} MB of keys and values",
                    conversation_->num_turns(), session_->length(), session_->max_context(),
                    static_cast<double>(pools_->bytes_in_use()) / 1e6));
    WriteNotice(CommunicationText(loaded_.model->ranks()));
  }

  void Quit(const std::string&) { is_over_ = true; }

  // What belongs to a conversation that is no more.
  void Forget() {
    report_.reset();
    unanswered_.reset();
  }

  LanguageModel model_;
  ChatSettings settings_;
  SessionOptions session_options_;
  LoadedModel loaded_;
  std::optional<KvPools> pools_;
  std::optional<Session> session_;
  std::optional<Conversation> conversation_;
  LineEditor editor_;
  CancelToken interrupt_;
  std::optional<TurnReport> report_;
  std::optional<ExpertTraffic> traffic_before_;  // the last answer, where experts stay in files
  std::optional<std::string> unanswered_;        // the last message, where nothing came of it
  uint64_t num_retries_ = 0;                     // each draws other random numbers
  bool has_failed_ = false;
  bool is_over_ = false;
};

const std::array<Chat::Command, 11> Chat::kCommands = {{{"help", &Chat::Help},
                                                        {"system", &Chat::System},
                                                        {"set", &Chat::Set},
                                                        {"clear", &Chat::Clear},
                                                        {"retry", &Chat::Retry},
                                                        {"undo", &Chat::Undo},
                                                        {"save", &Chat::Save},
                                                        {"load", &Chat::Load},
                                                        {"stats", &Chat::Stats},
                                                        {"quit", &Chat::Quit},
                                                        {"exit", &Chat::Quit}}};

}  // namespace

int ChatLoop(const AnswerFlags& flags, const std::optional<std::string>& first) {
  return Chat(flags).Run(first);
}

}  // namespace trinity
