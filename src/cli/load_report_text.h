#pragma once

#include <string>

#include "base/json.h"
#include "load/load_report.h"
#include "load/load_run_options.h"

namespace trinity {

// A load and what it came to: for people, for programs, and as an SVG image.
std::string LoadReportText(const LoadRunOptions& options, const LoadResult& result,
                           const LoadReport& report);
Json LoadReportJson(const LoadRunOptions& options, const LoadResult& result,
                    const LoadReport& report);
std::string LoadReportSvg(const LoadRunOptions& options, const LoadReport& report);

}  // namespace trinity
