#include "convert/free_space.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <system_error>

#include "base/error.h"

namespace trinity {
namespace {

std::string Gigabytes(int64_t num_bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(num_bytes) * 1e-9);
}

}  // namespace

void RequireFreeSpace(const std::string& folder, int64_t num_bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) Fail("{}: free space cannot be read: {}", folder, error.message());
  constexpr uintmax_t kMost = std::numeric_limits<int64_t>::max();
  const auto available = static_cast<int64_t>(std::min<uintmax_t>(space.available, kMost));
  if (available < num_bytes) {
    Fail("{}: expected {} of free space, found {}", folder, Gigabytes(num_bytes),
         Gigabytes(available));
  }
}

}  // namespace trinity
