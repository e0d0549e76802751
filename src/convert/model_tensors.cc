#include "convert/model_tensors.h"

#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfLayer;

class ShapeLister {
 public:
  explicit ShapeLister(const Config& config) : config_(config) {}

  std::vector<ModelShape> List() {
    const Config& c = config_;
    Add(std::string(tensor_names::kEmbedTokens), {c.vocab_size, c.hidden_size});
    const std::vector<LayerPlan> plans = PlanLayers(c);
    for (size_t i = 0; i < plans.size(); ++i) AddLayer(static_cast<int64_t>(i), plans[i]);
    Add(std::string(tensor_names::kNorm), {c.hidden_size});
    if (!c.tie_word_embeddings) {
      Add(std::string(tensor_names::kLmHead), {c.vocab_size, c.hidden_size});
    }
    return std::move(shapes_);
  }

 private:
  void AddLayer(int64_t layer, const LayerPlan& plan) {
    const Config& c = config_;
    Add(OfLayer(layer, "input_layernorm.weight"), {c.hidden_size});
    Add(OfLayer(layer, "self_attn.q_proj.weight"), {c.query_size(), c.hidden_size});
    Add(OfLayer(layer, "self_attn.k_proj.weight"), {c.key_value_size(), c.hidden_size});
    Add(OfLayer(layer, "self_attn.v_proj.weight"), {c.key_value_size(), c.hidden_size});
    Add(OfLayer(layer, "self_attn.gate_proj.weight"), {c.query_size(), c.hidden_size});
    Add(OfLayer(layer, "self_attn.o_proj.weight"), {c.hidden_size, c.query_size()});
    Add(OfLayer(layer, "self_attn.q_norm.weight"), {c.head_dim});
    Add(OfLayer(layer, "self_attn.k_norm.weight"), {c.head_dim});
    Add(OfLayer(layer, "post_attention_layernorm.weight"), {c.hidden_size});
    Add(OfLayer(layer, "pre_mlp_layernorm.weight"), {c.hidden_size});
    if (plan.feed_forward == FeedForwardKind::kDense) {
      AddMlp(OfLayer(layer, "mlp."), c.intermediate_size);
    } else {
      AddMoe(layer);
    }
    Add(OfLayer(layer, "post_mlp_layernorm.weight"), {c.hidden_size});
  }

  void AddMlp(const std::string& prefix, int64_t intermediate_size) {
    Add(prefix + "gate_proj.weight", {intermediate_size, config_.hidden_size});
    Add(prefix + "up_proj.weight", {intermediate_size, config_.hidden_size});
    Add(prefix + "down_proj.weight", {config_.hidden_size, intermediate_size});
  }

  void AddMoe(int64_t layer) {
    const Config& c = config_;
    Add(OfLayer(layer, "mlp.router.gate.weight"), {c.num_experts, c.hidden_size});
    Add(OfLayer(layer, "mlp.expert_bias"), {c.num_experts});
    const int64_t experts = c.num_experts, cols = c.moe_intermediate_size;
    Add(OfLayer(layer, tensor_names::kStackedGate), {experts, cols, c.hidden_size});
    Add(OfLayer(layer, tensor_names::kStackedUp), {experts, cols, c.hidden_size});
    Add(OfLayer(layer, tensor_names::kStackedDown), {experts, c.hidden_size, cols});
    if (c.num_shared_experts > 0) {
      AddMlp(OfLayer(layer, "mlp.shared_experts."), c.shared_intermediate_size());
    }
  }

  void Add(std::string name, std::vector<int64_t> shape) {
    shapes_.push_back({std::move(name), std::move(shape)});
  }

  const Config& config_;
  std::vector<ModelShape> shapes_;
};

class ModelLister {
 public:
  ModelLister(const Config& config, const Checkpoint& checkpoint)
      : config_(config), checkpoint_(checkpoint) {}

  std::vector<ModelTensor> List() {
    for (const ModelShape& tensor : ListModelShapes(config_)) {
      if (FindParameterClass(tensor.name) == ParameterClass::kRoutedExperts) {
        AddExperts(tensor);
      } else {
        Add(tensor.name, tensor.shape);
      }
    }
    RefuseOthers();
    return std::move(tensors_);
  }

