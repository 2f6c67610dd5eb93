// A change of the packages of an environment: what is asked for, what was done. How it is planned, and what
// it is refused for: plan.h.
#pragma once

#include "envs/environment/environment.h"
#include "envs/environment/installed.h"
#include "envs/journal/durable.h"
#include "envs/place/bytecode.h"
#include "envs/python/compile.h"
#include "fetch/archive/packed_files.h"
#include "fetch/store/store.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moat {

// A package the environment should have.
struct WantedPackage {
  PackageName name;
  Version version;
  StoredWheel wheel;
  bool requested = false;                       // the user's own line: REQUESTED is written
  std::optional<std::string> direct_url;        // text for direct_url.json
  std::string index;                            // as in ManifestPackage
  std::optional<StoredBytecode> bytecode = {};  // the bytecode to use; nullopt: the store's, or compiled
  // If set: the wheel is not unpacked; it has no tree, and its bytecode is given, or none.
  std::shared_ptr<const PackedFiles> packed = {};
};

enum class OperationKind { Install, Change, Reinstall, Remove };

struct Operation {
  OperationKind kind = OperationKind::Install;
  PackageName name;
  std::optional<Version> from;  // Change, Reinstall, Remove
  std::optional<Version> to;    // Install, Change, Reinstall
};

struct TransactionRequest {
  std::vector<WantedPackage> install;  // only what differs from the present state, or is to be reinstalled
  std::set<PackageName> remove;
  std::set<PackageName> forget_requests;  // names whose earlier requests no longer count
  std::set<PackageName> mark_requested;   // installed already at the right version, now asked for by name
  // The requests of this change. They replace those that the same command line or file, or for the same
  // package any command, made before.
  std::vector<ManifestRequest> requests;
  LinkMode link_mode = LinkMode::Auto;
  Compile compile = Compile::Now;
  bool strict_files = false;  // refuse two packages that bring one file with different contents
  Durable durable = Durable::Auto;
  std::string reason;  // for history: "moat install flask"
  // Called when everything is staged and only the commit is left: places what belongs to the change outside
  // the environment. If it throws, nothing has changed. Not called if there is nothing to do.
  std::function<void()> before_commit;
};

struct TransactionResult {
  std::vector<Operation> operations;  // by name
  int state = 0;                      // number of the new state
  std::vector<std::string> warnings;  // edited files kept aside as NAME.moat-saved, …
  std::size_t files_placed = 0;
  bool lacks_bytecode = false;  // with Compile::Background: the store does not have all of it yet
};

// The list of operations alone: for an environment that is still to be made.
std::vector<Operation> plan_operations(const InstalledDistributions& installed,
                                       const TransactionRequest& request);

// Plans, stages, commits, applies (docs/store.md, STATE: a journal of moves). On any failure before the
// commit point the environment is byte for byte unchanged; after it the change happens. Planning refuses:
// with strict_files a file two packages own with different bytes (names them), a path that leaves the
// environment or is that of pyvenv.cfg, .moat or a python* launcher, an installed package without RECORD, a
// foreign file in the way. `command`: written into the lock file for waiting processes.
TransactionResult apply_transaction(const TransactionRequest& request, const Environment& environment,
                                    Store& store, Workers& workers, Reporter& reporter,
                                    const std::string& command);

// The manifest and .dist-info as one: "does the environment already hold exactly this?" (name, version, wheel
// digest).
bool is_satisfied(const Manifest& manifest, const std::vector<WantedPackage>& wanted, bool exactly);

}  // namespace moat
