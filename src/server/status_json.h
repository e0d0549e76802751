#pragma once

#include "base/json.h"
#include "engine/engine_stats.h"
#include "server/served_model.h"
#include "server/server_load.h"

namespace trinity {

// What GET /v1/stats answers: what the engine does now and has done.
Json StatsJson(const EngineStats& stats, const ServerLoad& load);

// What GET /v1/models answers, and an element of it.
Json ModelListJson(const ServedModel& model);
Json ModelJson(const ServedModel& model, const std::string& name);

}  // namespace trinity
