#include "tests/support/ablation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "tests/support/golden.h"

namespace trinity {
namespace {

// Logits of the first sequence of a golden, with the forward pass as `change` leaves it.
std::vector<float> LogitsWith(const std::string& name,
                              const std::function<void(ModelParts&)>& change) {
  ThreadPool pool(2);
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
  ModelParts parts;
  parts.config = Config::FromJson(checkpoint.config(), name);
  parts.plans = PlanLayers(parts.config);
  parts.weights = Weights::Load(checkpoint, parts.config, pool);
  change(parts);
  const Model model(std::move(parts.config), std::move(parts.plans), std::move(parts.weights),
                    pool);
  const Checkpoint golden = Checkpoint::Open(GoldenFolder(name) + "/golden.safetensors");
  std::vector<float> logits = RunModel(model, GoldenIds(golden, 0));
  const auto rows = golden.Find("logits")->shape[1];
  logits.erase(logits.begin(), logits.end() - rows * model.config().vocab_size);
  return logits;
}

// The first `count` values of the golden's logits.
std::vector<float> GoldenLogits(const std::string& name, size_t count) {
  std::vector<float> logits =
      ReadTensor<float>(Checkpoint::Open(GoldenFolder(name) + "/golden.safetensors"), "logits");
  logits.resize(count);
  return logits;
}

// Prints feature x golden x largest logit change, and holds that some golden notices each feature
// at a hundred times the tolerance. Without this, agreement with the goldens would prove little.
TEST(Ablation, EachFeatureIsSeenByAGoldenAtAHundredTimesTheTolerance) {
  constexpr double kTolerance = 1e-4;
  const std::vector<std::string> cases = {"base", "irregular_layers", "no_route_norm",
                                          "softmax_router", "rope_theta"};
  std::string table = fmt::format("{:32}", "feature taken out");
  for (const std::string& name : cases) table += fmt::format("{:>18}", name);
  for (const Ablation& ablation : Ablations()) {
    table += fmt::format("\n{:32}", ablation.feature);
    double largest = 0;
    for (const std::string& name : cases) {
      const std::vector<float> logits = LogitsWith(name, ablation.take_out);
      const double change = LargestDifference(logits, GoldenLogits(name, logits.size()));
      table += fmt::format("{:18.2e}", change);
      largest = std::max(largest, change);
    }
    EXPECT_GE(largest, 100 * kTolerance) << ablation.feature;
  }
  std::cout << table << "\n";
}

}  // namespace
}  // namespace trinity
