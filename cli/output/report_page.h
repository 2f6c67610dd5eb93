// The page of `moat report`: one file, without any resource from outside. Its text is fixed; the facts stand
// in it as JSON, which a script in the page shows.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace moat {

std::string report_page(const nlohmann::ordered_json& facts);

}  // namespace moat
