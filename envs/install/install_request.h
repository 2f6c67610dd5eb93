// What an installation goes by: where packages come from, which of them may be chosen, how sources are built.
// Made once, from settings, the command line and the options of requirements files; everything after takes
// this value.
#pragma once

#include "envs/build/build_variables.h"
#include "fetch/index/index.h"
#include "fetch/sources/source_builder.h"
#include "resolver/solve/solve.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// What comes out of a build depends on all of it.
struct BuildTerms {
  std::vector<RootRequirement> constraints;  // --build-constraint, as its files say now
  ConfigSettings config_settings;
  BuildVariables variables;  // that reach builds: passed_to_builds()
  bool isolation = true;
  bool network = false;
};

struct InstallRequest {
  IndexList indexes;
  ResolutionMode mode = ResolutionMode::Highest;
  PrereleasePolicy prereleases;
  BinaryPolicy binary;
  std::optional<UnixTime> exclude_newer;
  std::optional<std::chrono::seconds> window;  // as ResolveRequest::window
  bool may_build = true;
  bool no_vulnerable = false;  // versions that a vulnerability is known of are not chosen
  BuildTerms build;

  // What of it a resolution depends on; the rest of the ResolveRequest is the caller's to say.
  void fill(ResolveRequest& request) const;
};

// Names everything in it, as 32 hex digits: part of the key of whatever is kept and depends on it. Of URLs
// the credentials do not count, nor who is trusted.
std::string digest_of(const InstallRequest& request);
std::string digest_of(const BuildTerms& terms);

}  // namespace moat