 private:
  void Add(const std::string& name, std::vector<int64_t> shape) {
    const TensorInfo& source = Find(name, shape);
    const int64_t num_rows = shape.size() > 1 ? shape[0] : 1;
    tensors_.push_back(
        {name, std::move(shape), FindParameterClass(name).value(), {{&source, 0, num_rows}}});
  }

  // One matrix of all experts of a layer, from whichever form is there.
  void AddExperts(const ModelShape& stacked) {
    constexpr std::string_view kExperts = "mlp.experts.";
    const size_t at = stacked.name.find(kExperts);
    const std::string layer = stacked.name.substr(0, at);  // "model.layers.0."
    const std::string part = stacked.name.substr(at + kExperts.size());
    const int64_t num = stacked.shape[0], rows = stacked.shape[1], cols = stacked.shape[2];
    ModelTensor experts{stacked.name, stacked.shape, ParameterClass::kRoutedExperts, {}};
    const bool is_down = part == "down_proj.weight";
    const std::string fused =
        layer + std::string(is_down ? tensor_names::kFusedDown : tensor_names::kFusedGateUp);
    if (checkpoint_.Find(fused) != nullptr) {
      const int64_t stride = is_down ? rows : 2 * rows;
      const TensorInfo& source = Find(fused, {num, stride, cols});
      const int64_t offset = part == "up_proj.weight" ? rows : 0;
      for (int64_t e = 0; e < num; ++e)
        experts.rows.push_back({&source, e * stride + offset, rows});
    } else if (checkpoint_.Find(experts.name) != nullptr) {
      const TensorInfo& source = Find(experts.name, experts.shape);
      for (int64_t e = 0; e < num; ++e) experts.rows.push_back({&source, e * rows, rows});
    } else {
      for (int64_t e = 0; e < num; ++e) {
        const std::string name = NameOfExpert(experts.name, static_cast<size_t>(e));
        experts.rows.push_back({&Find(name, {rows, cols}), 0, rows});
      }
    }
    tensors_.push_back(std::move(experts));
  }

  const TensorInfo& Find(const std::string& name, const std::vector<int64_t>& shape) {
    const TensorInfo* tensor = checkpoint_.Find(name);
    if (tensor == nullptr) {
      Fail("{}: tensor {} is missing: expected shape {}", checkpoint_.path(), name,
           ShapeText(shape));
    }
    if (tensor->shape != shape) {
      Fail("{}: tensor {}: expected shape {}, found {}", checkpoint_.path(), name, ShapeText(shape),
           ShapeText(tensor->shape));
    }
    used_.insert(tensor->name);
    return *tensor;
  }

  void RefuseOthers() const {
    for (const TensorInfo& tensor : checkpoint_.tensors()) {
      // What running a model passes over too: RoPE frequencies, a tied head that is stored.
      const bool is_known = used_.contains(tensor.name) ||
                            tensor.name.ends_with("rotary_emb.inv_freq") ||
                            (config_.tie_word_embeddings && tensor.name == tensor_names::kLmHead);
      if (!is_known) {
        Fail("{}: tensor {} {} is not part of the model that its config describes",
             checkpoint_.path(), Printable(tensor.name), ShapeText(tensor.shape));
      }
    }
  }

  const Config& config_;
  const Checkpoint& checkpoint_;
  std::set<std::string_view> used_;
  std::vector<ModelTensor> tensors_;
};

}  // namespace

std::vector<ModelShape> ListModelShapes(const Config& config) { return ShapeLister(config).List(); }

int64_t ModelTensor::num_values() const {
  int64_t product = 1;
  for (const int64_t size : shape) product *= size;
  return product;
}

std::string NameOfExpert(const std::string& name, size_t expert) {
  constexpr std::string_view kExperts = ".experts.";
  const size_t at = name.find(kExperts) + kExperts.size();
  return fmt::format("{}{}.{}", name.substr(0, at), expert, name.substr(at));
}

ModelTensor WithoutSource(const ModelShape& shape) {
  return {shape.name, shape.shape, FindParameterClass(shape.name).value(), {}};
}

std::vector<ModelTensor> ListModelTensors(const Config& config, const Checkpoint& checkpoint) {
  return ModelLister(config, checkpoint).List();
}

}  // namespace trinity
