// The rules of an installation: where packages come from, which of them may be chosen, how sources are built.
// Made once, from settings, the command line and the options of requirements files; all later steps take this
// value.
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

// The result of a build depends on all of it.
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
  bool no_vulnerable = false;  // versions with a known vulnerability are not chosen
  BuildTerms build;

  // The part that a resolution depends on; the caller fills in the rest of the ResolveRequest.
  void fill(ResolveRequest& request) const;
};

// A digest of everything in it, as 32 hex digits: part of the key of cached results. Credentials in URLs and
// trusted hosts are not included.
std::string digest_of(const InstallRequest& request);
std::string digest_of(const BuildTerms& terms);

}  // namespace moat
