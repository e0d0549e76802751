#include "tokenizer/generation_config.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/shortest_decimal.h"
#include "tokenizer/gguf_keys.h"

namespace trinity {
namespace {

constexpr size_t kMaxEosIds = 1024;

// The members of one file; null counts as absent.
class Reader {
 public:
  Reader(const Json& json, const std::string& path) : json_(json), path_(path) {
    if (!json.is_object()) Fail("{}: expected an object, found {}", path, Text(json));
  }

  void Read(const char* key, std::optional<bool>& value) const {
    if (const Json* found = Find(key)) {
      if (!found->is_boolean()) Refuse(key, "true or false", *found);
      value = found->get<bool>();
    }
  }

  void ReadId(const char* key, std::optional<int32_t>& id) const {
    if (const Json* found = Find(key)) id = Id(key, *found);
  }

  // One id or a list of them.
  void ReadIds(const char* key, std::vector<int32_t>& ids) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_array()) {
      ids.push_back(Id(key, *found));
      return;
    }
    if (found->size() > kMaxEosIds) {
      Fail("{}: {}: expected at most {} ids, found {}", path_, key, kMaxEosIds, found->size());
    }
    for (const Json& item : *found) {
      const int32_t id = Id(key, item);
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
  }

  void ReadCount(const char* key, int64_t least, std::optional<int64_t>& count) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    const bool fits = found->is_number_integer() &&
                      (!found->is_number_unsigned() ||
                       found->get<uint64_t>() <= std::numeric_limits<int64_t>::max());
    if (!fits || found->get<int64_t>() < least) {
      Refuse(key, fmt::format("an integer from {} on", least), *found);
    }
    count = found->get<int64_t>();
  }

  struct Range {
    double least;
    double most;
    bool least_included;
    const char* text;
  };
  void ReadNumber(const char* key, const Range& range, std::optional<double>& number) const {
    const Json* found = Find(key);
    if (found == nullptr) return;
    if (!found->is_number()) Refuse(key, range.text, *found);
    const auto x = found->get<double>();
    const bool above = range.least_included ? x >= range.least : x > range.least;
    if (!above || x > range.most) Refuse(key, range.text, *found);
    number = x;
  }

 private:
  static std::string Text(const Json& value) { return Printable(value.dump()); }

  const Json* Find(const char* key) const {
    const auto member = json_.find(key);
    return member == json_.end() || member->is_null() ? nullptr : &*member;
  }

  int32_t Id(const char* key, const Json& value) const {
    const bool fits =
        value.is_number_unsigned() && value.get<uint64_t>() < std::numeric_limits<int32_t>::max();
    if (!fits) Refuse(key, "an id (an integer that is not negative)", value);
    return value.get<int32_t>();
  }

  [[noreturn]] void Refuse(const char* key, std::string_view expected, const Json& found) const {
    Fail("{}: {}: expected {}, found {}", path_, key, expected, Text(found));
  }

  const Json& json_;
  const std::string& path_;
};

void ReadMembers(const Json& json, const std::string& path, GenerationConfig& config) {
  const Reader reader(json, path);
  constexpr double kMax = std::numeric_limits<double>::max();
  const Reader::Range share = {0.0, 1.0, false, "a number above 0, at most 1"};
  reader.ReadIds("eos_token_id", config.eos_token_ids);
  reader.ReadId("bos_token_id", config.bos_token_id);
  reader.ReadId("pad_token_id", config.pad_token_id);
  reader.Read("do_sample", config.do_sample);
  reader.ReadNumber("temperature", {0.0, kMax, true, "a number from 0 on"}, config.temperature);
  reader.ReadCount("top_k", 0, config.top_k);
  reader.ReadNumber("top_p", share, config.top_p);
  reader.ReadNumber("min_p", {0.0, 1.0, true, "a number of 0 to 1"}, config.min_p);
  reader.ReadNumber("typical_p", share, config.typical_p);
  reader.ReadNumber("repetition_penalty", {0.0, kMax, false, "a number above 0"},
                    config.repetition_penalty);
  reader.ReadCount("max_new_tokens", 1, config.max_new_tokens);
}

// The names of generation_config.json for the keys of a GGUF file.
constexpr std::pair<const char*, const char*> kGgufSampling[] = {
    {"general.sampling.temp", "temperature"},
    {"general.sampling.top_k", "top_k"},
    {"general.sampling.top_p", "top_p"},
    {"general.sampling.min_p", "min_p"},
    {"general.sampling.penalty_repeat", "repetition_penalty"}};

}  // namespace

GenerationConfig GenerationConfig::Load(const std::string& folder) {
  GenerationConfig config;
  const std::string path = folder + "/generation_config.json";
  if (!IsThere(path)) return config;
  ReadMembers(LoadJson(path), path, config);
  return config;
}

GenerationConfig GenerationConfig::FromGguf(const Json& metadata, const std::string& origin) {
  const GgufKeys keys(metadata, origin);
  Json json = Json::object();
  for (const auto& [gguf, name] : kGgufSampling) {
    const std::optional<double> value = keys.FindNumber(gguf);
    if (!value) continue;
    const bool is_integer = metadata[gguf].is_number_integer();
    json[name] = is_integer ? metadata[gguf] : Json(ShortestDecimal(*value));
  }
  GenerationConfig config;
  config.source = "general.sampling of the GGUF file";
  ReadMembers(json, origin, config);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    const std::optional<int32_t> id = keys.FindId(key);
    auto& ids = config.eos_token_ids;
    if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
  }
  config.bos_token_id = keys.FindId("tokenizer.ggml.bos_token_id");
  config.pad_token_id = keys.FindId("tokenizer.ggml.padding_token_id");
  return config;
}

}  // namespace trinity
