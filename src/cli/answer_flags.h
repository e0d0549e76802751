#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command_line.h"
#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "cli/sampling_flags.h"
#include "generate/session.h"
#include "generate/text_generation.h"
#include "plan/run_plan.h"

namespace trinity {

// The flags of the commands that answer: run and chat.
struct AnswerFlags {
  ModelOptions model;
  SamplingFlags sampling;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> context;
  std::optional<int64_t> prefill_chunk;
  std::optional<std::string> system;
  std::vector<std::string> stops;
  bool thinks = false;
  bool thinks_not = false;

  // All but the positional argument, which the command declares in its place.
  void AddTo(CommandLine& line);
  // Those of them that can be changed between two answers: sampling, max_tokens and stops.
  void AddSettingsTo(CommandLine& line);

  // Throws UsageError where the context is larger than the model's.
  SessionOptions SessionOptionsFor(const LanguageModel& model) const;

  // The memory that is asked for: --context if that is given, else the prompt and its answer, of
  // which some tokens where no length is asked for.
  RunShape ShapeFor(const GenerationRequest& request, const SessionOptions& session) const;

  // Without --context: makes that of the session the longest that fits into memory, if not all that
  // the model has fits and `asked` does, and says so on stderr.
  void LimitContext(const LanguageModel& model, const RunShape& asked,
                    SessionOptions& session) const;

  // A request without its prompt.
  TextGenerationRequest RequestFor(const LanguageModel& model, const ChosenSampling& chosen) const;

  // The variables of the template that the flags set. Throws UsageError for --think with
  // --no-think.
  Json TemplateKwargs() const;

  // Say on stderr which flags change nothing with this model, and that its layout is assumed.
  void SayWhatIsIdle(const PromptFormat& format) const;
  void SayWhatIsIdle(const ChosenSampling& chosen) const;
};

}  // namespace trinity
