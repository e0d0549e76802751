#include "measure/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/paths.h"

namespace trinity {
namespace {

// A tree of files as proc and sys would have them.
class FakeRoot {
 public:
  FakeRoot() {
    Write("proc/cpuinfo", "processor\t: 0\nmodel name\t: A CPU @ 3 GHz\n\nprocessor\t: 1\n");
    Write("proc/meminfo",
          "MemTotal:       16000 kB\nMemAvailable:   12000 kB\nSwapTotal:        100 kB\n"
          "HugePages_Total:       4\nHugePages_Free:        3\n");
    Write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    for (const char* cpu : {"cpu0", "cpu1", "cpu12", "cpufreq", "cpuidle"}) {
      std::filesystem::create_directories(folder_ / (std::string("sys/devices/system/cpu/") + cpu));
    }
    std::filesystem::create_directories(folder_ / "sys/devices/system/node/node0");
  }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = folder_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  Machine Describe() const { return DescribeMachine(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

TEST(Machine, ReadsWhatTheSystemSays) {
  const Machine machine = FakeRoot().Describe();
  EXPECT_EQ(machine.cpu_model, "A CPU @ 3 GHz");
  EXPECT_EQ(machine.num_logical_cpus, 3);
  EXPECT_EQ(machine.num_numa_nodes, 1);
  EXPECT_EQ(machine.memory_bytes, 16000 * 1024);
  EXPECT_EQ(machine.available_bytes, 12000 * 1024);
  EXPECT_EQ(machine.swap_bytes, 100 * 1024);
  EXPECT_EQ(machine.num_huge_pages, 4);
  EXPECT_EQ(machine.num_free_huge_pages, 3);
  EXPECT_EQ(machine.transparent_huge_pages, "madvise");
  EXPECT_EQ(machine.cgroup_memory_bytes, std::nullopt);
  EXPECT_EQ(machine.cgroup_cpus, std::nullopt);
}

TEST(Machine, TakesTheTightestLimitOfTheGroupsAboveInVersion2) {
  FakeRoot root;
  root.Write("proc/self/cgroup", "0::/outer/inner\n");
  root.Write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  root.Write("sys/fs/cgroup/outer/memory.max", "8192000\n");
  root.Write("sys/fs/cgroup/outer/memory.current", "5000000\n");
  root.Write("sys/fs/cgroup/outer/memory.stat", "anon 4000000\nfile 1000000\n");
  root.Write("sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n");
  root.Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  const Machine machine = root.Describe();
  EXPECT_EQ(machine.cgroup_memory_bytes, 8192000);
  EXPECT_EQ(machine.available_bytes, 8192000 - 5000000 + 1000000);
  EXPECT_EQ(machine.cgroup_cpus, 1.5);
}

TEST(Machine, KnowsTheLimitsOfVersion1) {
  FakeRoot root;
  root.Write("proc/self/cgroup", "9:memory:/box\n3:cpu,cpuacct:/box\n0::/\n");
  root.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.Write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "4096000\n");
  root.Write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "96000\n");
  root.Write("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "200000\n");
  root.Write("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
  const Machine machine = root.Describe();
  EXPECT_EQ(machine.cgroup_memory_bytes, 4096000);
  EXPECT_EQ(machine.available_bytes, 4000000);
  EXPECT_EQ(machine.cgroup_cpus, 2.0);
}

TEST(Machine, ASystemThatSaysNothingIsUnknown) {
  const TemporaryFolder folder;
  const Machine machine = DescribeMachine(folder.path());
  EXPECT_EQ(machine.cpu_model, "unknown");
  EXPECT_EQ(machine.memory_bytes, 0);
  EXPECT_EQ(machine.transparent_huge_pages, "");
}

TEST(Machine, ThisOneHasACpuAndMemory) {
  const Machine machine = DescribeMachine();
  EXPECT_GT(machine.num_logical_cpus, 0);
  EXPECT_GT(machine.memory_bytes, 0);
  EXPECT_GT(machine.available_bytes, 0);
  EXPECT_LE(machine.available_bytes, machine.memory_bytes);
}

}  // namespace
}  // namespace trinity
