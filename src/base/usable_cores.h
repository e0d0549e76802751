#pragma once

#include <string>

namespace trinity {

// Physical cores that this process may keep busy: those of its affinity mask (hyper-threads of one
// core count once), at most as many as the CPU quota of its cgroups amounts to, rounded up. At
// least 1.
int NumUsableCores();

// CPUs that the quotas of a process's cgroups allow, of the tightest from its own up to the root of
// what is mounted; infinity where there is none. Knows cgroup v2 (cpu.max) and v1
// (cpu.cfs_quota_us, cpu.cfs_period_us). `proc_folder` holds the process's `cgroup` and `mountinfo`
// as proc(5) describes them.
double CgroupCpuQuota(const std::string& proc_folder = "/proc/self");

}  // namespace trinity
