// Reports changes (real or simulated) to people and to programs.
#pragma once

#include "cli/session/install_pipeline.h"
#include "cli/session/session.h"
#include "envs/place/transaction.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace moat {

// "+ flask 3.0", "- six 1.16", "~ jinja2 3.1.2 → 3.1.4", "~ flask 3.0 (reinstalled)".
std::string change_text(const Operation& operation);
nlohmann::ordered_json change_json(const Operation& operation);

// A file that is, or would be, installed, and its origin.
struct PlannedFile {
  Artifact artifact;
  std::string index;  // display URL; "" for what no index gave
  bool requested = false;
};

struct ChangeReport {
  std::filesystem::path environment;
  std::vector<Operation> operations;
  int state = 0;
  bool dry_run = false, created = false;
  bool lacks_bytecode = false;
  std::string nothing;  // printed if there are no operations: "everything asked for is installed"
  std::vector<std::string> warnings;
  std::map<PackageName, PlannedFile> files;  // for --json: of what is installed

  void take(TransactionResult result);
  void take_files(const InstallPlan& plan);
};

nlohmann::ordered_json changes_document(const ChangeReport& report);
// Changes on standard output, then one line of times on standard error; with --json the document.
void report_changes(const ChangeReport& report, Session& session);

}  // namespace moat
