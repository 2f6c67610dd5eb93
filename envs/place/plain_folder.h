// Packages in a plain folder that is not an environment: what pip calls --target, --prefix and --root.
#pragma once

#include "envs/environment/installed.h"
#include "envs/journal/scheme.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct FolderRequest {
  std::filesystem::path root;    // absolute; made where it is not there
  Scheme scheme;                 // relative to root; purelib may be "": modules lie in the root itself
  std::filesystem::path python;  // in the first line of commands
  std::vector<WantedPackage> install;
  LinkMode link_mode = LinkMode::Auto;
  // What is there already stays, as pip's --target has it without --upgrade: a package of which any version
  // is there, an entry of the root as a whole, a command or data file. Otherwise it is replaced: other
  // versions of the packages by their RECORD, and whatever else lies where a file is to go.
  bool keep = false;
  bool strict_files = false;  // as in TransactionRequest
};

struct FolderResult {
  std::vector<std::string> kept;      // relative to root: what would have come there did not
  std::vector<std::string> warnings;  // files that several packages contain
};

// Everything is staged beside the folder first. A folder that is not there comes with one rename. Into one
// that is, entries are renamed one by one, and what they replace is kept aside until all are in: on a failure
// it is put back. Error(Refused) with strict_files where two of the packages bring one file with different
// contents, where a file would come to lie outside the folder through a link, or a file and a folder meet.
FolderResult place_in_folder(const FolderRequest& request, Workers& workers);

// What is installed in such a folder.
InstalledDistributions installed_in_folder(const std::filesystem::path& root, const Scheme& scheme);

// pip's --target: modules in the root, commands in bin.
Scheme target_scheme();

}  // namespace moat
