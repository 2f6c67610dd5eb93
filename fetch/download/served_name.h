// What a file is called whose URL does not say it: by its server, or as far as its first bytes tell.
#pragma once

#include "fetch/http/http.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace moat {

// The file name that a Content-Disposition gives (RFC 6266, `filename*` before `filename`); "" where it gives
// none that may be the name of a file.
std::string disposition_filename(std::string_view header);

// The name of a wheel or archive by which the server gave this: of its Content-Disposition, else of the URL
// that it redirected to. "" where neither is one.
std::string served_name(const HttpResponse& response);

// "archive.tar.gz" and the like, by the file's first bytes; "" where they are those of no archive.
std::string name_by_content(const std::filesystem::path& file);

}  // namespace moat
