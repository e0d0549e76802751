#include "convert/synth_tensors.h"

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/tensor_names.h"

namespace trinity {
namespace {

using tensor_names::OfLayer;

constexpr double kGainSpread = 0.1;  // relative
constexpr double kExpertBiasSpread = 0.01;

class Lister {
 public:
  Lister(const Config& config, DType dtype, SynthInit init, double initializer_range)
      : config_(config),
        dtype_(dtype),
        is_reference_(init == SynthInit::kReference),
        initializer_range_(initializer_range) {}

  std::vector<SynthTensor> List() {
    const Config& c = config_;
    // Rows of size 1 enter the first layer.
    const double embedding_stddev =
        c.mup_enabled ? 1 / std::sqrt(static_cast<double>(c.hidden_size)) : 1;
    Add(std::string(tensor_names::kEmbedTokens), {c.vocab_size, c.hidden_size}, embedding_stddev);
    const std::vector<LayerPlan> plans = PlanLayers(c);
    for (size_t i = 0; i < plans.size(); ++i) AddLayer(static_cast<int64_t>(i), plans[i]);
    AddGain(std::string(tensor_names::kNorm), c.hidden_size, 1);
    if (!c.tie_word_embeddings) {
      AddMatrix(std::string(tensor_names::kLmHead), c.vocab_size, c.hidden_size);
    }
    return std::move(tensors_);
  }

 private:
  void AddLayer(int64_t layer, const LayerPlan& plan) {
    const Config& c = config_;
    const double post_gain = 1 / std::sqrt(static_cast<double>(c.num_hidden_layers));
    AddGain(OfLayer(layer, "input_layernorm.weight"), c.hidden_size, 1);
    AddMatrix(OfLayer(layer, "self_attn.q_proj.weight"), c.query_size(), c.hidden_size);
    AddMatrix(OfLayer(layer, "self_attn.k_proj.weight"), c.key_value_size(), c.hidden_size);
    AddMatrix(OfLayer(layer, "self_attn.v_proj.weight"), c.key_value_size(), c.hidden_size);
    AddMatrix(OfLayer(layer, "self_attn.gate_proj.weight"), c.query_size(), c.hidden_size);
    AddMatrix(OfLayer(layer, "self_attn.o_proj.weight"), c.hidden_size, c.query_size());
    AddGain(OfLayer(layer, "self_attn.q_norm.weight"), c.head_dim, 1);
    AddGain(OfLayer(layer, "self_attn.k_norm.weight"), c.head_dim, 1);
    AddGain(OfLayer(layer, "post_attention_layernorm.weight"), c.hidden_size, post_gain);
    AddGain(OfLayer(layer, "pre_mlp_layernorm.weight"), c.hidden_size, 1);
    if (plan.feed_forward == FeedForwardKind::kDense) {
      AddMlp(OfLayer(layer, "mlp."), c.intermediate_size);
    } else {
      AddMoe(layer);
    }
    AddGain(OfLayer(layer, "post_mlp_layernorm.weight"), c.hidden_size, post_gain);
  }

  void AddMoe(int64_t layer) {
    const Config& c = config_;
    const double router_stddev = is_reference_ ? 0 : InverseRoot(c.hidden_size);
    const double bias_stddev = is_reference_ ? 0 : kExpertBiasSpread;
    tensors_.push_back(
        {{OfLayer(layer, "mlp.router.gate.weight"), dtype_, {c.num_experts, c.hidden_size}},
         0,
         router_stddev});
    tensors_.push_back(
        {{OfLayer(layer, "mlp.expert_bias"), DType::kF32, {c.num_experts}}, 0, bias_stddev});
    for (int64_t expert = 0; expert < c.num_experts; ++expert) {
      AddMlp(tensor_names::OfExpert(layer, expert, ""), c.moe_intermediate_size);
    }
    if (c.num_shared_experts > 0) {
      AddMlp(OfLayer(layer, "mlp.shared_experts."), c.shared_intermediate_size());
    }
  }

  void AddMlp(const std::string& prefix, int64_t intermediate_size) {
    AddMatrix(prefix + "gate_proj.weight", intermediate_size, config_.hidden_size);
    AddMatrix(prefix + "up_proj.weight", intermediate_size, config_.hidden_size);
    AddMatrix(prefix + "down_proj.weight", config_.hidden_size, intermediate_size);
  }

  // [outputs, inputs]
  void AddMatrix(std::string name, int64_t outputs, int64_t inputs) {
    Add(std::move(name), {outputs, inputs}, InverseRoot(inputs));
  }

  void Add(std::string name, std::vector<int64_t> shape, double balanced_stddev) {
    tensors_.push_back({{std::move(name), dtype_, std::move(shape)},
                        0,
                        is_reference_ ? initializer_range_ : balanced_stddev});
  }

  void AddGain(std::string name, int64_t size, double balanced_mean) {
    const double mean = is_reference_ ? 1 : balanced_mean;
    const double stddev = is_reference_ ? 0 : balanced_mean * kGainSpread;
    tensors_.push_back({{std::move(name), dtype_, {size}}, mean, stddev});
  }

  static double InverseRoot(int64_t size) { return 1 / std::sqrt(static_cast<double>(size)); }

  const Config& config_;
  DType dtype_;
  bool is_reference_;
  double initializer_range_;
  std::vector<SynthTensor> tensors_;
};

}  // namespace

std::vector<SynthTensor> ListSynthTensors(const Config& config, DType dtype, SynthInit init,
                                          double initializer_range) {
  return Lister(config, dtype, init, initializer_range).List();
}

double InitializerRangeOf(const Json& config) {
  const auto field = config.find("initializer_range");
  if (field == config.end()) return 0.02;
  if (!field->is_number() || field->get<double>() < 0) {
    Fail("config: initializer_range: expected a number from 0, found {}", Printable(field->dump()));
  }
  return field->get<double>();
}

}  // namespace trinity
