#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trinity {

// Whether something has this name. Also true for a dangling link, a folder, a FIFO, and where it
// cannot be told: opening it then says what is wrong.
bool IsThere(const std::string& path);

// A regular file opened for reading by position. Reads never depend on a mapping, so a file that is
// truncated meanwhile is an error message and not a SIGBUS. Thread-safe.
class File {
 public:
  // Throws Error if the path does not exist, cannot be read, or is no regular file (a folder, FIFO,
  // socket or device would block or never end).
  explicit File(std::string path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const std::string& path() const { return path_; }
  int64_t size_bytes() const { return size_bytes_; }  // when it was opened
  int descriptor() const { return descriptor_; }

  // Fills `bytes` from `offset`. Throws StorageError if the file ends before, or cannot be read.
  void ReadAt(int64_t offset, std::span<std::byte> bytes) const;

  // Tells the system that this range will not be read again soon: its page cache may go first.
  void DropCache(int64_t offset, int64_t num_bytes) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  int64_t size_bytes_ = 0;
};

enum class FileReaders {
  kAll,    // as the umask says, or as the file that is replaced had it
  kOwner,  // nobody else
};

// Throws Error where something is at `path` that an AtomicFile must not replace: a folder, a
// device, a FIFO, a socket. For commands that write late, to refuse it before their work.
void RequireFileOrNone(const std::string& path);

// A file that appears under its name only when it is complete: written under a temporary name in
// the same folder, then synced and renamed. A symbolic link stays: what it points to is replaced or
// made. A destructor without Commit removes it. Every write that fails (disk full, quota) throws
// StorageError with path and reason.
class AtomicFile {
 public:
  // Throws Error as RequireFileOrNone, StorageError where the file cannot be made.
  explicit AtomicFile(std::string path, FileReaders readers = FileReaders::kAll);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void Append(std::span<const std::byte> bytes);
  void Append(std::string_view text);
  // Writes at a position, also beyond the end; thread-safe against other WriteAt.
  void WriteAt(int64_t offset, std::span<const std::byte> bytes);
  void Commit();

 private:
  std::string path_;         // as given
  std::string target_path_;  // where links of that name lead
  std::string temporary_path_;
  int descriptor_ = -1;
  int64_t end_ = 0;
};

// The whole file as text. Throws Error if it is larger than max_bytes.
std::string ReadTextFile(const std::string& path, size_t max_bytes = size_t{64} << 20);

}  // namespace trinity
