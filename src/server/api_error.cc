#include "server/api_error.h"

#include <exception>
#include <new>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "engine/refusal_kinds.h"

namespace trinity {
namespace {

const char* TypeOf(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 429:
      return "rate_limit_error";
    case 503:
      return "service_unavailable_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

int StatusOf(RequestFailure failure) {
  switch (failure) {
    case RequestFailure::kDeadline:
      return 504;
    case RequestFailure::kClosed:
    case RequestFailure::kEngine:
      return 503;
    case RequestFailure::kStorage:
      break;
  }
  return 500;
}

}  // namespace

std::string FoundText(const Json& value) { return Printable(JsonText(value), 60); }

void RefuseField(const char* field, const std::string& message) {
  throw ApiError(400, fmt::format("{}: {}", field, message), field);
}

std::string ErrorJson(const ApiError& error) {
  Json json;
  json["error"] = {{"message", error.what()},
                   {"type", TypeOf(error.status())},
                   {"param", TextOrNull(error.param())},
                   {"code", TextOrNull(error.code())}};
  return JsonText(json);
}

HttpResponse ErrorResponse(const ApiError& error) {
  HttpResponse response{error.status(), {{"Content-Type", "application/json"}}, ErrorJson(error)};
  if (error.status() == 429 || error.status() == 503) {
    response.headers.emplace_back("Retry-After", "1");
  }
  if (error.status() == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

ApiError ApiErrorOf(const FailureEvent& failure) {
  return {StatusOf(failure.failure), failure.message};
}

ApiError CurrentApiError(const char* prompt_field) {
  try {
    throw;
  } catch (const ApiError& error) {
    return error;
  } catch (const QueueFull& error) {
    return {429, error.what(), {}, "queue_full"};
  } catch (const EngineClosed& error) {
    return {503, error.what()};
  } catch (const PromptTooLong& error) {
    return {400, error.what(), prompt_field, "context_length_exceeded"};
  } catch (const StorageError& error) {
    return {500, error.what()};
  } catch (const Error& error) {
    return {400, error.what()};
  } catch (const std::bad_alloc&) {
    return {503, "out of memory for this request"};
  } catch (const std::exception& error) {
    return {500, fmt::format("unexpected error: {}", Printable(error.what()))};
  } catch (...) {
    return {500, "unexpected error"};
  }
}

}  // namespace trinity
