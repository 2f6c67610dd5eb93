// Shared by the commands about bundles.
#pragma once

#include "cli/session/registry_access.h"
#include "cli/session/session.h"
#include "envs/deploy/bundle.h"
#include "envs/deploy/deploy.h"
#include "fetch/os/file.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moat {

// A bundle given by the user, read more than once. Error(BadInput) if there is no such file.
UniqueFd open_bundle_file(const std::string& file, const Settings& settings);

// The contents that `moat bundle` writes to a file.
struct GatheredBundle {
  std::vector<BundleContents> targets;  // never empty
  TempDir folder;                       // for temporary files
};
// Error(NoSolution) names the packages that do not run on a target.
GatheredBundle gather_bundle(const BundleCommand& command, Session& session);

// A bundle and its source.
struct BundleAccess {
  std::unique_ptr<RegistryAccess> access;    // nullptr: a file
  const RegistrySource* registry = nullptr;  // of the bundle
  std::unique_ptr<const Bundle> bundle;
};
// FILE or oci://…
BundleAccess open_bundle(const std::string& name, Session& session);
bool is_reference(const std::string& name);

void hash_all(const Bundle& bundle, Session& session);
// Makes sure that all of it is here and verified: fetched from the registry, or read from the file.
void make_whole(const BundleAccess& access, Session& session);

std::string this_machine();  // "x86_64"

// The target for this machine and an installed Python. Error(NoSolution), Error(NoInterpreter) say what does
// not match.
const BundleTarget& fitting_target(const Bundle& bundle, Session& session);

// Its packages, and the bundle's own Python, unless -p names another one; else one of this machine that
// matches. Error(NoInterpreter), Error(NoSolution) if its wheels do not run here.
ReleaseParts bundle_parts(const Bundle& bundle, const BundleTarget& target, PartsIn place, Session& session);

// Every key that --key named.
std::vector<PublicKey> named_keys(const std::vector<std::string>& keys, const Settings& settings);

// Writes to the file that -o names: a temporary file next to it, then renamed; standard output (`-`), pipes
// and devices are written directly.
void write_named_output(const std::string& output, const Settings& settings,
                        const std::function<void(int fd, const std::filesystem::path& label)>& write);

}  // namespace moat
