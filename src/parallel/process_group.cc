#include "parallel/process_group.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/build_id.h"
#include "base/check.h"
#include "base/error.h"
#include "parallel/message_ranks.h"
#include "parallel/mpi_plugin.h"
#include "parallel/peer_processes.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

constexpr const char* kPluginName = "libtrinity_mpi.so";

// Rank 0 may have clients, who shall hear of the end before it comes.
constexpr std::chrono::seconds kLastWords{5};

class MpiTransport final : public Transport {
 public:
  explicit MpiTransport(const TrinityMpi& mpi) : mpi_(mpi) {}
  MpiTransport(const MpiTransport&) = delete;
  MpiTransport& operator=(const MpiTransport&) = delete;
  ~MpiTransport() override { mpi_.finish(); }

  int rank() const override { return mpi_.rank; }
  int size() const override { return mpi_.size; }

  void Exchange(std::span<const OutgoingMessage> outgoing,
                std::span<const IncomingMessage> incoming, Patience patience) override {
    std::vector<TrinityMpiMessage> out, in;
    for (const OutgoingMessage& message : outgoing) {
      // MPI only reads it.
      auto* bytes = const_cast<std::byte*>(message.bytes.data());
      out.push_back({message.to, bytes, Checked(message.bytes.size())});
    }
    for (const IncomingMessage& message : incoming) {
      in.push_back({message.from, message.bytes.data(), Checked(message.bytes.size())});
    }
    std::vector<uint8_t> is_late(static_cast<size_t>(size()));
    const TrinityMpiWait wait = {patience ? patience->count() : -1, HasEnded, this, is_late.data()};
    const int late = mpi_.exchange(out.data(), static_cast<int>(out.size()), in.data(),
                                   static_cast<int>(in.size()), &wait);
    if (late < 0) return;
    has_lost_a_rank_ = true;
    if (HasEnded(this, late) != 0) throw RankLost(fmt::format("rank {} has ended", late));
    // Of those that are late one may be waiting for another.
    std::vector<std::string> names;
    for (size_t other = 0; other < is_late.size(); ++other) {
      if (is_late[other] != 0) names.push_back(fmt::format("rank {}", other));
    }
    throw RankLost(fmt::format("{} did not answer for {} s", fmt::join(names, " and "),
                               static_cast<double>(wait.timeout_ms) / 1000));
  }

  void Abort(std::string_view reason) override {
    fmt::print(stderr, "trinity: rank {} ends all ranks: {}\n", rank(), reason);
    if (has_lost_a_rank_ && rank() != 0 && peers_) {
      peers_->AwaitEnd(0, kLastWords);  // rank 0 has noticed it by itself
    } else if (rank() != 0 && peers_ && peers_->Sees(0)) {
      std::_Exit(EXIT_FAILURE);  // which rank 0 notices
    }
    mpi_.abort();
    std::abort();
  }

  // Has all processes tell one another what they are and where they run. Throws Error on all where
  // one is another build: of all else that they say not even the size need be the same.
  void FindPeers() {
    const std::vector<BuildName> builds = ExchangeWithAll(OwnBuild());
    for (const BuildName& build : builds) {
      if (build == builds[0]) continue;
      Fail("rank {} is another build of trinity: expected {}, as rank 0, found {}",
           &build - builds.data(), builds[0].data(), build.data());
    }
    peers_.emplace(ExchangeWithAll(ProcessPlace::OfThisProcess()));
  }
  int num_on_host() const { return peers_->num_on_host(); }

 private:
  using BuildName = std::array<char, 64>;

  static BuildName OwnBuild() {
    const std::string id = BuildId();
    BuildName name{};
    std::copy_n(id.begin(), std::min(id.size(), name.size() - 1), name.begin());
    return name;
  }

  // What all processes give, by rank.
  template <typename T>
  std::vector<T> ExchangeWithAll(const T& own) {
    std::vector<T> all(static_cast<size_t>(size()), own);
    std::vector<OutgoingMessage> outgoing;
    std::vector<IncomingMessage> incoming;
    for (int other = 0; other < size(); ++other) {
      if (other == rank()) continue;
      outgoing.push_back({other, std::as_bytes(std::span(&own, 1))});
      incoming.push_back({other, std::as_writable_bytes(std::span(&all[other], 1))});
    }
    Exchange(outgoing, incoming, kDefaultPatience);
    return all;
  }

  static int HasEnded(const void* transport, int other) {
    const auto& peers = static_cast<const MpiTransport*>(transport)->peers_;
    return peers && peers->HasEnded(other) ? 1 : 0;
  }

  static int64_t Checked(size_t num_bytes) {
    TRINITY_CHECK(num_bytes <= INT32_MAX);
    return static_cast<int64_t>(num_bytes);
  }

  const TrinityMpi& mpi_;
  std::optional<PeerProcesses> peers_;
  bool has_lost_a_rank_ = false;
};

std::string FindPlugin() {
  const char* chosen = std::getenv("TRINITY_MPI_PLUGIN");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::error_code error;
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path installed = folder / "../lib/trinity" / kPluginName;
  return std::filesystem::exists(installed, error) ? installed.string()
                                                   : (folder / kPluginName).string();
}

// Of how many processes mpirun says that this is one: Open MPI's variable and that of MPICH.
int NumProcesses() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) return std::atoi(value);  // NOLINT(cert-err34-c): mpirun wrote it
  }
  return 1;
}

}  // namespace

ProcessGroup JoinProcessGroup() {
  const int num_processes = NumProcesses();
  if (num_processes <= 1) return {};
  const std::string path = FindPlugin();
  // Open MPI's own plug-ins look for its symbols among the global ones.
  void* plugin = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (plugin == nullptr) {
    Fail("started by mpirun as one of {} processes, but the MPI plug-in cannot be loaded: {}",
         num_processes, dlerror());
  }
  using Begin = const TrinityMpi* (*)();
  const auto begin = reinterpret_cast<Begin>(dlsym(plugin, "TrinityMpiBegin"));
  if (begin == nullptr) Fail("{}: is not the MPI plug-in of trinity", path);
  const TrinityMpi* mpi = begin();
  if (mpi == nullptr) Fail("{}: MPI does not begin, or does not allow for threads", path);
  auto transport = std::make_unique<MpiTransport>(*mpi);
  try {
    transport->FindPeers();
  } catch (const RankLost& lost) {
    transport->Abort(lost.what());
  }
  const int num_on_host = transport->num_on_host();
  return {std::make_unique<MessageRanks>(std::move(transport)), num_on_host};
}

}  // namespace trinity
