#pragma once

#include <string>

#include "base/error.h"
#include "base/json.h"
#include "server/engine_event.h"
#include "server/http_message.h"

namespace trinity {

// What is answered instead of what was asked for, in the shape of OpenAI's errors. The message is
// for people, param names the field of the request, code is for programs; either may be empty.
class ApiError : public Error {
 public:
  ApiError(int status, const std::string& message, std::string param = {}, std::string code = {})
      : Error(message), status_(status), param_(std::move(param)), code_(std::move(code)) {}

  int status() const { return status_; }
  const std::string& param() const { return param_; }
  const std::string& code() const { return code_; }

 private:
  int status_;
  std::string param_;
  std::string code_;
};

// A value of a request as messages show it: its JSON, cut short.
std::string FoundText(const Json& value);

// What is wrong with a field of a request: a 400 that names it.
[[noreturn]] void RefuseField(const char* field, const std::string& message);

// {"error": {"message", "type", "param", "code"}}.
std::string ErrorJson(const ApiError& error);

HttpResponse ErrorResponse(const ApiError& error);

// What became of a request that the engine had begun with.
ApiError ApiErrorOf(const FailureEvent& failure);

// What was thrown while a request was handled, as the client may know it: Errors are the client's
// (400) unless they are of a kind that has a status of its own; `prompt_field` is what a prompt
// that is too long came in. Call it in a catch clause.
ApiError CurrentApiError(const char* prompt_field = "prompt");

}  // namespace trinity
