// The metadata of a GGUF file as a config, and its tensor names. The input is the metadata as JSON,
// then a JSON list of tensor names.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "model/config.h"
#include "model/gguf_config.h"
#include "model/gguf_names.h"

namespace trinity {
namespace {

std::vector<TensorInfo> TensorsOf(const Json& names) {
  std::vector<TensorInfo> tensors;
  for (const Json& name : names) {
    if (!name.is_string()) continue;
    tensors.emplace_back();
    tensors.back().name = name.get<std::string>();
    const auto translated = HuggingFaceName(tensors.back().name);
    TRINITY_CHECK(!translated || GgufName(*translated) == tensors.back().name);
    const auto back = GgufName(tensors.back().name);
    TRINITY_CHECK(!back || HuggingFaceName(*back) == tensors.back().name);
  }
  return tensors;
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace trinity;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string_view> parts = InputParts(data, size, 2);
  Accepts([&] {
    const Json metadata = ParseJson(parts[0], "metadata");
    const Json names = ParseJson(parts[1].empty() ? "[]" : parts[1], "tensors");
    const GgufConfig result = ReadGgufConfig(metadata, TensorsOf(names), "model.gguf");
    const Config config = Config::FromJson(*result.config, "model.gguf");
    TRINITY_CHECK(config.num_hidden_layers > 0);
    for (const std::string& assumption : result.assumptions) CheckMessage(assumption);
  });
  return 0;
}
