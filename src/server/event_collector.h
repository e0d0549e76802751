#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/request_listener.h"
#include "server/engine_event.h"
#include "server/task_queue.h"

namespace trinity {

// Carries what the engine says of the prompts of one HTTP request over to the task queue, in its
// order and one task at a time, so that the engine's thread does no more than copy it.
class EventCollector : public std::enable_shared_from_this<EventCollector> {
 public:
  // `take` gets all events that have come since its last call. It must not throw.
  using Take = std::function<void(std::vector<EngineEvent> events)>;
  EventCollector(TaskQueue& tasks, Take take) : tasks_(tasks), take_(std::move(take)) {}

  // The listener of one prompt; it keeps the collector.
  std::shared_ptr<RequestListener> ListenerOf(int64_t prompt_index);

 private:
  class Listener;

  void Push(EngineEvent event);
  void Deliver();

  TaskQueue& tasks_;
  Take take_;
  std::mutex mutex_;
  std::vector<EngineEvent> events_;
  bool is_posted_ = false;
};

}  // namespace trinity
