#include "cli/render_command.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "chat/prompt_format.h"
#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "cli/model_path.h"
#include "cli/model_text.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(FILE of --messages holds an array of messages, or an object with the members of a line of
--jsonl: messages, tools (array), documents (array), add_generation_prompt (true or false), kwargs
(object) and template (text; it holds for the lines after it too). Others are not looked at. A line
that cannot be rendered is answered with {"error": text}. A line's members go before the flags.

Examples:
  echo '[{"role": "user", "content": "Hi"}]' | trinity render --messages -
  trinity render /path/to/Trinity-Mini --messages chat.json --tools tools.json \
    --kwargs '{"enable_thinking": false}'
  trinity render --jsonl < requests.jsonl
)";

struct RenderOptions {
  std::optional<std::string> positional;
  std::optional<std::string> model;
  std::optional<std::string> messages;
  std::optional<std::string> tools;
  std::optional<std::string> template_file;
  std::optional<std::string> kwargs;
  bool leaves_generation_prompt_out = false;
  bool is_jsonl = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, RenderOptions& options) {
  CommandLine line("trinity render", "Shows the prompt that a chat template makes of messages",
                   kFooter);
  line.AddPositional(
      "MODEL", options.positional,
      "Model folder or file; its weights are not read. Default: $TRINITY_MODEL, else "
      "the bundled trinity-pico");
  line.AddText("-m,--model", options.model, "PATH", "The same as MODEL");
  line.AddText("--messages", options.messages, "FILE", "The messages (- for stdin)");
  line.AddText("--tools", options.tools, "FILE", "The tools, an array");
  line.AddText("--template,--chat-template-file", options.template_file, "FILE",
               "A Jinja template in place of the model's");
  line.AddText("--kwargs,--chat-template-kwargs", options.kwargs, "JSON",
               "An object of more variables; bos_token, eos_token and the like stand for those of "
               "the tokenizer");
  line.AddFlag("--no-generation-prompt", options.leaves_generation_prompt_out,
               "End after the last message instead of with the beginning of an answer");
  line.AddFlag("--jsonl", options.is_jsonl,
               "For each line of stdin, a JSON object, print {\"prompt\": text} or {\"error\": "
               "text} on a line");
  return line.Parse(arguments);
}

// Templates see the integers of Python, which have no bound.
constexpr JsonLimits kTemplateJson = {
    .keeps_digits = [](std::string_view member) { return member != "add_generation_prompt"; }};

std::string ReadInput(const std::string& path) {
  return path == "-" ? ReadStandardInput() : ReadTextStream(path);
}

// What the files or GGUF metadata of a model say about chats.
struct ChatFiles {
  std::map<std::string, std::string> special_tokens;
  std::optional<PromptFormat> format;
};

std::optional<int64_t> FindBosId(const std::string& folder) {
  const std::string path = folder + "/config.json";
  if (!IsThere(path)) return std::nullopt;
  const Json json = LoadJson(path);
  const auto id = json.find("bos_token_id");
  if (id == json.end() || !id->is_number_integer()) return std::nullopt;
  return id->get<int64_t>();
}

// A folder needs no weights for this; a GGUF file has all in one.
ChatFiles ReadChatFiles(const std::string& path) {
  ChatFiles files;
  std::optional<Tokenizer> tokenizer;
  TokenizerConfig config;
  if (path.ends_with(".gguf")) {
    const Checkpoint gguf = OpenModelCheckpoint(path);
    config = LoadTokenizerConfig(gguf);
    if (HasTokenizer(gguf)) tokenizer = LoadTokenizer(gguf);
  } else {
    const std::string folder = FolderOf(path);
    config = TokenizerConfig::Load(folder);
    if (IsThere(folder + "/tokenizer.json")) {
      tokenizer = LoadTokenizerAt(folder);
      config.named_tokens = FindSpecialTokens(config, *tokenizer, FindBosId(folder));
    }
  }
  files.special_tokens = config.named_tokens;
  files.format = PromptFormat::Find(config, tokenizer ? &*tokenizer : nullptr, path);
  return files;
}

