// JSON in pip's documented formats: the installation report, `inspect`, and core metadata in JSON form.
#pragma once

#include "cli/session/goal.h"
#include "cli/session/install_pipeline.h"
#include "resolver/pep/marker.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace moat {

// METADATA as JSON (core metadata, "JSON-compatible metadata"): lower-case names with `_`, lists for
// repeatable fields, the body as `description`.
nlohmann::ordered_json metadata_json(std::string_view metadata);

// By marker names, in alphabetical order.
nlohmann::ordered_json marker_environment_json(const MarkerEnvironment& environment);

// The installation report, schema version "1". `request` has the wheels of the plan.
nlohmann::ordered_json installation_report(const Goal& goal, const InstallPlan& plan,
                                           const TransactionRequest& request,
                                           const MarkerEnvironment& environment);

// To a file, or with "-" to standard output.
void write_report(const nlohmann::ordered_json& report, const std::string& file, Session& session);

// One line, spaced as Python's json.dumps does: scripts compare it as text.
std::string python_json(const nlohmann::ordered_json& value);

// The `pip_version` of these documents: this program's version, marked as moat's.
std::string reported_version();

}  // namespace moat
