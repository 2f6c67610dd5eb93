// The page of `moat report`: one file without external resources. Its text is fixed; it contains the facts as
// JSON, which a script in the page displays.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace moat {

std::string report_page(const nlohmann::ordered_json& facts);

}  // namespace moat
