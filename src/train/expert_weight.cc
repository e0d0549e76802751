#include "train/expert_weight.h"

#include <charconv>

namespace trinity {
namespace {

// Takes "<prefix><number>." off the beginning of the text.
bool TakeNumber(std::string_view& text, std::string_view prefix, int64_t& number) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (error != std::errc() || !text.starts_with('.')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<ExpertWeight> FindExpertWeight(std::string_view name) {
  ExpertWeight found;
  if (!TakeNumber(name, "model.layers.", found.layer)) return std::nullopt;
  if (!TakeNumber(name, "mlp.experts.", found.expert)) return std::nullopt;
  found.part = name;
  return found;
}

}  // namespace trinity
