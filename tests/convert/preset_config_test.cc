#include "convert/preset_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "convert/synth_tensors.h"
#include "model/config.h"

namespace trinity {
namespace {

struct Totals {
  size_t num_tensors = 0;
  int64_t num_parameters = 0;
  int64_t num_bytes = 0;
};

Totals TotalsOf(std::string_view name) {
  const Config config = Config::FromJson(PresetConfig(name), "preset");
  Totals totals;
  for (const SynthTensor& tensor :
       ListSynthTensors(config, DType::kBF16, SynthInit::kBalanced, 0.02)) {
    ++totals.num_tensors;
    totals.num_bytes += tensor.spec.num_bytes();
    totals.num_parameters += tensor.spec.num_bytes() / InfoOf(tensor.spec.dtype).block_bytes;
  }
  return totals;
}

// Counts of the published checkpoints.
TEST(PresetConfig, NanoHasItsPublishedSize) {
  const Totals totals = TotalsOf("nano");
  EXPECT_EQ(totals.num_tensors, 21'631u);
  EXPECT_EQ(totals.num_parameters, 6'120'003'328);
  EXPECT_EQ(totals.num_bytes, 12'240'020'480);
}

TEST(PresetConfig, MiniHasItsPublishedSize) {
  const Totals totals = TotalsOf("mini");
  EXPECT_EQ(totals.num_tensors, 12'031u);
  EXPECT_EQ(totals.num_parameters, 26'123'974'400);
  EXPECT_EQ(totals.num_bytes, 52'247'956'480);
}

TEST(PresetConfig, LargeHasItsPublishedSize) {
  const Totals totals = TotalsOf("large");
  EXPECT_EQ(totals.num_tensors, 42'423u);
  EXPECT_EQ(totals.num_parameters, 398'635'286'016);
  EXPECT_EQ(totals.num_bytes, 797'270'599'680);
}

TEST(PresetConfig, EveryFourthLayerIsFull) {
  const Config nano = Config::FromJson(PresetConfig("nano"), "preset");
  EXPECT_EQ(nano.num_layers_of(AttentionKind::kFull), 14);
  EXPECT_EQ(nano.layer_types.at(3), AttentionKind::kFull);
}

TEST(PresetConfig, RefusesAnotherNameAndListsItsOwn) {
  EXPECT_THROW(PresetConfig("huge"), UsageError);
  try {
    PresetConfig("huge");
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("nano, mini, large, found \"huge\""));
  }
}

}  // namespace
}  // namespace trinity
