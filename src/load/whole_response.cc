#include "load/whole_response.h"

namespace trinity {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;

}  // namespace

void WholeResponse::OnHead(int status, const std::string&) { status_ = status; }

void WholeResponse::OnBody(std::string_view bytes) {
  if (body_.size() + bytes.size() > kMostBytes) {
    throw LoadFailure("answer too long",
                      fmt::format("expected at most {} bytes, found more", kMostBytes));
  }
  body_ += bytes;
}

void WholeResponse::OnEnd(const LoadFailure* failure) {
  if (failure != nullptr) failure_ = *failure;
}

}  // namespace trinity
