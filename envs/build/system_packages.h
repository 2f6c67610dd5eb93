// Which package of Debian and Ubuntu provides a header, program or library. Pure.
#pragma once

#include <optional>
#include <string_view>

namespace moat {

std::optional<std::string_view> package_of_header(std::string_view header);  // "libpq-fe.h", "openssl/ssl.h"
std::optional<std::string_view> package_of_program(std::string_view program);  // "gfortran"
// As `ld -l` or pkg-config calls it: "xml2", "libxml-2.0".
std::optional<std::string_view> package_of_library(std::string_view library);

}  // namespace moat
