#include "measure/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytesPerKiB = 1024;

// Files of proc and sys have no size, so they are read until they end. Empty where there is none.
std::string TextOf(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

std::optional<int64_t> NumberAt(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\n");
  if (start == std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + start, end, value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// "name: value" or "name value", one a line.
std::map<std::string, std::string> FieldsOf(const std::string& text, char separator) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    const size_t name_end = line.find_last_not_of(" \t", at == 0 ? 0 : at - 1);
    const size_t value = line.find_first_not_of(" \t", at + 1);
    fields.emplace(line.substr(0, name_end + 1),
                   value == std::string::npos ? "" : line.substr(value));
  }
  return fields;
}

int64_t NumberOf(const std::map<std::string, std::string>& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? 0 : NumberAt(found->second).value_or(0);
}

// The word in brackets of "always [madvise] never".
std::string ChosenWord(const std::string& text) {
  const size_t start = text.find('[');
  const size_t end = text.find(']');
  if (start == std::string::npos || end == std::string::npos || end < start) return "";
  return text.substr(start + 1, end - start - 1);
}

int64_t CountFolders(const fs::path& parent, const std::string& prefix) {
  std::error_code error;
  int64_t count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    const std::string name = entry.path().filename().string();
    const bool is_numbered =
        name.size() > prefix.size() && name.starts_with(prefix) &&
        name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
    count += is_numbered ? 1 : 0;
  }
  return count;
}

// A control group and those above it, as folders of one hierarchy, the process's own first.
std::vector<fs::path> GroupFolders(const fs::path& mount, const std::string& group) {
  std::vector<fs::path> folders;
  for (fs::path path = fs::path(group).relative_path(); !path.empty(); path = path.parent_path()) {
    folders.push_back(mount / path);
  }
  folders.push_back(mount);
  return folders;
}

// The path of this process in the hierarchy of `controller`; "" is that of v2.
std::optional<std::string> GroupOf(const std::string& membership, std::string_view controller) {
  std::istringstream lines(membership);  // "4:cpu,cpuacct:/path", "0::/path"
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    if (controllers.find(fmt::format(",{},", controller)) != std::string::npos) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// Folders that may hold limits, with the names that the files have there.
struct Hierarchy {
  std::vector<fs::path> folders;
  bool is_v2 = false;
};

Hierarchy FindHierarchy(const fs::path& root, const std::string& controller) {
  const std::string membership = TextOf(root / "proc/self/cgroup");
  const fs::path mount = root / "sys/fs/cgroup";
  if (const auto group = GroupOf(membership, controller)) {
    return {GroupFolders(mount / controller, *group), false};
  }
  return {GroupFolders(mount, GroupOf(membership, "").value_or("/")), true};
}

void ReadMemoryLimit(const fs::path& root, Machine& machine) {
  constexpr int64_t kNoLimit = int64_t{1} << 60;  // v1 says "none" with a number near 2^63
  const Hierarchy hierarchy = FindHierarchy(root, "memory");
  for (const fs::path& folder : hierarchy.folders) {
    const auto limit =
        NumberAt(TextOf(folder / (hierarchy.is_v2 ? "memory.max" : "memory.limit_in_bytes")));
    if (!limit || *limit >= kNoLimit) continue;
    machine.cgroup_memory_bytes = std::min(*limit, machine.cgroup_memory_bytes.value_or(*limit));
    const auto used =
        NumberAt(TextOf(folder / (hierarchy.is_v2 ? "memory.current" : "memory.usage_in_bytes")));
    const auto stat = FieldsOf(TextOf(folder / "memory.stat"), ' ');
    const int64_t cache = NumberOf(stat, hierarchy.is_v2 ? "file" : "total_cache");
    const int64_t left = std::max<int64_t>(0, *limit - used.value_or(0) + cache);
    machine.available_bytes = std::min(machine.available_bytes, left);
  }
}

void ReadCpuLimit(const fs::path& root, Machine& machine) {
  const Hierarchy hierarchy = FindHierarchy(root, "cpu");
  for (const fs::path& folder : hierarchy.folders) {
    const std::string text = hierarchy.is_v2 ? TextOf(folder / "cpu.max")
                                             : TextOf(folder / "cpu.cfs_quota_us") + " " +
                                                   TextOf(folder / "cpu.cfs_period_us");
    std::istringstream words(text);  // "max 100000", "-1 100000" where there is none
    double quota = 0, period = 0;
    if (!(words >> quota >> period) || quota <= 0 || period <= 0) continue;
    machine.cgroup_cpus = std::min(quota / period, machine.cgroup_cpus.value_or(quota / period));
  }
}

}  // namespace

Machine DescribeMachine(const std::string& root_path) {
  const fs::path root = root_path;
  Machine machine;
  const auto cpu = FieldsOf(TextOf(root / "proc/cpuinfo"), ':');
  const auto model = cpu.find("model name");
  machine.cpu_model = model == cpu.end() ? "unknown" : model->second;
  machine.num_logical_cpus = CountFolders(root / "sys/devices/system/cpu", "cpu");
  machine.num_numa_nodes = CountFolders(root / "sys/devices/system/node", "node");

  const auto memory = FieldsOf(TextOf(root / "proc/meminfo"), ':');
  machine.memory_bytes = NumberOf(memory, "MemTotal") * kBytesPerKiB;
  machine.available_bytes = NumberOf(memory, "MemAvailable") * kBytesPerKiB;
  machine.swap_bytes = NumberOf(memory, "SwapTotal") * kBytesPerKiB;
  machine.num_huge_pages = NumberOf(memory, "HugePages_Total");
  machine.num_free_huge_pages = NumberOf(memory, "HugePages_Free");
  machine.transparent_huge_pages =
      ChosenWord(TextOf(root / "sys/kernel/mm/transparent_hugepage/enabled"));

  ReadMemoryLimit(root, machine);
  ReadCpuLimit(root, machine);
  return machine;
}

}  // namespace trinity
