#include "convert/output_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

TEST(OutputFolder, RemovesWhatWasWrittenUnlessKept) {
  TemporaryFolder parent;
  {
    OutputFolder folder(parent / "new");
    folder.WriteText("a", "text");
    EXPECT_TRUE(fs::exists(parent / "new/a"));
  }
  EXPECT_FALSE(fs::exists(parent / "new"));
  {
    OutputFolder folder(parent / "new");
    folder.WriteText("a", "text");
    folder.Keep();
  }
  EXPECT_EQ(ReadTextFile(parent / "new/a"), "text");
}

TEST(OutputFolder, LeavesAFolderThatWasThere) {
  TemporaryFolder parent;
  {
    OutputFolder folder(parent.path());
    folder.WriteText("a", "text");
  }
  EXPECT_TRUE(fs::is_empty(parent.path()));
}

TEST(OutputFolder, RefusesAFolderWithFilesAndTouchesNothing) {
  TemporaryFolder parent;
  {
    OutputFolder folder(parent.path());
    folder.WriteText("mine", "text");
    folder.Keep();
  }
  EXPECT_THROW(OutputFolder(parent.path()), Error);
  EXPECT_THROW(OutputFolder(parent / "mine"), Error);
  EXPECT_EQ(ReadTextFile(parent / "mine"), "text");
}

TEST(OutputFolder, RefusesWithNumbersWhereSpaceIsShort) {
  TemporaryFolder parent;
  const OutputFolder folder(parent / "new");
  EXPECT_NO_THROW(folder.RequireFreeSpace(1));
  try {
    folder.RequireFreeSpace(int64_t{1} << 60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("expected 1152921504.61 GB of free space, found "));
  }
}

}  // namespace
}  // namespace trinity
