// The process's environment variables, as a value. The only place that reads them.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace moat {

using Variables = std::map<std::string, std::string, std::less<>>;

// This process's own.
Variables read_variables();
// "" if it is not set.
std::string variable(const Variables& variables, std::string_view name);

}  // namespace moat
