// What holds of every page that parses, whatever wrote it.
#pragma once

#include "fetch/index/page_summary.h"
#include "fetch/index/simple_api.h"
#include "resolver/pep/dist_filename.h"
#include "tests/fuzz/fuzz.h"

namespace moat::fuzz {

inline void check_page(const ProjectPage& page) {
  for (const PageFile& file : page.files) {
    require(is_plain_filename(file.filename), "a file has a name that stays in its folder");
    if (const auto artifact = page.artifact(file))
      require(artifact->url.fragment().empty(), "an artifact's URL has no fragment");
  }
  const PackageName project = PackageName::parse("foo").value();
  const std::string bytes = summarize_page(page, project, "v");
  const auto digested = read_page_summary(bytes, project, "v");
  require(digested.has_value(), "a digest can be read");
  std::size_t files = 0;
  for (std::size_t i = 0; i < digested->releases.size(); ++i) {
    const Release& release = *digested->releases[i];
    require(!release.files().empty(), "a release has files");
    require(i == 0 || digested->releases[i - 1]->version < release.version, "releases ascend");
    require(release.files().size() == release.traits().size(), "each file has its traits");
    for (const ReleaseFile& file : release.files())
      if (file.wheel) require(file.wheel->version == release.version, "a wheel lies with its version");
    files += release.files().size();
  }
  require(files + digested->skipped == page.files.size() + page.skipped, "each file is kept or counted");
}

}  // namespace moat::fuzz
