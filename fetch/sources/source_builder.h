// Builds wheels from sources. Declared here, where candidates need metadata; implemented in envs/build.
#pragma once

#include "fetch/store/store.h"
#include "resolver/pep/name.h"
#include "resolver/pep/version.h"

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

// A tree to build: an unpacked sdist, a checkout, or a folder of the user's.
struct SourceTree {
  std::filesystem::path path;  // holds pyproject.toml or setup.py
  std::string label;           // for messages: "foo 1.0 (foo-1.0.tar.gz)", "./dir", "git+https://…@0123abc"
  // Identifies the bytes permanently: "sha256:<of the archive>", "git:<commit>", with "#subdirectory" if
  // there is one.
  // "": a folder of the user's, which changes: its builds are never reused.
  std::string key;
};

// --config-setting: KEY=VALUE; a key given several times is a list.
using ConfigSettings = std::vector<std::pair<std::string, std::string>>;

struct BuildRequest {
  SourceTree tree;
  // The expected name and version; nullopt if not known yet.
  std::optional<PackageName> name;
  std::optional<Version> version;
  ConfigSettings settings;
};

// Runs code of the tree: only for sources that the user asked for, or that the resolver has chosen. Blocks,
// for minutes; may be called from several threads at once, but not from the pool of workers (which adds
// wheels).
//
// Errors: Error(Build) names the tree and the failed step, shows the end of the backend's output, and hints
// at what is most likely missing; Error(Refused) if builds are forbidden; errors from resolving and fetching
// its build requirements, with the tree as context; Error(Interrupted).
class SourceBuilder {
 public:
  SourceBuilder() = default;
  SourceBuilder(const SourceBuilder&) = delete;
  SourceBuilder& operator=(const SourceBuilder&) = delete;
  virtual ~SourceBuilder() = default;

  // METADATA of the wheel that the tree would become: from an earlier build, else from the backend's
  // prepare_metadata_for_build_wheel, else a wheel is built (and kept).
  virtual std::string metadata(const BuildRequest& request, std::stop_token stop) = 0;
  // The same if it is already known; runs nothing of the tree.
  virtual std::optional<std::string> known_metadata(const BuildRequest& request) = 0;
  // The wheel, verified and in the store; cached by the tree's key, the interpreter and the settings.
  virtual StoredWheel build_wheel(const BuildRequest& request, std::stop_token stop) = 0;
  // PEP 660: a wheel that points into the tree. Never cached.
  virtual StoredWheel build_editable(const BuildRequest& request, std::stop_token stop) = 0;
};

}  // namespace moat
