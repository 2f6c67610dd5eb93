// Sources become wheels. Declared here, where metadata of candidates is wanted; done in envs/build.
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
  // Names the bytes for good: "sha256:<of the archive>", "git:<commit>", with "#subdirectory" where there is
  // one.
  // "": a folder of the user's, which changes: what is built of it is never found again.
  std::string key;
};

// --config-setting: KEY=VALUE; a key given several times is a list.
using ConfigSettings = std::vector<std::pair<std::string, std::string>>;

struct BuildRequest {
  SourceTree tree;
  // What it must turn out to be; nullopt where that is still to be learned.
  std::optional<PackageName> name;
  std::optional<Version> version;
  ConfigSettings settings;
};

// Runs code of the tree: only for what the user asked to have, or the resolver has chosen. Blocks, for
// minutes; may be called from several threads at once, but from none of the pool of workers (wheels are added
// with them).
//
// Errors: Error(Build) names the tree, what failed, the end of what the backend said, and as hints what is
// most likely missing; Error(Refused) where builds are forbidden; what resolving and fetching its build
// requirements throws, with the tree as context; Error(Interrupted).
class SourceBuilder {
 public:
  SourceBuilder() = default;
  SourceBuilder(const SourceBuilder&) = delete;
  SourceBuilder& operator=(const SourceBuilder&) = delete;
  virtual ~SourceBuilder() = default;

  // METADATA of the wheel that the tree would become: what was built before, else the backend's
  // prepare_metadata_for_build_wheel, else a wheel is built (and kept).
  virtual std::string metadata(const BuildRequest& request, std::stop_token stop) = 0;
  // The same where it is known from before; runs nothing of the tree.
  virtual std::optional<std::string> known_metadata(const BuildRequest& request) = 0;
  // The wheel, verified and in the store; found again by the tree's key, the interpreter and the settings.
  virtual StoredWheel build_wheel(const BuildRequest& request, std::stop_token stop) = 0;
  // PEP 660: a wheel that points into the tree. Never found again.
  virtual StoredWheel build_editable(const BuildRequest& request, std::stop_token stop) = 0;
};

}  // namespace moat
