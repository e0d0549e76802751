#include "engine/engine.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/engine/collecting_listener.h"
#include "tests/generate/pico_model.h"

namespace trinity {
namespace {

EngineRequest Asking(const std::string& text, int64_t max_tokens = 10) {
  EngineRequest request;
  request.text.tokens.prompt_ids = Pico().Prompt(text);
  request.text.tokens.max_tokens = max_tokens;
  request.text.tokens.stop_ids = {1, 3};
  request.text.tokens.num_tokens = Pico().tokenizer.num_tokens();
  request.text.tokens.sampling.temperature = 0.8;
  request.text.tokens.num_logprobs = 2;
  return request;
}

struct Asked {
  RequestId id;
  std::shared_ptr<CollectingListener> listener;
};

Asked Ask(Engine& engine, const EngineRequest& request) {
  auto listener = std::make_shared<CollectingListener>();
  const RequestId id = engine.Submit(request, listener);
  return {id, listener};
}

TextGenerationResult Alone(const EngineRequest& request) {
  PicoModel& pico = Pico();
  Session session(*pico.model, pico.pools);
  return GenerateText(
      session, pico.tokenizer, request.text, [](std::string_view) {}, CancelToken());
}

void ExpectSame(const HeardAnswer& heard, const TextGenerationResult& alone) {
  EXPECT_EQ(heard.ids, alone.tokens.token_ids);
  EXPECT_EQ(heard.text, alone.text);
  EXPECT_EQ(heard.reason, alone.tokens.finish_reason);
  EXPECT_EQ(heard.stop_string, alone.stop_string);
  ASSERT_EQ(heard.logprobs.size(), alone.tokens.logprobs.size());
  for (size_t i = 0; i < heard.logprobs.size(); ++i) {
    EXPECT_EQ(heard.logprobs[i].picked.logprob, alone.tokens.logprobs[i].picked.logprob);
  }
}

TEST(Engine, ThreadsOfManyClientsGetTheAnswersThatEachGetsAlone) {
  Engine engine(*Pico(3).model, Pico(3).tokenizer, {.step_tokens = 64, .max_sequences = 4});
  std::vector<EngineRequest> requests;
  for (int i = 0; i < 8; ++i) {
    requests.push_back(Asking("What is the number " + std::to_string(i) + "?"));
    requests.back().text.tokens.sampling.seed = static_cast<uint64_t>(i);
  }
  std::vector<std::shared_ptr<CollectingListener>> listeners(requests.size());
  std::vector<std::thread> clients;
  for (size_t i = 0; i < requests.size(); ++i) {
    clients.emplace_back([&, i] {
      listeners[i] = Ask(engine, requests[i]).listener;
      listeners[i]->WaitForEnd();
    });
  }
  for (std::thread& client : clients) client.join();
  for (size_t i = 0; i < requests.size(); ++i) {
    ExpectSame(listeners[i]->answers.at(0), Alone(requests[i]));
    EXPECT_EQ(listeners[i]->num_faults, 0);
  }
}

std::unique_ptr<Engine> EngineOfPico(const EngineOptions& options = {}) {
  return std::make_unique<Engine>(*Pico(3).model, Pico(3).tokenizer, options);
}

// Runs until it is told otherwise.
EngineRequest Endless() {
  EngineRequest request = Asking("Tell me a story.", 4000);
  request.text.tokens.stop_ids = {};
  return request;
}

template <typename Kind>
std::string RefusalOf(Engine& engine, const EngineRequest& request) {
  try {
    engine.Submit(request, std::make_shared<CollectingListener>());
  } catch (const Kind& error) {
    return error.what();
  }
  return "none";
}

TEST(Engine, ACancelFromAnotherThreadEndsTheRequestInAnyState) {
  const auto engine = EngineOfPico({.max_sequences = 1});
  const Asked decoding = Ask(*engine, Endless());
  const Asked queued = Ask(*engine, Endless());
  decoding.listener->WaitForTokens(3);
  engine->Cancel(queued.id);
  queued.listener->WaitForEnd();
  EXPECT_EQ(queued.listener->answers.at(0).reason, FinishReason::kCancelled);
  EXPECT_TRUE(queued.listener->answers.at(0).ids.empty());
  engine->Cancel(decoding.id);
  decoding.listener->WaitForEnd();
  EXPECT_GE(decoding.listener->answers.at(0).ids.size(), 3);
  const EngineRequest next = Asking("What is a violin?");
  const Asked after = Ask(*engine, next);
  after.listener->WaitForEnd();
  ExpectSame(after.listener->answers.at(0), Alone(next));
}

TEST(Engine, ACancelDuringAStepOfItsOwnEndsTheStep) {
  const Model& model = *Pico(3).model;
  std::atomic<bool> hangs = true;
  Engine engine(model.config(), Pico(3).tokenizer, {}, [&](const Step& step, Activations& a) {
    while (hangs) {
      if (step.is_abandoned()) return;
      std::this_thread::yield();
    }
    model.Forward(step, a);
  });
  const EngineRequest request = Asking("What is a violin?");
  const Asked cancelled = Ask(engine, request);
  engine.Cancel(cancelled.id);
  cancelled.listener->WaitForEnd();
  EXPECT_EQ(cancelled.listener->answers.at(0).reason, FinishReason::kCancelled);
  EngineRequest late = request;
  late.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  const Asked expired = Ask(engine, late);
  expired.listener->WaitForEnd();
  EXPECT_TRUE(expired.listener->failure);
  hangs = false;
  const Asked after = Ask(engine, request);
  after.listener->WaitForEnd();
  ExpectSame(after.listener->answers.at(0), Alone(request));
}

TEST(Engine, RefusesWhatTheQueueDoesNotHoldAndTakesItLater) {
  const auto engine = EngineOfPico({.max_sequences = 1, .max_queued_requests = 1});
  const Asked running = Ask(*engine, Endless());
  running.listener->WaitForTokens(1);
  const Asked queued = Ask(*engine, Endless());
  EXPECT_EQ(RefusalOf<QueueFull>(*engine, Endless()), "queue: 1 requests wait, the most that may");
  engine->Cancel(queued.id);
  queued.listener->WaitForEnd();
  engine->Cancel(running.id);
  EXPECT_TRUE(engine->WaitUntilIdle(60));
  EXPECT_EQ(RefusalOf<QueueFull>(*engine, Asking("Hello", 1)), "none");
}

TEST(Engine, RefusesMoreTokensThanMayWait) {
  const auto engine = EngineOfPico({.max_sequences = 1, .max_queued_tokens = 20});
  const Asked running = Ask(*engine, Endless());
  running.listener->WaitForTokens(1);
  const Asked queued = Ask(*engine, Endless());  // alone, it may be longer
  EXPECT_THAT(RefusalOf<QueueFull>(*engine, Endless()), testing::HasSubstr("tokens wait"));
  engine->Stop();
}

TEST(Engine, RefusesValuesOutOfRangeByName) {
  const auto engine = EngineOfPico();
  const auto refusal = [&](auto change) {
    EngineRequest request = Asking("Hello");
    change(request);
    return RefusalOf<Error>(*engine, request);
  };
  EXPECT_EQ(refusal([](EngineRequest& r) { r.text.tokens.prompt_ids = {}; }),
            "prompt: expected at least one token, found none");
  EXPECT_EQ(refusal([](EngineRequest& r) { r.text.tokens.prompt_ids = {-1}; }),
            "prompt: token id -1: expected 0 to 4095");
  EXPECT_EQ(refusal([](EngineRequest& r) { r.num_answers = 0; }), "n: expected 1 to 128, found 0");
  EXPECT_EQ(refusal([](EngineRequest& r) { r.priority = 101; }),
            "priority: expected -100 to 100, found 101");
  EXPECT_EQ(refusal([](EngineRequest& r) { r.num_prompt_logprobs = -1; }),
            "prompt_logprobs: expected 0 to 4064, found -1");
  EXPECT_NE(refusal([](EngineRequest& r) { r.text.tokens.sampling.temperature = -1; }), "none");
  EXPECT_NE(refusal([](EngineRequest& r) { r.text.stop_strings = {""}; }), "none");
  EXPECT_EQ(RefusalOf<PromptTooLong>(*engine,
                                     [] {
                                       EngineRequest request = Asking("Hello");
                                       request.text.tokens.prompt_ids.assign(4097, 5);
                                       return request;
                                     }()),
            "prompt: expected at most 4096 tokens, what the context holds, found 4097");
}

// Looks at the counts at the moment in which it hears of an end.
class CountingListener : public CollectingListener {
 public:
  explicit CountingListener(const Engine& engine) : engine_(engine) {}
  void OnEnd(const RequestUsage& end_usage) override {
    stats = engine_.Stats();
    CollectingListener::OnEnd(end_usage);
  }
  EngineStats stats;

