#include "generate/session.h"

#include <gmock/gmock.h>

#include <numeric>

#include "base/error.h"
#include "tests/generate/pico_model.h"

namespace trinity {
namespace {

using testing::ElementsAre;

std::vector<int32_t> SomeIds(size_t size) {
  std::vector<int32_t> ids(size);
  std::iota(ids.begin(), ids.end(), 300);
  return ids;
}

std::vector<float> Copy(std::span<const float> logits) { return {logits.begin(), logits.end()}; }

std::string ErrorOf(Session& session, const std::vector<int32_t>& ids) {
  try {
    session.Append(ids, CancelToken());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Session, WhatDoesNotFitIsRefusedWithAllNumbers) {
  Session session(*Pico().model, Pico().pools, {.max_context = 20});
  session.Append(SomeIds(15), CancelToken());
  EXPECT_EQ(ErrorOf(session, SomeIds(6)),
            "context: 6 tokens do not fit: 15 are used, at most 20 can be held");
  EXPECT_EQ(session.length(), 15);
  EXPECT_EQ(ErrorOf(session, SomeIds(5)), "");
  EXPECT_EQ(session.length(), 20);
}

TEST(Session, IdsBeyondTheVocabularyAreRefusedAndNothingChanges) {
  Session session(*Pico().model, Pico().pools, {.prefill_chunk = 2});
  EXPECT_EQ(ErrorOf(session, {1, 2, 3, 4096}), "token id 4096: expected 0 to 4095");
  EXPECT_EQ(ErrorOf(session, {-1}), "token id -1: expected 0 to 4095");
  EXPECT_EQ(session.length(), 0);
  EXPECT_TRUE(session.token_ids().empty());
}

TEST(Session, HoldsTheTokensThatWereAppended) {
  Session session(*Pico().model, Pico().pools, {.prefill_chunk = 2});
  session.Append(std::vector<int32_t>{5, 6, 7}, CancelToken());
  session.Append(std::vector<int32_t>{8}, CancelToken());
  EXPECT_THAT(session.token_ids(), ElementsAre(5, 6, 7, 8));
  session.Clear();
  EXPECT_TRUE(session.token_ids().empty());
  EXPECT_EQ(session.length(), 0);
}

TEST(Session, IsUsableAfterACancel) {
  Session whole(*Pico().model, Pico().pools);
  const std::vector<int32_t> ids = SomeIds(40);
  const std::vector<float> expected = Copy(whole.Append(ids, CancelToken()));

  Session session(*Pico().model, Pico().pools, {.prefill_chunk = 8});
  session.Append(std::span(ids).first(10), CancelToken());
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_TRUE(session.Append(std::span(ids).subspan(10), cancel).empty());
  EXPECT_EQ(session.length(), static_cast<int64_t>(session.token_ids().size()));
  const auto rest = std::span(ids).subspan(static_cast<size_t>(session.length()));
  EXPECT_EQ(Copy(session.Append(rest, CancelToken())), expected);
}

// The logits after `ids`, computed without anything held before.
std::vector<float> FreshLogits(const std::vector<int32_t>& ids) {
  Session session(*Pico().model, Pico().pools);
  return Copy(session.Append(ids, CancelToken()));
}

TEST(Session, RewindsWithinTheWindowAndGoesOnAsIfNothingHadBeen) {
  Session session(*Pico().model, Pico().pools);
  const std::vector<int32_t> ids = SomeIds(100);
  session.Append(ids, CancelToken());
  EXPECT_EQ(session.RewindTo(70), 70);
  EXPECT_EQ(session.length(), 70);
  const std::vector<int32_t> others = {500, 501, 502};
  std::vector<int32_t> all(ids.begin(), ids.begin() + 70);
  all.insert(all.end(), others.begin(), others.end());
  EXPECT_EQ(Copy(session.Append(others, CancelToken())), FreshLogits(all));
  EXPECT_EQ(session.RewindTo(1000), 73);
}

TEST(Session, WithoutAMarkWhatTheWindowHasLeftIsComputedAgain) {
  Session session(*Pico().model, Pico().pools);
  session.Append(SomeIds(500), CancelToken());  // the window is 128
  EXPECT_EQ(session.RewindTo(200), 0);
  EXPECT_EQ(session.length(), 0);
}

TEST(Session, ComesBackToAMarkBeyondTheWindow) {
  Session session(*Pico().model, Pico().pools);
  const std::vector<int32_t> ids = SomeIds(500);
  const std::span<const int32_t> all(ids);
  session.Append(all.subspan(0, 210), CancelToken());
  session.Mark();
  session.Append(all.subspan(210, 290), CancelToken());
  const std::vector<float> whole = FreshLogits(ids);
  for (int round = 0; round < 2; ++round) {  // the mark is still there, and still what it was
    EXPECT_EQ(session.RewindTo(300), 210);
    EXPECT_EQ(Copy(session.Append(all.subspan(210, 290), CancelToken())), whole);
  }
  EXPECT_EQ(session.RewindTo(210), 210);
  session.Append(std::vector<int32_t>(290, 700), CancelToken());
  EXPECT_EQ(session.RewindTo(210), 210);
  EXPECT_EQ(Copy(session.Append(all.subspan(210, 290), CancelToken())), whole);
}

TEST(Session, MarksGiveTheirPagesBack) {
  const int64_t before = Pico().pools.bytes_in_use();
  {
    Session session(*Pico().model, Pico().pools);
    for (int i = 0; i < 20; ++i) {
      session.Append(SomeIds(30), CancelToken());
      session.Mark();
    }
    session.RewindTo(300);
  }
  EXPECT_EQ(Pico().pools.bytes_in_use(), before);
}

}  // namespace
}  // namespace trinity
