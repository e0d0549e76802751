#include "base/usable_cores.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace trinity {
namespace {

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool HasPart(const std::string& list, const std::string& part) {
  const std::vector<std::string> parts = Split(list, ',');
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// A mounted hierarchy of cgroups that can hold CPU quotas.
struct CgroupMount {
  bool is_v2;
  std::string root;    // the cgroup that is mounted
  std::string folder;  // where
};

// From a line of mountinfo: "36 35 98:0 ROOT FOLDER OPTIONS FIELDS... - TYPE SOURCE OPTIONS".
std::optional<CgroupMount> ParseCgroupMount(const std::string& line) {
  const std::vector<std::string> fields = Split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.end() - dash < 4 || dash - fields.begin() < 6) return std::nullopt;
  const bool is_v2 = dash[1] == "cgroup2";
  if (!is_v2 && !(dash[1] == "cgroup" && HasPart(dash[3], "cpu"))) return std::nullopt;
  return CgroupMount{is_v2, fields[3], fields[4]};
}

// The process's place in that hierarchy, from lines of cgroup: "0::PATH" (v2) or
// "4:cpu,cpuacct:PATH". The path may hold colons.
std::string PathIn(const CgroupMount& mount, const std::string& proc_folder) {
  std::ifstream file(proc_folder + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (mount.is_v2 ? controllers.empty() : HasPart(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "/";
}

// CPUs of the quota that stands in one cgroup's folder.
double QuotaIn(const CgroupMount& mount, const std::string& folder) {
  double quota = 0, period = 0;
  if (mount.is_v2) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;  // "max" is no number and leaves 0
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;  // -1: none
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : kNoQuota;
}

// The tightest quota from the process's cgroup up to the mounted one.
double TightestQuota(const CgroupMount& mount, std::string path) {
  // A container sees its own part of the tree, under whatever path it has outside.
  if (mount.root != "/") {
    const bool is_below = path == mount.root || path.starts_with(mount.root + "/");
    path = is_below ? path.substr(mount.root.size()) : "";
  }
  double quota = kNoQuota;
  while (true) {
    quota = std::min(quota, QuotaIn(mount, mount.folder + path));
    const size_t slash = path.rfind('/');
    if (slash == path.npos) return quota;
    path.resize(slash);
  }
}

// The (package, core) that a logical CPU belongs to; CPUs that share one are hyper-threads.
std::pair<int, int> PhysicalCoreOf(int cpu) {
  const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
  int package = 0, core = cpu;
  std::ifstream(folder + "physical_package_id") >> package;
  if (!(std::ifstream(folder + "core_id") >> core)) core = cpu;
  return {package, core};
}

int NumCoresOfAffinityMask() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  }
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed)) cores.insert(PhysicalCoreOf(cpu));
  }
  return static_cast<int>(cores.size());
}

}  // namespace

double CgroupCpuQuota(const std::string& proc_folder) {
  double quota = kNoQuota;
  std::ifstream file(proc_folder + "/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::optional<CgroupMount> mount = ParseCgroupMount(line);
    if (mount) quota = std::min(quota, TightestQuota(*mount, PathIn(*mount, proc_folder)));
  }
  return quota;
}

int NumUsableCores() {
  const double cores = std::min<double>(NumCoresOfAffinityMask(), std::ceil(CgroupCpuQuota()));
  return std::max(1, static_cast<int>(cores));
}

}  // namespace trinity
