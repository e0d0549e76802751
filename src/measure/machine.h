#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace trinity {

// What the system says about the machine and about the part of it that this process may use.
struct Machine {
  std::string cpu_model;         // "unknown" where the system does not tell
  int64_t num_logical_cpus = 0;  // online
  int64_t num_numa_nodes = 0;    // 0 where the system does not tell

  int64_t memory_bytes = 0;
  // What can be taken without swapping, page cache that may go included, within the cgroup's limit.
  int64_t available_bytes = 0;
  int64_t swap_bytes = 0;
  std::string transparent_huge_pages;  // "always", "madvise", "never"; empty: unknown
  int64_t num_huge_pages = 0;          // reserved ones (hugetlbfs)
  int64_t num_free_huge_pages = 0;

  // Limits of the control group, v1 or v2, this process's own or one above it. Absent: none.
  std::optional<int64_t> cgroup_memory_bytes;
  std::optional<double> cgroup_cpus;
};

// `root`: where proc/ and sys/ are looked for, for tests.
Machine DescribeMachine(const std::string& root = "/");

}  // namespace trinity
