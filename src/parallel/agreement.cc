#include "parallel/agreement.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "parallel/gather_each.h"

namespace trinity {
namespace {

// Long enough for a message, and of a size that all ranks know.
constexpr size_t kTextBytes = 1024;

struct Record {
  std::array<char, kTextBytes> identity{};
  std::array<char, kTextBytes> failure{};
};

std::array<char, kTextBytes> Cut(const std::string& text) {
  std::array<char, kTextBytes> cut{};
  std::copy_n(text.begin(), std::min(text.size(), kTextBytes - 1), cut.begin());
  if (text.size() < kTextBytes) return cut;
  constexpr std::string_view kMark = "...";
  std::copy(kMark.begin(), kMark.end(), cut.end() - 1 - kMark.size());
  return cut;
}

std::string Verdict(const std::vector<Record>& records) {
  for (size_t rank = 0; rank < records.size(); ++rank) {
    const Record& record = records[rank];
    if (record.failure[0] != 0) return fmt::format("rank {}: {}", rank, record.failure.data());
  }
  for (size_t rank = 1; rank < records.size(); ++rank) {
    const Record& record = records[rank];
    if (record.identity == records[0].identity) continue;
    return fmt::format("rank {} would compute something else: expected {}, as rank 0, found {}",
                       rank, records[0].identity.data(), record.identity.data());
  }
  return {};
}

}  // namespace

void Agree(Communicator& ranks, const RankReport& report, Patience patience) {
  const Record own = {Cut(report.identity), Cut(report.failure)};
  ranks.AwaitAll(patience);
  const std::vector<Record> records = GatherEach(ranks, own);
  std::array<char, kTextBytes> verdict{};
  if (ranks.is_leader()) verdict = Cut(Verdict(records));
  ranks.Broadcast(std::as_writable_bytes(std::span(verdict)));
  if (verdict[0] != 0) throw Error(verdict.data());
}

Patience PatienceWithFiles(Patience of_step, std::chrono::milliseconds own) {
  constexpr int kFactor = 10;
  return of_step ? Patience((*of_step + own) * kFactor) : std::nullopt;
}

}  // namespace trinity
