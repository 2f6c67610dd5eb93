// Packages in a plain folder that is not an environment: pip's --target, --prefix and --root.
#pragma once

#include "envs/environment/installed.h"
#include "envs/journal/scheme.h"
#include "envs/place/staging.h"
#include "envs/place/transaction.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace moat {

struct FolderRequest {
  std::filesystem::path root;    // absolute; made where it is not there
  Scheme scheme;                 // relative to root; purelib may be "": modules lie in the root itself
  std::filesystem::path python;  // in the first line of commands
  std::vector<WantedPackage> install;
  LinkMode link_mode = LinkMode::Auto;
  // Existing files stay, as with pip's --target without --upgrade: a package that is there in any version, an
  // entry of the root as a whole, a command or data file. Otherwise they are replaced: other versions of the
  // packages by their RECORD, and anything else at the path of a new file.
  bool keep = false;
  bool strict_files = false;  // as in TransactionRequest
};

struct FolderResult {
  std::vector<std::string> kept;      // relative to root: new files that were not placed
  std::vector<std::string> warnings;  // files that several packages contain
};

// What will be done, known before anything is written.
struct FolderPlan {
  std::vector<ArrivingFile> files;
  std::vector<std::string> outs;  // relative to root: removed before the files are placed, in this order
  std::set<std::filesystem::path> emptied;  // folders that may be empty then; deeper ones after their parents
  FolderResult result;
};

// Reads the folder, and changes nothing. Error(Refused) with strict_files if two of the packages have one
// file with different contents, if a link would lead a file outside the folder, or if a file and a folder
// collide.
FolderPlan plan_folder(const FolderRequest& request);

// Plans, and applies the plan. Everything is staged next to the folder first. A new folder is placed with one
// rename. In an existing one, entries are renamed one by one, and what they replace is kept aside until all
// are in: on a failure it is put back.
FolderResult place_in_folder(const FolderRequest& request, Workers& workers);

// What is installed in such a folder.
InstalledDistributions installed_in_folder(const std::filesystem::path& root, const Scheme& scheme);

// pip's --target: modules in the root, commands in bin.
Scheme target_scheme();

}  // namespace moat
