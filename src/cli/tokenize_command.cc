#include "cli/tokenize_command.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "cli/flag_value.h"
#include "cli/model_path.h"
#include "cli/model_text.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(A single argument that is the path of a file or folder is MODEL, and the text comes from
stdin; any other single argument is TEXT for the default model. With -m or -p there is nothing to
guess.

With --jsonl each line of stdin is a JSON string and each line of stdout the JSON array of its ids;
with --jsonl --decode it is the other way round.

Examples:
  trinity tokenize "What is a violin?"
  trinity tokenize path/to/tokenizer.json --decode 1344,32
  trinity tokenize models/trinity-pico --jsonl < texts.jsonl > ids.jsonl
)";

struct TokenizeOptions {
  std::optional<std::string> first;  // the positionals, as they stand
  std::optional<std::string> second;
  std::optional<std::string> model;
  std::optional<std::string> text;
  std::optional<std::string> ids;  // of --decode
  bool is_decoding = false;
  bool leaves_special_out = false;
  bool is_jsonl = false;
  bool is_json = false;
};

bool LooksLikeIds(std::string_view text) {
  return text.find_first_not_of("0123456789, []-\t\n") == text.npos && !text.empty();
}

// --decode takes the ids that follow it, if ids follow.
std::vector<const char*> TakeDecode(CommandArguments arguments, TokenizeOptions& options) {
  std::vector<const char*> rest;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<int64_t>(i), arguments.end());
      break;
    }
    if (argument.starts_with("--decode=")) {
      options.is_decoding = true;
      options.ids = argument.substr(argument.find('=') + 1);
    } else if (argument == "--decode") {
      options.is_decoding = true;
      if (i + 1 < arguments.size() && LooksLikeIds(arguments[i + 1])) options.ids = arguments[++i];
    } else {
      rest.push_back(arguments[i]);
    }
  }
  return rest;
}

ParseOutcome ParseOptions(CommandArguments arguments, TokenizeOptions& options) {
  const std::vector<const char*> rest = TakeDecode(arguments, options);
  CommandLine line("trinity tokenize", "Turns text into token ids, or ids into text", kFooter);
  line.AddPositional(
      "MODEL", options.first,
      "Model folder, GGUF file, or a folder or file with nothing but tokenizer.json; default: "
      "$TRINITY_MODEL, else the bundled trinity-pico");
  line.AddPositional("TEXT", options.second, "Text to encode; default: stdin, byte for byte");
  line.AddText("-m,--model", options.model, "PATH", "The same as MODEL");
  line.AddText("-p,--prompt", options.text, "TEXT", "The same as TEXT");
  bool unused = false;  // taken out of the arguments before; declared for the help
  line.AddFlag("--decode", unused,
               "Turn IDS (as in 1,2,3; else from stdin) into text: --decode IDS");
  line.AddFlag("--no-special", options.leaves_special_out,
               "Encode without the tokens that the post-processor adds (BOS); decode without "
               "special tokens");
  line.AddFlag("--jsonl", options.is_jsonl, "One JSON value a line, from stdin to stdout");
  line.AddFlag("--json", options.is_json,
               "Print one JSON object: ids and tokens, or the text of --decode");
  return line.Parse(rest);
}

// Says which positional is which.
void ResolvePositionals(TokenizeOptions& options) {
  if (options.second) {
    options.model = OneOf(options.first, options.model);
    if (options.text) throw UsageError("--prompt: the text is given twice");
    options.text = options.second;
  } else if (options.first) {
    std::error_code error;
    const bool must_be_text = options.model.has_value();
    const bool must_be_model = options.text || options.is_jsonl || options.is_decoding;
    if (!must_be_text && (must_be_model || std::filesystem::exists(*options.first, error))) {
      options.model = options.first;
    } else if (options.text) {
      throw UsageError("--prompt: the text is given twice");
    } else {
      options.text = options.first;
    }
  }
  if (options.text && (options.is_jsonl || options.is_decoding)) {
    throw UsageError(fmt::format("TEXT is not used with --jsonl and --decode: found \"{}\"",
                                 Printable(*options.text)));
  }
  if (options.is_jsonl && options.is_json) {
    throw UsageError("--json and --jsonl: expected one of them, found both");
  }
  if (options.is_jsonl && options.ids) {
    throw UsageError("--decode: with --jsonl the ids come from stdin");
  }
}

std::vector<int32_t> IdsFrom(const Json& json, std::string_view origin) {
  if (!json.is_array())
    Fail("{}: expected an array of token ids, found {}", origin, json.type_name());
  std::vector<int32_t> ids;
  for (const Json& id : json) {
    const bool is_id = id.is_number_integer() && id >= 0 && id <= INT32_MAX;
    if (!is_id) Fail("{}: expected a token id, found {}", origin, Printable(JsonText(id)));
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

class Tokenize {
 public:
  explicit Tokenize(const TokenizeOptions& options)
      : options_(options), tokenizer_(LoadTokenizerAt(FindModelPath(options.model))) {}

  void Execute() {
    if (options_.is_jsonl) {
      TranslateLines();
    } else if (options_.is_decoding) {
      DecodeIds();
    } else {
      EncodeText();
    }
  }

 private:
  std::vector<int32_t> Encode(std::string_view text) const {
    return tokenizer_.Encode(
        text, options_.leaves_special_out ? SpecialTokens::kLeaveOut : SpecialTokens::kAdd);
  }
  std::string Decode(std::span<const int32_t> ids) const {
    return tokenizer_.Decode(
        ids, options_.leaves_special_out ? DecodeSpecial::kSkip : DecodeSpecial::kKeep);
  }
  // The token's bytes as they can be shown.
  std::string Piece(int32_t id) const { return ToValidUtf8(tokenizer_.BytesOf(id)); }

  void TranslateLines() const {
    for (int64_t number = 1; const std::optional<std::string> line = ReadInputLine(); ++number) {
      const std::string origin = fmt::format("stdin: line {}", number);
      const Json json = ParseJson(*line, origin);
      if (!options_.is_decoding && !json.is_string()) {
        Fail("{}: expected a JSON string, found {}", origin, json.type_name());
      }
      const Json answer = options_.is_decoding ? Json(Decode(IdsFrom(json, origin)))
                                               : Json(Encode(json.get_ref<const std::string&>()));
      WriteOutput(JsonText(answer) + "\n");
    }
  }

  void DecodeIds() const {
    const std::vector<int32_t> ids = options_.ids ? ParseTokenIds("--decode", *options_.ids)
                                                  : ParseTokenIds("stdin", ReadStandardInput());
    const std::string text = Decode(ids);
    WriteOutput((options_.is_json ? JsonText(Json{{"text", text}}) : text) + "\n");
  }

  void EncodeText() const {
    const std::vector<int32_t> ids = Encode(options_.text ? *options_.text : ReadStandardInput());
    std::string out;
    if (options_.is_json) {
      Json json;
      json["ids"] = ids;
      json["tokens"] = Json::array();
      for (const int32_t id : ids) json["tokens"].push_back(Piece(id));
      out = JsonText(json) + "\n";
    } else {
      for (const int32_t id : ids) out += fmt::format("{:>7}  {}\n", id, JsonText(Json(Piece(id))));
      out += fmt::format("{} tokens: {}\n", ids.size(), JsonText(Json(ids)));
    }
    WriteOutput(out);
  }

  const TokenizeOptions& options_;
  Tokenizer tokenizer_;
};

}  // namespace

int TokenizeCommand(CommandArguments arguments) {
  TokenizeOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  ResolvePositionals(options);
  Tokenize(options).Execute();
  return 0;
}

}  // namespace trinity
