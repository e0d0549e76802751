#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"

namespace trinity {
namespace {

// Linux transfers at most 0x7ffff000 bytes a call.
constexpr size_t kMaxTransferBytes = size_t{1} << 30;

std::string KindOf(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a special file";
}

int64_t CurrentSize(int descriptor) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 ? static_cast<int64_t>(status.st_size) : 0;
}

// The permissions of the file at `path`; absent where nothing is there. Links are followed by the
// system, so that those of /proc/self/fd, whose texts are no paths, are judged too.
std::optional<mode_t> PermissionsOfFileOrNone(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    Fail("{}: expected a file to write, found {}", path, KindOf(status.st_mode));
  }
  return status.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
}

// Where the links at the end of `path` lead, also to what is not there yet.
std::string FollowLinks(const std::string& path) {
  constexpr int kMaxLinks = 40;  // as the kernel follows
  std::filesystem::path target = path;
  std::error_code is_no_link;
  for (int i = 0; i < kMaxLinks; ++i) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, is_no_link);
    if (is_no_link) return target.string();
    target = target.parent_path() / next;
  }
  throw StorageError(fmt::format("{}: cannot be created: {}", path, std::strerror(ELOOP)));
}

}  // namespace

bool IsThere(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

File::File(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a FIFO without a writer would wait for ever.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) Fail("{}: cannot be opened: {}", path_, std::strerror(errno));
  struct stat status {};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    Fail("{}: expected a regular file, found {}", path_, KindOf(status.st_mode));
  }
  size_bytes_ = status.st_size;
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_bytes_(other.size_bytes_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

void File::ReadAt(int64_t offset, std::span<std::byte> bytes) const {
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t want = std::min(bytes.size() - done, kMaxTransferBytes);
    const ssize_t got =
        pread(descriptor_, bytes.data() + done, want, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw StorageError(fmt::format("{}: cannot be read at byte {}: {}", path_,
                                     offset + static_cast<int64_t>(done), std::strerror(errno)));
    }
    if (got == 0) {
      throw StorageError(fmt::format(
          "{}: cannot be read at byte {}: expected {} bytes in the file, found {} (was it "
          "changed while in use?)",
          path_, offset + static_cast<int64_t>(done), size_bytes_, CurrentSize(descriptor_)));
    }
    done += static_cast<size_t>(got);
  }
}

void File::DropCache(int64_t offset, int64_t num_bytes) const {
  posix_fadvise(descriptor_, offset, num_bytes, POSIX_FADV_DONTNEED);
}

void RequireFileOrNone(const std::string& path) { PermissionsOfFileOrNone(path); }

AtomicFile::AtomicFile(std::string path, FileReaders readers) : path_(std::move(path)) {
  static std::atomic<int> serial{0};
  std::optional<mode_t> permissions = PermissionsOfFileOrNone(path_);
  if (readers == FileReaders::kOwner) permissions = S_IRUSR | S_IWUSR;
  target_path_ = FollowLinks(path_);
  temporary_path_ = fmt::format("{}.{}.{}.partial", target_path_, getpid(), serial++);
  descriptor_ = open(temporary_path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                     permissions.value_or(0666));
  if (descriptor_ < 0) {
    throw StorageError(fmt::format("{}: cannot be created: {}", path_, std::strerror(errno)));
  }
  // The umask may have taken some away. A file system without permissions refuses, and may.
  if (permissions) fchmod(descriptor_, *permissions);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_path_.c_str());
}

void AtomicFile::Append(std::span<const std::byte> bytes) {
  WriteAt(end_, bytes);
  end_ += static_cast<int64_t>(bytes.size());
}

void AtomicFile::Append(std::string_view text) { Append(std::as_bytes(std::span(text))); }

void AtomicFile::WriteAt(int64_t offset, std::span<const std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t want = std::min(bytes.size() - done, kMaxTransferBytes);
    const ssize_t put =
        pwrite(descriptor_, bytes.data() + done, want, offset + static_cast<int64_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      throw StorageError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
    }
    done += static_cast<size_t>(put);
  }
}

void AtomicFile::Commit() {
  if (fsync(descriptor_) != 0 || close(std::exchange(descriptor_, -1)) != 0 ||
      rename(temporary_path_.c_str(), target_path_.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary_path_.c_str());
    throw StorageError(fmt::format("{}: cannot be written: {}", path_, std::strerror(reason)));
  }
}

std::string ReadTextFile(const std::string& path, size_t max_bytes) {
  const File file(path);
  if (file.size_bytes() > static_cast<int64_t>(max_bytes)) {
    Fail("{}: {} bytes, at most {} are accepted", path, file.size_bytes(), max_bytes);
  }
  std::string text(static_cast<size_t>(file.size_bytes()), '\0');
  file.ReadAt(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace trinity
