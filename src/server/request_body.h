#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/request_field.h"

namespace trinity {

// The JSON object of a request, held against the fields that it may have. null counts as absent.
class RequestBody {
 public:
  enum class Unknown { kAccept, kRefuse };  // fields that are in no table

  // Throws ApiError (400) that names the field: of the wrong type, out of its bounds, refused,
  // missing, or unknown where those are refused.
  static RequestBody Parse(std::string_view text, std::span<const RequestField> fields,
                           Unknown unknown, int64_t max_nesting = 64);

  // nullptr: absent. The name must be one of the fields.
  const Json* Find(std::string_view name) const;
  std::optional<bool> FindBoolean(std::string_view name) const;
  // Beyond 64 bits the nearest that there is.
  std::optional<int64_t> FindInteger(std::string_view name) const;
  // Any 64 bits: negative numbers stand for those of their two's complement.
  std::optional<uint64_t> FindSeed(std::string_view name) const;
  std::optional<double> FindNumber(std::string_view name) const;
  std::optional<std::string> FindText(std::string_view name) const;
  std::vector<std::string> TextsAt(std::string_view name) const;  // none where absent
  std::vector<int64_t> IntegersAt(std::string_view name) const;

  const std::vector<std::string>& unknown_fields() const { return unknown_fields_; }

 private:
  explicit RequestBody(std::span<const RequestField> fields)
      : fields_(fields.begin(), fields.end()) {}

  std::vector<RequestField> fields_;
  std::shared_ptr<const Json> json_;
  std::vector<std::string> unknown_fields_;
};

}  // namespace trinity