 private:
  const Engine& engine_;
};

TEST(Engine, WhoHearsOfAnEndFindsItCounted) {
  const auto engine = EngineOfPico({.max_sequences = 2});
  const Asked running = Ask(*engine, Endless());
  for (int64_t i = 1; i <= 20; ++i) {
    const auto listener = std::make_shared<CountingListener>(*engine);
    engine->Submit(Asking("What is a violin?", 3), listener);
    listener->WaitForEnd();
    EXPECT_EQ(listener->stats.num_finished_requests, i);
    EXPECT_EQ(listener->stats.num_running_requests, 1);
    EXPECT_EQ(listener->stats.num_running_sequences, 1);
    EXPECT_EQ(listener->stats.num_queued_requests, 0);
  }
}

TEST(Engine, DrainsByFinishingWhatItHasTaken) {
  const auto engine = EngineOfPico({.max_sequences = 1});
  const Asked first = Ask(*engine, Asking("What is a violin?"));
  const Asked second = Ask(*engine, Asking("What is a river?"));
  engine->Drain();
  EXPECT_EQ(RefusalOf<EngineClosed>(*engine, Asking("Hello")),
            "engine: takes no new requests, it is about to stop");
  EXPECT_TRUE(engine->WaitUntilIdle(60));
  EXPECT_TRUE(first.listener->usage && second.listener->usage);
}

TEST(Engine, StoppingFailsWhatIsNotDone) {
  const auto engine = EngineOfPico({.max_sequences = 1});
  const Asked running = Ask(*engine, Endless());
  const Asked queued = Ask(*engine, Endless());
  running.listener->WaitForTokens(1);
  engine->Stop();
  for (const Asked& asked : {running, queued}) {
    ASSERT_TRUE(asked.listener->failure);
    EXPECT_EQ(asked.listener->failure->first, RequestFailure::kClosed);
    EXPECT_EQ(asked.listener->num_faults, 0);
  }
  EXPECT_EQ(engine->Stats().num_failed_requests, 2);
}

TEST(Engine, WhereAStepFailsEverybodyIsTold) {
  const Model& model = *Pico(3).model;
  std::atomic<bool> fails = false;
  Engine engine(model.config(), Pico(3).tokenizer, {}, [&](const Step& step, Activations& a) {
    if (fails) throw Error("rank 1: was lost");
    model.Forward(step, a);
  });
  std::vector<std::string> told;
  engine.WhenFailed([&](const std::string& reason) { told.push_back(reason); });
  EXPECT_EQ(engine.closed_reason(), std::nullopt);
  const Asked running = Ask(engine, Endless());
  running.listener->WaitForTokens(2);
  fails = true;
  running.listener->WaitForEnd();
  ASSERT_TRUE(running.listener->failure);
  EXPECT_EQ(running.listener->failure->first, RequestFailure::kEngine);
  EXPECT_EQ(running.listener->failure->second, "engine: failed: rank 1: was lost");
  EXPECT_EQ(RefusalOf<EngineClosed>(engine, Endless()), "engine: failed: rank 1: was lost");
  EXPECT_EQ(engine.closed_reason(), "engine: failed: rank 1: was lost");
  engine.Stop();
  EXPECT_EQ(told, std::vector<std::string>{"engine: failed: rank 1: was lost"});
  engine.WhenFailed([&](const std::string& reason) { told.push_back("late: " + reason); });
  EXPECT_EQ(told.back(), "late: engine: failed: rank 1: was lost");
}

// Steps of pico that fail in the middle while `cannot_read`.
ForwardPass ReadingForward(const std::atomic<bool>& cannot_read) {
  return [&cannot_read](const Step& step, Activations& a) {
    Step watched = step;
    if (cannot_read) {
      watched.on_stream = [](int64_t index, const Matrix&, const Activations&) {
        if (index == 3) throw StorageError("model.safetensors: cannot be read");
      };
    }
    Pico(3).model->Forward(watched, a);
  };
}

TEST(Engine, AStepThatCannotReadTheModelFailsItsRequestsAlone) {
  for (const bool keeps_prefixes : {true, false}) {
    std::atomic<bool> cannot_read = false;
    Engine engine(Pico(3).model->config(), Pico(3).tokenizer, {.keeps_prefixes = keeps_prefixes},
                  ReadingForward(cannot_read));
    const EngineRequest request = Asking("What is a violin?");
    Ask(engine, request).listener->WaitForEnd();
    const Asked growing = Ask(engine, Endless());
    growing.listener->WaitForTokens(3);
    cannot_read = true;
    const Asked beginning = Ask(engine, request);
    for (const Asked& asked : {growing, beginning}) {
      asked.listener->WaitForEnd();
      ASSERT_TRUE(asked.listener->failure);
      EXPECT_EQ(asked.listener->failure->first, RequestFailure::kStorage);
      EXPECT_EQ(asked.listener->failure->second, "model.safetensors: cannot be read");
    }
    cannot_read = false;
    const Asked after = Ask(engine, request);
    after.listener->WaitForEnd();
    ExpectSame(after.listener->answers.at(0), Alone(request));
    EXPECT_EQ(after.listener->usage->num_cached_tokens > 0, keeps_prefixes);
    EXPECT_EQ(engine.closed_reason(), std::nullopt);
    ASSERT_TRUE(engine.WaitUntilIdle(60));
    EXPECT_EQ(engine.Stats().num_failed_requests, 2);
    if (!keeps_prefixes) {
      EXPECT_EQ(engine.Stats().kv_bytes, 0);
    }
  }
}

}  // namespace
}  // namespace trinity
