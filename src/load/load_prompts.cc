#include "load/load_prompts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/random.h"

namespace trinity {
namespace {

// Short and frequent ones: most tokenizers have a token for each of them.
constexpr std::array<std::string_view, 96> kWords = {
    "the",    "of",    "and",   "to",    "in",    "is",    "that", "for",   "it",     "as",
    "was",    "with",  "be",    "by",    "on",    "not",   "he",   "this",  "are",    "or",
    "his",    "from",  "at",    "which", "but",   "have",  "an",   "had",   "they",   "you",
    "were",   "their", "one",   "all",   "we",    "can",   "her",  "has",   "there",  "been",
    "if",     "more",  "when",  "will",  "would", "who",   "so",   "no",    "she",    "other",
    "its",    "may",   "these", "what",  "them",  "than",  "some", "him",   "time",   "into",
    "only",   "do",    "such",  "my",    "new",   "about", "out",  "also",  "two",    "any",
    "up",     "first", "could", "our",   "then",  "most",  "see",  "me",    "should", "after",
    "said",   "your",  "very",  "made",  "over",  "did",   "many", "where", "must",   "through",
    "people", "water", "house", "world", "music", "light"};

// Random numbers of the prompts' seed: the shared tokens, and from here on those of each prompt.
constexpr uint64_t kSharedStream = 0;
constexpr uint64_t kFirstOwnStream = 1;

template <class Values>
const auto& Draw(const Values& values, uint64_t seed, uint64_t stream, int64_t position) {
  const double uniform = UniformAt(seed, stream, static_cast<uint64_t>(position));
  return values[static_cast<size_t>(uniform * static_cast<double>(values.size()))];
}

std::string DrawWords(uint64_t seed, uint64_t stream, int64_t num_words) {
  std::string text;
  for (int64_t i = 0; i < num_words; ++i) {
    if (i > 0) text += ' ';
    text += Draw(kWords, seed, stream, i);
  }
  return text;
}

uint64_t OwnStream(int64_t prompt_index) {
  return kFirstOwnStream + static_cast<uint64_t>(prompt_index);
}

}  // namespace

std::string LoadPrompts::Words(uint64_t seed, int64_t num_words) {
  return DrawWords(seed, kSharedStream, num_words);
}

LoadPrompts::LoadPrompts(const LoadRunOptions& options, std::vector<int32_t> token_ids,
                         double tokens_per_word)
    : options_(options), token_ids_(std::move(token_ids)), tokens_per_word_(tokens_per_word) {}

std::vector<int32_t> LoadPrompts::IdsOf(int64_t prompt_index) const {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < options_.prompt_tokens; ++i) {
    const uint64_t stream = i < options_.shared_prefix ? kSharedStream : OwnStream(prompt_index);
    ids.push_back(Draw(token_ids_, options_.seed, stream, i));
  }
  return ids;
}

std::string LoadPrompts::TextOf(uint64_t stream, int64_t num_tokens) const {
  const double num_words = std::round(static_cast<double>(num_tokens) / tokens_per_word_);
  return DrawWords(options_.seed, stream, std::max<int64_t>(1, static_cast<int64_t>(num_words)));
}

void LoadPrompts::AddPrompt(int64_t prompt_index, Json& body) const {
  if (are_ids()) {
    body["prompt"] = IdsOf(prompt_index);
    return;
  }
  const int64_t num_shared = options_.shared_prefix;
  const int64_t num_own = options_.prompt_tokens - num_shared;
  std::string shared;
  if (num_shared > 0) shared = TextOf(kSharedStream, num_shared);
  std::string own;
  if (num_own > 0) own = TextOf(OwnStream(prompt_index), num_own);
  if (!options_.is_chat) {
    body["prompt"] = shared.empty() || own.empty() ? shared + own : shared + ' ' + own;
    return;
  }
  body["messages"] = Json::array();
  if (!shared.empty()) body["messages"].push_back({{"role", "system"}, {"content", shared}});
  body["messages"].push_back({{"role", "user"}, {"content", own.empty() ? "Go on." : own}});
}

Json LoadPrompts::BodyOf(int64_t prompt_index, const std::string& model) const {
  Json body;
  body["model"] = model;
  AddPrompt(prompt_index, body);
  body["max_tokens"] = options_.max_tokens;
  body["temperature"] = 0;
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  if (!options_.may_end_early) body["ignore_eos"] = true;
  if (options_.checks && options_.is_chat) {
    body["logprobs"] = true;
  } else if (options_.checks) {
    body["logprobs"] = 1;
  }
  return body;
}

}  // namespace trinity