// Renders requests; a template given with one holds for those after it.
class Renderer {
 public:
  explicit Renderer(const RenderOptions& options) : options_(options) {
    const std::string path = FindModelPath(OneOf(options.positional, options.model));
    ChatFiles files = ReadChatFiles(path);
    special_tokens_ = std::move(files.special_tokens);
    format_ = std::move(files.format);
    error_ = Printable(path, 1000) + ": it has no chat template: give one with --template";
    if (options.template_file) {
      format_ = PromptFormat::Parse(ReadInput(*options.template_file), *options.template_file,
                                    special_tokens_);
    }
    if (format_ && format_->is_assumed()) {
      WriteNotice("[the model brings no chat template: ChatML is assumed]\n");
    }
    if (options.tools) {
      tools_ = ParseJson(ReadInput(*options.tools), *options.tools, kTemplateJson);
    }
    if (options.kwargs) kwargs_ = ParseJson(*options.kwargs, "--kwargs", kTemplateJson);
  }

  std::string Render(const Json& given) {
    const Json line = given.is_array() ? Json{{"messages", given}} : given;
    if (!line.is_object()) Fail("expected an object, found {}", line.type_name());
    if (const Json* text = Find(line, "template")) TakeTemplate(*text);
    const Json* messages = Find(line, "messages");
    if (messages == nullptr) Fail("messages: expected an array, found none");
    ChatRequest request{*messages};
    request.tools = Find(line, "tools");
    if (request.tools == nullptr && tools_) request.tools = &*tools_;
    request.documents = Find(line, "documents");
    request.kwargs = Find(line, "kwargs");
    if (request.kwargs == nullptr && kwargs_) request.kwargs = &*kwargs_;
    request.add_generation_prompt = !options_.leaves_generation_prompt_out;
    if (const Json* add = Find(line, "add_generation_prompt")) {
      if (!add->is_boolean()) {
        Fail("add_generation_prompt: expected true or false, found {}", Printable(add->dump()));
      }
      request.add_generation_prompt = add->get<bool>();
    }
    if (!format_) throw Error(error_);
    return format_->Render(request);
  }

 private:
  static const Json* Find(const Json& line, const char* key) {
    const auto member = line.find(key);
    return member == line.end() || member->is_null() ? nullptr : &*member;
  }

  // A template that is none fails each line that it holds for.
  void TakeTemplate(const Json& text) {
    if (!text.is_string()) Fail("template: expected a text, found {}", text.type_name());
    format_.reset();
    try {
      format_ = PromptFormat::Parse(text.get<std::string>(), "template", special_tokens_);
    } catch (const Error& error) {
      error_ = error.what();
    }
  }

  const RenderOptions& options_;
  std::map<std::string, std::string> special_tokens_;
  std::optional<PromptFormat> format_;
  std::string error_;  // where there is no format
  std::optional<Json> tools_;
  std::optional<Json> kwargs_;
};

void RenderLines(Renderer& renderer) {
  while (const std::optional<std::string> line = ReadInputLine()) {
    Json answer = Json::object();
    try {
      answer["prompt"] = renderer.Render(ParseJson(*line, "line", kTemplateJson));
    } catch (const StorageError&) {
      throw;
    } catch (const Error& error) {
      answer["error"] = error.what();
    }
    WriteOutput(JsonText(answer) + "\n");
  }
}

}  // namespace

int RenderCommand(CommandArguments arguments) {
  RenderOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  if (options.is_jsonl == options.messages.has_value()) {
    throw UsageError("expected --messages FILE or --jsonl, found " +
                     std::string(options.is_jsonl ? "both" : "neither"));
  }
  Renderer renderer(options);
  if (options.is_jsonl) {
    RenderLines(renderer);
  } else {
    WriteOutput(
        renderer.Render(ParseJson(ReadInput(*options.messages), *options.messages, kTemplateJson)));
  }
  return 0;
}

}  // namespace trinity
