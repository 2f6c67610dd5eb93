// What the commands about bundles share.
#pragma once

#include "cli/session/registry_access.h"
#include "cli/session/session.h"
#include "envs/deploy/bundle.h"
#include "envs/python/runtime.h"
#include "fetch/os/file.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moat {

// A bundle that the user names, to be read more than once. Error(BadInput) where there is no such file.
UniqueFd open_bundle_file(const std::string& file, const Session& session);

// What `moat bundle` puts into a file.
struct GatheredBundle {
  std::vector<BundleContents> targets;  // never empty
  TempDir folder;                       // where some of it lies
};
// Error(NoSolution) names what does not run on a target.
GatheredBundle gather_bundle(const BundleCommand& command, Session& session);

// A bundle and where it is read from.
struct BundleAccess {
  std::unique_ptr<RegistryAccess> access;    // nullptr: a file
  const RegistrySource* registry = nullptr;  // of the bundle
  std::unique_ptr<const Bundle> bundle;
};
// FILE or oci://…
BundleAccess open_bundle(const std::string& name, Session& session);
bool is_reference(const std::string& name);

void hash_all(const Bundle& bundle, Session& session);
// All of it is here and verified: fetched from the registry, which verifies each blob as it comes, or read.
void make_whole(const BundleAccess& access, Session& session);

std::string this_machine();  // "x86_64"

// The target for this machine and a Python that is here. Error(NoSolution), Error(NoInterpreter) say what
// does not fit.
const BundleTarget& fitting_target(const Bundle& bundle, Session& session);

// The Python that the bundle brings, unless -p names another one; else one of this machine that fits it.
// Error(NoInterpreter), Error(NoSolution) where its wheels do not run here.
Runtime bundle_runtime(const Bundle& bundle, const BundleTarget& target, Session& session);

// Every key that --key named.
std::vector<PublicKey> named_keys(const std::vector<std::string>& keys, const Session& session);

// Writes what the user names with -o: beside the file, then renamed; into standard output (`-`), a pipe or a
// device as they are.
void write_named_output(const std::string& output, const Settings& settings,
                        const std::function<void(int fd, const std::filesystem::path& label)>& write);

}  // namespace moat
