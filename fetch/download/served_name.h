// The name of a file whose URL does not give one: from its server, or from its first bytes.
#pragma once

#include "fetch/http/http.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

// The file name in a Content-Disposition (RFC 6266, `filename*` before `filename`); "" if there is none that
// may be the name of a file.
std::string disposition_filename(std::string_view header);

// The name of a wheel or archive according to the server: from its Content-Disposition, else from the URL
// that it redirected to. "" if neither gives one.
std::string served_name(const HttpResponse& response);

// "archive.tar.gz" and the like, by the file's first bytes; "" if they are not those of an archive.
std::string name_by_content(const std::filesystem::path& file);

}  // namespace moat
