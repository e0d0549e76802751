#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

template <typename Function>
std::string ErrorOf(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::span<std::byte> BytesOfText(std::string& text) {
  return std::as_writable_bytes(std::span(text));
}

void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::set<std::string> NamesIn(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

mode_t PermissionsOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

// Limits the size of files that this process writes: a write beyond fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t num_bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {num_bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(File, ReadsByPosition) {
  TemporaryFolder folder;
  Write(folder / "f", "0123456789");
  const File file(folder / "f");
  EXPECT_EQ(file.size_bytes(), 10);
  std::string part(4, '\0');
  file.ReadAt(6, BytesOfText(part));
  EXPECT_EQ(part, "6789");
}

TEST(File, ReadPastTheEndIsAStorageError) {
  TemporaryFolder folder;
  Write(folder / "f", "0123456789");
  const File file(folder / "f");
  std::string part(4, '\0'), none;
  EXPECT_THROW(file.ReadAt(7, BytesOfText(part)), StorageError);
  EXPECT_THROW(file.ReadAt(int64_t{1} << 40, BytesOfText(part)), StorageError);
  EXPECT_NO_THROW(file.ReadAt(10, BytesOfText(none)));
}

TEST(File, TruncatedWhileOpenIsAStorageError) {
  TemporaryFolder folder;
  Write(folder / "f", "0123456789");
  const File file(folder / "f");
  fs::resize_file(folder / "f", 5);
  std::string part(4, '\0');
  EXPECT_THAT(ErrorOf([&] { file.ReadAt(4, BytesOfText(part)); }),
              AllOf(HasSubstr(folder / "f"),
                    HasSubstr("at byte 5: expected 10 bytes in the file, found 5")));
}

TEST(File, IsReadableAfterItWasRemoved) {
  TemporaryFolder folder;
  Write(folder / "f", "0123456789");
  const File file(folder / "f");
  fs::remove(folder / "f");
  std::string part(4, '\0');
  file.ReadAt(0, BytesOfText(part));
  EXPECT_EQ(part, "0123");
}

TEST(File, MovesWithItsDescriptor) {
  TemporaryFolder folder;
  Write(folder / "a", "aaaa");
  Write(folder / "b", "bb");
  std::vector<File> files;
  files.emplace_back(folder / "a");
  files.emplace_back(folder / "b");
  std::swap(files[0], files[1]);
  std::string part(2, '\0');
  files[0].ReadAt(0, BytesOfText(part));
  EXPECT_EQ(part, "bb");
  EXPECT_EQ(files[1].size_bytes(), 4);
}

TEST(File, FifoIsRefusedWithoutWaiting) {
  TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf([&] { File file(folder / "fifo"); }),
              HasSubstr("expected a regular file, found a FIFO"));
}

TEST(File, FolderAndDeviceAreRefused) {
  TemporaryFolder folder;
  EXPECT_THAT(ErrorOf([&] { File file(folder.path()); }), HasSubstr("found a folder"));
  EXPECT_THAT(ErrorOf([&] { File file("/dev/zero"); }), HasSubstr("found a device"));
}

TEST(File, MissingFileIsRefusedByName) {
  EXPECT_THAT(ErrorOf([&] { File file("/no/such/file"); }),
              AllOf(HasSubstr("/no/such/file"), HasSubstr("No such file")));
}

TEST(ReadTextFile, RefusesWhatIsLargerThanAsked) {
  TemporaryFolder folder;
  Write(folder / "f", "0123456789");
  EXPECT_EQ(ReadTextFile(folder / "f", 10), "0123456789");
  EXPECT_THAT(ErrorOf([&] { ReadTextFile(folder / "f", 9); }),
              HasSubstr("10 bytes, at most 9 are accepted"));
}

