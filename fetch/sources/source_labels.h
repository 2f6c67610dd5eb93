// The names of sources in messages.
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/source_url.h"
#include "resolver/pep/name.h"

#include <string>

namespace moat {

// For messages: the path of a local archive or folder, else its URL without credentials.
std::string shown_place(const SourceUrl& source);

// The source that `label` names is another project than the requested one. Error(BadInput).
Error wrong_name(const std::string& label, const PackageName& found, const PackageName& asked);

}  // namespace moat
