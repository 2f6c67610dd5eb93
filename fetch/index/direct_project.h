// Projects that a URL or path names: a wheel, an archive, a folder, a commit.
#pragma once

#include "fetch/sources/sources.h"
#include "resolver/files/source_url.h"
#include "resolver/solve/candidate.h"

#include <stop_token>
#include <string>

namespace moat {

// The project behind a URL, with the metadata of its one release.
struct DirectProject {
  Project project;
  ReleaseMetadata metadata;
};

// `name @ url: why`, credentials hidden. Error(BadInput).
Error bad_reference(const PackageName& name, const std::string& url, const std::string& why);

// Parses a direct URL (or path). Throws Error(BadInput).
SourceUrl direct_source(const PackageName& name, const std::string& text);

// The one file of a wheel's URL. Throws Error(BadInput).
ReleaseFile direct_wheel(const PackageName& name, SourceUrl source);

// Fetches the source and learns its metadata: from its files, else by a build. Blocks.
DirectProject obtain_direct(const PackageName& name, SourceUrl source, Sources& sources,
                            const SourcePolicy& policy, const std::stop_token& stop);

}  // namespace moat
