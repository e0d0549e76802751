#include "convert/weight_type.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "convert/gguf_output.h"

namespace trinity {
namespace {

constexpr std::pair<std::string_view, DType> kPlainTypes[] = {
    {"f32", DType::kF32}, {"f16", DType::kF16}, {"bf16", DType::kBF16}};

}  // namespace

std::vector<std::string> WeightTypeNames() {
  std::vector<std::string> names;
  for (const auto& [name, dtype] : kPlainTypes) names.emplace_back(name);
  names.insert(names.end(), std::begin(kQuantRecipeNames), std::end(kQuantRecipeNames));
  return names;
}

std::optional<WeightType> FindWeightType(std::string_view name) {
  const auto* const plain = std::find_if(std::begin(kPlainTypes), std::end(kPlainTypes),
                                         [name](const auto& p) { return p.first == name; });
  if (plain != std::end(kPlainTypes)) return plain->second;
  const std::optional<QuantRecipe> recipe = FindQuantRecipe(name);
  return recipe ? std::optional<WeightType>(*recipe) : std::nullopt;
}

uint32_t FileTypeOf(WeightType type) {
  return std::visit([](auto of) { return FileTypeOf(of); }, type);
}

DType DTypeIn(WeightType type, const ModelTensor& tensor, const Config& config) {
  if (IsAlwaysF32(tensor)) return DType::kF32;
  if (const DType* dtype = std::get_if<DType>(&type)) return *dtype;
  const DType wanted = ChooseDType(std::get<QuantRecipe>(type), tensor, config, false);
  return FitDType(wanted, tensor.cols());
}

}  // namespace trinity