TEST(AtomicFile, AppearsAtCommit) {
  TemporaryFolder folder;
  AtomicFile file(folder / "f");
  file.Append("hello ");
  file.Append("world");
  EXPECT_FALSE(fs::exists(folder / "f"));
  file.Commit();
  EXPECT_EQ(ReadTextFile(folder / "f"), "hello world");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  TemporaryFolder folder;
  {
    AtomicFile file(folder / "f");
    file.Append("hello");
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(AtomicFile, KeepsTheOldFileUntilCommit) {
  TemporaryFolder folder;
  Write(folder / "f", "old");
  {
    AtomicFile file(folder / "f");
    file.Append("half");
  }
  EXPECT_EQ(ReadTextFile(folder / "f"), "old");
  AtomicFile file(folder / "f");
  file.Append("new");
  file.Commit();
  EXPECT_EQ(ReadTextFile(folder / "f"), "new");
}

TEST(AtomicFile, TakesWritesByPositionFromManyThreads) {
  TemporaryFolder folder;
  AtomicFile file(folder / "f");
  std::vector<std::thread> threads;
  for (int i = 3; i >= 0; --i) {
    threads.emplace_back([&file, i] {
      const std::string part(1000, static_cast<char>('a' + i));
      file.WriteAt(1000 * i, std::as_bytes(std::span(part)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  file.Commit();
  const std::string text = ReadTextFile(folder / "f");
  EXPECT_EQ(text.size(), 4000u);
  EXPECT_TRUE(std::is_sorted(text.begin(), text.end()));
}

TEST(AtomicFile, FullDiskIsAStorageErrorAndLeavesNothing) {
  TemporaryFolder folder;
  {
    const FileSizeLimit limit(4096);
    AtomicFile file(folder / "f");
    file.Append(std::string(4000, 'x'));
    EXPECT_THAT(ErrorOf([&] { file.Append(std::string(4000, 'x')); }),
                AllOf(HasSubstr(folder / "f"), HasSubstr("cannot be written: File too large")));
    EXPECT_THROW(file.Append(std::string(4000, 'x')), StorageError);
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(AtomicFile, FolderThatIsNotThereIsAStorageError) {
  EXPECT_THROW(AtomicFile("/no/such/folder/f"), StorageError);
}

TEST(AtomicFile, FolderThatTookTheFinalNameMeanwhileIsAStorageErrorAndLeavesNothing) {
  TemporaryFolder folder;
  {
    AtomicFile file(folder / "f");
    file.Append("x");
    fs::create_directory(folder / "f");
    EXPECT_THROW(file.Commit(), StorageError);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(AtomicFile, WhatIsNoRegularFileIsRefusedByNameAndKind) {
  TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(mknod((folder / "socket").c_str(), S_IFSOCK | 0600, 0), 0);
  fs::create_directory(folder / "folder");
  fs::create_symlink(folder / "fifo", folder / "link");
  const std::vector<std::pair<std::string, std::string>> kinds = {{folder / "fifo", "a FIFO"},
                                                                  {folder / "socket", "a socket"},
                                                                  {folder / "folder", "a folder"},
                                                                  {folder / "link", "a FIFO"},
                                                                  {"/dev/null", "a device"}};
  const std::set<std::string> before = NamesIn(folder.path());
  for (const auto& [path, kind] : kinds) {
    EXPECT_EQ(ErrorOf([&] { AtomicFile file(path); }),
              path + ": expected a file to write, found " + kind);
  }
  EXPECT_EQ(NamesIn(folder.path()), before);
}

TEST(AtomicFile, LinksStayAndWhatTheyPointToIsReplacedOrMade) {
  TemporaryFolder folder;
  fs::create_directory(folder / "models");
  Write(folder / "models/old", "old");
  fs::create_symlink("models/old", folder / "to_old");
  fs::create_symlink("to_old", folder / "to_link");
  fs::create_symlink(folder / "models/new", folder / "to_new");
  for (const std::string name : {"to_link", "to_new"}) {
    AtomicFile file(folder / name);
    file.Append("by " + name);
    file.Commit();
    EXPECT_TRUE(fs::is_symlink(folder / name)) << name;
  }
  EXPECT_TRUE(fs::is_symlink(folder / "to_old"));
  EXPECT_EQ(ReadTextFile(folder / "models/old"), "by to_link");
  EXPECT_EQ(ReadTextFile(folder / "models/new"), "by to_new");
  EXPECT_EQ(NamesIn(folder / "models"), (std::set<std::string>{"new", "old"}));
}

TEST(AtomicFile, LinksThatLeadRoundAreAStorageError) {
  TemporaryFolder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  EXPECT_THROW(AtomicFile(folder / "a"), StorageError);
  EXPECT_EQ(NamesIn(folder.path()), (std::set<std::string>{"a", "b"}));
}

TEST(AtomicFile, KeepsThePermissionsOfTheFileThatItReplaces) {
  TemporaryFolder folder;
  const mode_t umask_before = umask(022);
  for (const mode_t permissions : {0600u, 0664u, 0755u}) {
    Write(folder / "f", "old");
    ASSERT_EQ(chmod((folder / "f").c_str(), permissions), 0);
    AtomicFile file(folder / "f");
    file.Commit();
    EXPECT_EQ(PermissionsOf(folder / "f"), permissions);
  }
  AtomicFile file(folder / "new");
  file.Commit();
  EXPECT_EQ(PermissionsOf(folder / "new"), 0644u);
  umask(umask_before);
}

TEST(AtomicFile, ForItsOwnerAloneIsSoWhateverItReplaces) {
  TemporaryFolder folder;
  Write(folder / "f", "old");
  ASSERT_EQ(chmod((folder / "f").c_str(), 0644), 0);
  AtomicFile file(folder / "f", FileReaders::kOwner);
  file.Commit();
  EXPECT_EQ(PermissionsOf(folder / "f"), 0600u);
}

}  // namespace
}  // namespace trinity
