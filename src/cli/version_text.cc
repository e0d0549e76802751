#include "cli/version_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kernels/simd_target.h"

namespace trinity {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang++ " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

}  // namespace

std::string VersionText() {
  return fmt::format("trinity {}\ncompiler: {}\nSIMD target: {} (of {})\n", TRINITY_VERSION,
                     kCompiler, ActiveSimdTarget(), fmt::join(AvailableSimdTargets(), ", "));
}

}  // namespace trinity
