#pragma once

#include <limits>
#include <span>
#include <string_view>

namespace trinity {

enum class FieldType {
  kBoolean,
  kInteger,
  kSeed,  // an integer from -2^63 to 2^64 - 1
  kNumber,
  kText,
  kTextOrTexts,  // one string, or an array of them
  kIntegers,
  kObject,
  kObjects,  // an array
  kPrompt,   // a string, token ids, or an array of either
  kAny,
};

enum class FieldUse {
  kUsed,
  kWithoutEffect,  // taken, because nothing of the answer depends on it
  kRefused,        // would change the answer, and is not implemented
};

// Which option of the server sets the highest value.
enum class FieldLimit { kNone, kAnswers, kPrompts, kLogprobs, kStops };

// A field of a request, declared once: checks, refusals and /openapi.json follow from it.
struct RequestField {
  std::string_view name;
  FieldType type;
  std::string_view help;
  // Of a number its bounds; of an array the bounds of its length; of kPrompt those of a list.
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  FieldUse use = FieldUse::kUsed;
  // Of a refused field the values that ask for nothing, as a JSON array.
  std::string_view harmless = "[]";
  bool is_required = false;
  FieldLimit limit = FieldLimit::kNone;
  bool excludes_lowest = false;
};

std::span<const RequestField> ChatCompletionFields();
std::span<const RequestField> CompletionFields();
std::span<const RequestField> EmbeddingFields();
std::span<const RequestField> TokenizeFields();
std::span<const RequestField> DetokenizeFields();
std::span<const RequestField> ApplyTemplateFields();

}  // namespace trinity
