#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include "kernels/simd_target.h"

namespace {

// Fails the program if a test was skipped that tests/allowed_skips.txt does not name.
class SkipListener : public testing::EmptyTestEventListener {
 public:
  SkipListener() {
    std::ifstream file(TRINITY_SOURCE_DIR "/tests/allowed_skips.txt");
    for (std::string line; std::getline(file, line);) {
      allowed_.insert(line.substr(0, line.find_first_of(" \t#")));
    }
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    if (!test.result()->Skipped()) return;
    const std::string name = std::string(test.test_suite_name()) + "." + test.name();
    if (allowed_.contains(name)) return;
    std::cerr << name << " was skipped but is not named in tests/allowed_skips.txt\n";
    forbidden_skip_ = true;
  }
  bool forbidden_skip() const { return forbidden_skip_; }

 private:
  std::set<std::string> allowed_;
  bool forbidden_skip_ = false;
};

}  // namespace

// TRINITY_SIMD_TARGET tests another SIMD target than the best, as it does for the program.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* target = std::getenv("TRINITY_SIMD_TARGET"); target && *target != '\0') {
    trinity::ForceSimdTarget(target);
  }
  auto* listener = new SkipListener;
  testing::UnitTest::GetInstance()->listeners().Append(listener);
  const int result = RUN_ALL_TESTS();
  return listener->forbidden_skip() ? 1 : result;
}
