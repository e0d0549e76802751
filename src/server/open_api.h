#pragma once

#include <string>

#include "server/server_options.h"

namespace trinity {

// What GET /openapi.json answers: the API in OpenAPI 3.1, with the fields of request_field.h
// in the bounds of this server.
std::string OpenApiText(const ServerOptions& options);

}  // namespace trinity
