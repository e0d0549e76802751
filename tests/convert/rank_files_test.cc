#include "convert/rank_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "convert/checkpoint_text.h"
#include "convert/quantize_model.h"
#include "model/gguf_config.h"
#include "model/weights.h"
#include "tests/checkpoint/raw_safetensors.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

using testing::HasSubstr;

class RankFiles : public testing::Test {
 protected:
  void Write(const Checkpoint& checkpoint, const RankGrid& grid) {
    ConvertOptions options;
    options.path = folder_ / "m.gguf";
    options.ranks = grid;
    options.overwriting = Overwriting::kAllowed;
    ConvertToGguf(checkpoint, {}, options, pool_, nullptr);
  }

  std::string PathOf(int rank, int num_ranks) const {
    return folder_ / fmt::format("m-rank-{}-of-{}.gguf", rank, num_ranks);
  }

  static Checkpoint Open(const std::string& path) {
    Checkpoint checkpoint = Checkpoint::Open(path);
    TranslateGguf(checkpoint);
    return checkpoint;
  }

  std::vector<std::byte> MatricesOf(const Checkpoint& checkpoint, const RankGrid& grid, int rank) {
    LoadOptions load;
    load.grid = grid;
    load.rank = rank;
    const Config config = Config::FromJson(checkpoint.config(), "");
    const Weights weights = Weights::Load(checkpoint, config, pool_, load);
    const std::byte* begin = weights.matrix_memory.data();
    return {begin, begin + weights.matrix_memory.num_bytes()};
  }

  TemporaryFolder folder_;
  ThreadPool pool_{2};
};

// More ranks than kv heads and than blocks of 32 columns, and experts whole.
const RankGrid kGrids[] = {{2}, {5}, {4, 2}};

TEST_F(RankFiles, EachHoldsWhatItsRankReads) {
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const Checkpoint awkward = Checkpoint::Open(GoldenFolder("tp_awkward"));
  QuantizeOptions quantize;
  quantize.path = folder_ / "quantized.gguf";
  QuantizeModel(pico, {}, quantize, pool_, nullptr);
  const Checkpoint quantized = Open(quantize.path);
  const std::string hidden = folder_ / "hidden";
  for (const Checkpoint* checkpoint : {&awkward, &quantized}) {
    for (const RankGrid& grid : kGrids) {
      Write(*checkpoint, grid);
      for (int rank = 0; rank < grid.num_ranks; ++rank) {
        // No file is there but that of the rank.
        fs::create_directory(hidden);
        const std::string path = PathOf(rank, grid.num_ranks);
        const std::string alone = hidden + "/" + fs::path(path).filename().string();
        fs::rename(path, alone);
        EXPECT_EQ(MatricesOf(Open(alone), grid, rank), MatricesOf(*checkpoint, grid, rank))
            << checkpoint->path() << " rank " << rank << " of " << grid.num_ranks;
        fs::rename(alone, path);
      }
      EXPECT_EQ(MatricesOf(Open(PathOf(0, grid.num_ranks)), {1}, 0),
                MatricesOf(*checkpoint, {1}, 0))
          << "all files on one rank";
    }
  }
}

TEST_F(RankFiles, AnotherNumberOfRanksNeedsAllFiles) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  Write(base, {2});
  fs::remove(PathOf(1, 2));
  EXPECT_THAT(ErrorOf([&] { MatricesOf(Open(PathOf(0, 2)), {1}, 0); }),
              HasSubstr("is in the file of another rank, which is not there"));
}

TEST_F(RankFiles, AreNotReplacedUnasked) {
  const Checkpoint base = Checkpoint::Open(GoldenFolder("base"));
  WriteFile(PathOf(1, 2), "something else");
  ConvertOptions options;
  options.path = folder_ / "m.gguf";
  options.ranks = {2};
  EXPECT_THAT(ErrorOf([&] { ConvertToGguf(base, {}, options, pool_, nullptr); }),
              HasSubstr("m-rank-1-of-2.gguf: exists already"));
  EXPECT_FALSE(fs::exists(PathOf(0, 2)));
}

}  // namespace
}  // namespace trinity
