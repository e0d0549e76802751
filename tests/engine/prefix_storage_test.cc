#include "engine/prefix_storage.h"

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::HasSubstr;

constexpr int64_t kVocabSize = 2000;

// Its window is 64.
const Config& LongConfig() {
  static const Config config =
      Config::FromJson(Checkpoint::Open(GoldenFolder("long")).config(), "long");
  return config;
}

// A cache of prefixes whose pages hold bytes that tell where they stand.
struct Prefixes {
  void Keep(const std::vector<int32_t>& ids) {
    KvCache cache(pools);
    const auto count = static_cast<int64_t>(ids.size());
    cache.Reserve(count);
    for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
      for (KvPage* page : cache.PagesOf(kind).pages) {
        std::memset(page->data, ++num_pages, static_cast<size_t>(pools.Of(kind).page_bytes()));
      }
    }
    cache.Commit(count);
    cache_.Keep(ids, cache);
  }
  int64_t NumCached(const std::vector<int32_t>& ids) {
    return cache_.Find(ids, static_cast<int64_t>(ids.size())).num_cached;
  }
  int64_t Save(const PrefixStorage& storage) {
    return SavePrefixes(storage, kVocabSize, pools, cache_);
  }
  int64_t Load(const PrefixStorage& storage, int64_t free_bytes = int64_t{1} << 30) {
    return LoadPrefixes(storage, kVocabSize, pools, free_bytes, cache_);
  }

  KvPools pools{LongConfig(), DType::kF32, FreedPages::kFillWithNan};
  PrefixCache cache_{pools};
  int num_pages = 0;
};

std::vector<int32_t> Ids(int64_t count, int32_t first) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

class PrefixStorageTest : public testing::Test {
 protected:
  void ExpectRefusal(const std::string& content, const std::string& expected) {
    std::ofstream(storage_.path, std::ios::binary) << content;
    Prefixes prefixes;
    try {
      prefixes.Load(storage_);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(storage_.path));
      EXPECT_THAT(error.what(), HasSubstr(expected));
    }
    EXPECT_EQ(prefixes.pools.bytes_in_use(), 0);
    EXPECT_EQ(prefixes.cache_.num_kept(), 0);
  }
  // Two states that share a beginning, and another.
  std::string Saved() {
    Prefixes prefixes;
    prefixes.Keep(Ids(300, 0));
    prefixes.Keep(Ids(20, 1000));
    EXPECT_EQ(prefixes.Save(storage_), 2);
    return ReadTextFile(storage_.path);
  }

  TemporaryFolder folder_;
  PrefixStorage storage_{folder_ / "prefixes", 7, int64_t{1} << 30};
};

TEST_F(PrefixStorageTest, StatesComeBackWithTheirBytesAndTheirOrder) {
  Prefixes before;
  before.Keep(Ids(300, 0));
  before.Keep(Ids(20, 1000));
  before.Keep(Ids(100, 0));
  EXPECT_EQ(before.Save(storage_), 3);
  Prefixes after;
  EXPECT_EQ(after.Load(storage_), 3);
  for (const auto& ids : {Ids(300, 0), Ids(100, 0), Ids(20, 1000)}) {
    EXPECT_EQ(after.NumCached(ids), static_cast<int64_t>(ids.size()));
  }
  const auto old_list = before.cache_.ListKept(), new_list = after.cache_.ListKept();
  for (size_t i = 0; i < old_list.size(); ++i) {
    EXPECT_EQ(new_list[i].ids, old_list[i].ids);
    for (const AttentionKind kind : {AttentionKind::kSliding, AttentionKind::kFull}) {
      const KvCache::HeldPages old_pages = old_list[i].state->PagesOf(kind);
      const KvCache::HeldPages new_pages = new_list[i].state->PagesOf(kind);
      ASSERT_EQ(new_pages.pages.size(), old_pages.pages.size());
      EXPECT_EQ(new_pages.first, old_pages.first);
      for (size_t j = 0; j < old_pages.pages.size(); ++j) {
        EXPECT_EQ(std::memcmp(new_pages.pages[j]->data, old_pages.pages[j]->data,
                              static_cast<size_t>(before.pools.Of(kind).page_bytes())),
                  0);
      }
    }
  }
  EXPECT_EQ(after.pools.bytes_in_use(), before.pools.bytes_in_use());
}

TEST_F(PrefixStorageTest, OfTooManyBytesTheLastUsedAreTaken) {
  Saved();
  Prefixes less;
  const int64_t page_bytes = less.pools.Of(AttentionKind::kSliding).page_bytes() +
                             less.pools.Of(AttentionKind::kFull).page_bytes();
  EXPECT_EQ(less.Load(storage_, page_bytes), 1);
  EXPECT_EQ(less.NumCached(Ids(20, 1000)), 20);
  storage_.max_bytes = page_bytes + 1000;
  Prefixes all;
  all.Keep(Ids(300, 0));
  all.Keep(Ids(20, 1000));
  EXPECT_EQ(all.Save(storage_), 1);
  EXPECT_LE(static_cast<int64_t>(std::filesystem::file_size(storage_.path)), storage_.max_bytes);
}

TEST_F(PrefixStorageTest, RefusesAFileCutAnywhere) {
  const std::string good = Saved();
  for (size_t size = 0; size < good.size(); size += 1 + size / 20) {
    ExpectRefusal(good.substr(0, size), "");
  }
  ExpectRefusal(good + "x", "");
}

TEST_F(PrefixStorageTest, RefusesAnyBitThatIsAnother) {
  const std::string good = Saved();
  for (size_t place = 0; place < good.size(); place += 1 + place / 20) {
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 0x10);
    ExpectRefusal(bad, "");
  }
}

TEST_F(PrefixStorageTest, RefusesWhatIsOfSomethingElseByName) {
  const std::string good = Saved();
  ExpectRefusal("GGUF" + good, "expected a file of prefixes");
  storage_.identity = 8;
  ExpectRefusal(good, "is of another model, another build or another way to compute");
}

TEST_F(PrefixStorageTest, RefusesCountsThatTheFileDoesNotHold) {
  std::string bad = Saved();
  const uint64_t huge = uint64_t{1} << 60;
  for (size_t field = 8 + 7 * 8; field < 8 + 10 * 8; field += 8) {
    std::string with_huge = bad;
    std::memcpy(with_huge.data() + field, &huge, sizeof huge);
    ExpectRefusal(with_huge, "expected");
  }
}

}  // namespace
}  // namespace trinity
