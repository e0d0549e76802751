#include "server/open_api.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/json_text.h"
#include "server/request_field.h"

namespace trinity {
namespace {

Json Array(const Json& items) { return {{"type", "array"}, {"items", items}}; }

Json AtMost(double count, Json array) {
  if (std::isfinite(count)) array["maxItems"] = static_cast<int64_t>(count);
  return array;
}

Json Seed() {
  return {{"type", "integer"},
          {"minimum", std::numeric_limits<int64_t>::min()},
          {"maximum", std::numeric_limits<uint64_t>::max()}};
}

// Lists of a highest length are those of texts and prompts; token ids are as many as they are.
Json TypeSchema(FieldType type, double most) {
  const Json text = {{"type", "string"}};
  const Json integers = Array({{"type", "integer"}});
  switch (type) {
    case FieldType::kBoolean:
      return {{"type", "boolean"}};
    case FieldType::kInteger:
      return {{"type", "integer"}};
    case FieldType::kSeed:
      return Seed();
    case FieldType::kNumber:
      return {{"type", "number"}};
    case FieldType::kText:
      return text;
    case FieldType::kTextOrTexts:
      return {{"anyOf", Json::array({text, AtMost(most, Array(text))})}};
    case FieldType::kIntegers:
      return integers;
    case FieldType::kObject:
      return {{"type", "object"}};
    case FieldType::kObjects:
      return Array({{"type", "object"}});
    case FieldType::kPrompt:
      // An empty array is none of them, an array that is not may be one alone.
      return {{"anyOf", Json::array({text, integers, AtMost(most, Array(text)),
                                     AtMost(most, Array(integers))})}};
    case FieldType::kAny:
      break;
  }
  return Json::object();
}

// null counts as absent.
void AllowNull(Json& schema) {
  if (schema.contains("type")) {
    schema["type"] = Json::array({schema["type"], "null"});
  } else if (schema.contains("anyOf")) {
    schema["anyOf"].push_back({{"type", "null"}});
  }
}

void AddBounds(const RequestField& field, Json& schema) {
  const bool is_number = field.type == FieldType::kInteger || field.type == FieldType::kNumber;
  const bool is_array = field.type == FieldType::kIntegers || field.type == FieldType::kObjects;
  if (!is_number && !is_array) return;
  const char* lowest = field.excludes_lowest ? "exclusiveMinimum" : "minimum";
  if (std::isfinite(field.lowest)) schema[is_array ? "minItems" : lowest] = field.lowest;
  if (std::isfinite(field.highest)) schema[is_array ? "maxItems" : "maximum"] = field.highest;
}

Json FieldSchema(const RequestField& field) {
  Json schema = TypeSchema(field.type, field.highest);
  schema["description"] = std::string(field.help);
  if (field.use == FieldUse::kRefused) {
    schema["enum"] = ParseJson(field.harmless, field.name);
    schema["enum"].push_back(nullptr);
    return schema;
  }
  AddBounds(field, schema);
  if (!field.is_required) AllowNull(schema);
  return schema;
}

Json BodySchema(std::span<const RequestField> fields) {
  Json schema = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  for (const RequestField& field : fields) {
    schema["properties"][std::string(field.name)] = FieldSchema(field);
    if (field.is_required) schema["required"].push_back(std::string(field.name));
  }
  if (schema["required"].empty()) schema.erase("required");
  return schema;
}

Json Object(std::initializer_list<const char*> names) {
  Json schema = {{"type", "object"}, {"required", Json::array()}};
  for (const char* name : names) schema["required"].push_back(name);
  return schema;
}

Json Responses(const char* content_type, const Json& schema) {
  const Json error = {
      {"description", "An error: its message, type, param and code"},
      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
  return {
      {"200", {{"description", "The answer"}, {"content", {{content_type, {{"schema", schema}}}}}}},
      {"4XX", error},
      {"5XX", error}};
}

Json Get(const char* summary, const Json& schema) {
  return {{"get", {{"summary", summary}, {"responses", Responses("application/json", schema)}}}};
}

Json Post(const char* summary, std::span<const RequestField> fields, const Json& schema) {
  return {{"post",
           {{"summary", summary},
            {"requestBody",
             {{"required", true},
              {"content", {{"application/json", {{"schema", BodySchema(fields)}}}}}}},
            {"responses", Responses("application/json", schema)}}}};
}

// A stream is the other form of an answer.
void AddStream(Json& path) {
  path["post"]["responses"]["200"]["content"]["text/event-stream"]["schema"] = {
      {"type", "string"},
      {"description", "data: and a chunk as JSON, for each event; the last is data: [DONE]"}};
}

void AddCompletions(const ServerOptions& options, Json& paths) {
  const Json reply = Object({"id", "object", "created", "model", "choices", "usage", "timings"});
  Json& chat = paths["/v1/chat/completions"];
  chat = Post("Answers a conversation; with stream as server-sent events",
              options.Limited(ChatCompletionFields()), reply);
  AddStream(chat);
  Json& text = paths["/v1/completions"];
  text = Post("Continues texts; with stream as server-sent events",
              options.Limited(CompletionFields()), reply);
  AddStream(text);
}

void AddTexts(const ServerOptions& options, Json& paths) {
  paths["/v1/embeddings"] =
      Post("A vector of length 1 for each input", options.Limited(EmbeddingFields()),
           Object({"object", "data", "model", "usage"}));
  paths["/tokenize"] = Post("Text or messages to token ids", options.Limited(TokenizeFields()),
                            Object({"tokens", "count", "max_model_len"}));
  paths["/detokenize"] =
      Post("Token ids to text", options.Limited(DetokenizeFields()), Object({"content", "prompt"}));
  paths["/apply-template"] = Post("Messages to the text of a prompt",
                                  options.Limited(ApplyTemplateFields()), Object({"prompt"}));
}

void AddStates(Json& paths) {
  const Json model = Object({"id", "object", "created", "owned_by", "max_model_len"});
  paths["/v1/models"] =
      Get("The names under which the model is served", Object({"object", "data"}));
  paths["/v1/models/{model}"] = Get("One of them", model);
  paths["/v1/models/{model}"]["parameters"] = Json::array(
      {{{"name", "model"}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
  paths["/health/live"] = Get("Whether the process answers; needs no key", Object({"status"}));
  paths["/health/live"]["get"]["security"] = Json::array();
  paths["/health/ready"] = Get("Whether requests are taken", Object({"status"}));
  paths["/metrics"] = {{"get",
                        {{"summary", "Counts and times for Prometheus"},
                         {"responses", Responses("text/plain", {{"type", "string"}})}}}};
  paths["/v1/stats"] = Get("What the engine does, and has done",
                           Object({"requests", "sequences", "kv", "prefixes", "tokens", "steps"}));
  paths["/openapi.json"] = Get("This description", Object({"openapi", "info", "paths"}));
}

}  // namespace

std::string OpenApiText(const ServerOptions& options) {
  Json json;
  json["openapi"] = "3.1.0";
  json["info"] = {{"title", "trinity serve"}, {"version", "1"}};
  Json& paths = json["paths"];
  AddCompletions(options, paths);
  AddTexts(options, paths);
  AddStates(paths);
  json["components"]["schemas"]["Error"] = {
      {"type", "object"},
      {"properties",
       {{"error",
         {{"type", "object"},
          {"properties",
           {{"message", {{"type", "string"}}},
            {"type", {{"type", "string"}}},
            {"param", {{"type", Json::array({"string", "null"})}}},
            {"code", {{"type", Json::array({"string", "null"})}}}}}}}}}};
  json["components"]["securitySchemes"]["key"] = {{"type", "http"}, {"scheme", "bearer"}};
  json["security"] = Json::array({{{"key", Json::array()}}});
  return JsonText(json);
}

}  // namespace trinity
