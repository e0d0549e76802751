#include "cli/server_end.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace trinity {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr int kInterruptedExit = 130;
// What is left for final events to reach their clients.
constexpr Seconds kFlushTime{2};
// Who asks a server that has failed within this time is told why.
constexpr Seconds kNoticeTime{1};

}  // namespace

ServerEnd::ServerEnd(HttpServer& http, Engine& engine, const KeptPrefixes& prefixes,
                     double timeout_s)
    : http_(http), engine_(engine), prefixes_(prefixes), timeout_(timeout_s) {
  http_.CatchSignals([this](int num_signals) { OnSignal(num_signals); });
  engine_.WhenFailed([this](const std::string& reason) { OnFailure(reason); });
  thread_ = std::thread([this] { AwaitEnd(); });
}

std::optional<std::string> ServerEnd::Finish() {
  {
    const std::scoped_lock lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  engine_.Stop();  // after which it tells nothing any more
  const std::scoped_lock lock(mutex_);
  return failure_;
}

void ServerEnd::OnSignal(int num_signals) {
  // What is waited for must not keep the process.
  if (num_signals > 1) std::_Exit(kInterruptedExit);
  engine_.Drain();
  http_.Drain();
  const std::scoped_lock lock(mutex_);
  is_signalled_ = true;
  changed_.notify_all();
}

void ServerEnd::OnFailure(const std::string& reason) {
  const std::scoped_lock lock(mutex_);
  failure_ = reason;
  changed_.notify_all();
}

void ServerEnd::AwaitEnd() {
  bool has_failed = false;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_over_ || is_signalled_ || failure_; });
    // Without connections the server is over before this wakes.
    if (!is_signalled_ && !failure_) return;
    has_failed = failure_.has_value();
  }
  if (has_failed) {
    EndAfterFailure();
  } else {
    EndAfterSignal();
  }
}

void ServerEnd::EndAfterSignal() {
  engine_.WaitUntilIdle(timeout_.count());
  engine_.Stop();  // whoever still waits hears so
  bool has_failed = false;
  {
    const std::scoped_lock lock(mutex_);
    has_failed = failure_.has_value();
  }
  if (!has_failed) prefixes_.Save(engine_);
  CloseConnections(kFlushTime);
}

// The engine has told its requests by now, and refuses those that come.
void ServerEnd::EndAfterFailure() {
  std::this_thread::sleep_for(std::min(timeout_, kNoticeTime));
  http_.Drain();
  CloseConnections(std::min(timeout_, kFlushTime));
}

void ServerEnd::CloseConnections(Seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (http_.num_connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  http_.Abort();
}

}  // namespace trinity
