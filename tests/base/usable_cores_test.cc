#include "base/usable_cores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

namespace trinity {
namespace {

// A process's view of its cgroups, made of files.
class UsableCores : public testing::Test {
 protected:
  UsableCores() : folder_(testing::TempDir() + "usable_cores_" + TestName()) {
    std::filesystem::remove_all(folder_);
  }

  static std::string TestName() {
    return testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  void Write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = folder_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  // One mounted hierarchy under /mount, shown from `root` on.
  void Mount(const std::string& root, const std::string& type, const std::string& options) const {
    Write("/proc/mountinfo", "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n31 23 0:28 " +
                                 root + " " + folder_ + "/mount rw,nosuid shared:9 - " + type +
                                 " cgroup " + options + "\n");
  }
  double Quota() const { return CgroupCpuQuota(folder_ + "/proc"); }

  std::string folder_;
};

TEST_F(UsableCores, AreSomeAndNoMoreThanTheQuota) {
  EXPECT_GE(NumUsableCores(), 1);
  EXPECT_LE(NumUsableCores(), std::ceil(CgroupCpuQuota()));
}

TEST_F(UsableCores, AreNotLimitedWhereThereAreNoCgroups) {
  EXPECT_EQ(Quota(), std::numeric_limits<double>::infinity());
  Mount("/", "cgroup2", "rw");
  EXPECT_EQ(Quota(), std::numeric_limits<double>::infinity());
}

TEST_F(UsableCores, QuotaOfVersion2IsTheTightestOfAllCgroupsAbove) {
  Mount("/", "cgroup2", "rw,nsdelegate");
  Write("/proc/cgroup", "0::/slice/a.service/worker\n");
  Write("/mount/slice/a.service/worker/cpu.max", "max 100000\n");
  EXPECT_EQ(Quota(), std::numeric_limits<double>::infinity());
  Write("/mount/slice/a.service/cpu.max", "350000 100000\n");
  EXPECT_EQ(Quota(), 3.5);
  Write("/mount/slice/cpu.max", "40000 20000\n");
  EXPECT_EQ(Quota(), 2);
  Write("/mount/slice/a.service/worker/cpu.max", "50000 100000\n");
  EXPECT_EQ(Quota(), 0.5);
  Write("/mount/slice/other/cpu.max", "1000 100000\n");
  EXPECT_EQ(Quota(), 0.5);
}

TEST_F(UsableCores, QuotaOfVersion1StandsBesideOtherControllers) {
  Mount("/", "cgroup", "rw,cpu,cpuacct");
  Write("/proc/cgroup", "9:memory:/m\n4:cpuset:/s\n3:cpu,cpuacct:/outer/inner\n0::/\n");
  Write("/mount/outer/inner/cpu.cfs_quota_us", "-1\n");
  Write("/mount/outer/inner/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), std::numeric_limits<double>::infinity());
  Write("/mount/outer/cpu.cfs_quota_us", "250000\n");
  Write("/mount/outer/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), 2.5);
}

TEST_F(UsableCores, CpusetIsNotMistakenForTheCpuController) {
  Mount("/", "cgroup", "rw,cpuset");
  Write("/mount/cpu.cfs_quota_us", "50000\n");
  Write("/mount/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(Quota(), std::numeric_limits<double>::infinity());
}

TEST_F(UsableCores, AContainerSeesItsPartOfTheTree) {
  Mount("/docker/c0ffee", "cgroup2", "rw");
  Write("/mount/cpu.max", "300000 100000\n");
  Write("/mount/inner/cpu.max", "200000 100000\n");
  Write("/proc/cgroup", "0::/docker/c0ffee\n");
  EXPECT_EQ(Quota(), 3);
  Write("/proc/cgroup", "0::/docker/c0ffee/inner\n");
  EXPECT_EQ(Quota(), 2);
  Write("/proc/cgroup", "0::/elsewhere\n");
  EXPECT_EQ(Quota(), 3);
}

}  // namespace
}  // namespace trinity
