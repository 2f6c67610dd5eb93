// Git repositories, through the system's git: a bare mirror of each in the store, and checkouts of commits.
#pragma once

#include "fetch/store/store.h"
#include "resolver/base/reporter.h"
#include "resolver/files/source_url.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat {

struct GitOptions {
  std::string path;                                              // PATH, to find git on
  std::vector<std::pair<std::string, std::string>> environment;  // the caller's, whole
  bool offline = false;
};

// Thread-safe; two callers for one repository wait for each other, between processes too. No shell, no
// prompts; only https and ssh (file, if the user's own URL is one) are ever followed, in submodules too. The
// caller's own git settings apply (credential helpers, insteadOf, proxies); variables that would point git at
// another repository do not. LFS pointers are left alone.
//
// Errors: NotFound if there is no such revision, Network (or Offline) if the repository cannot be read (with
// git's message), BadInput if git is missing.
class Git {
 public:
  Git(GitOptions options, Store& store, Reporter& reporter);

  // The commit that the revision names now; 40 hex digits. A full commit in the mirror needs no network; a
  // branch or tag is fetched again, once a run.
  std::string resolve(const SourceUrl& source, const std::stop_token& stop);
  // Checks out its files, with those of submodules, in `into` (must not exist): a complete repository with
  // tags, so that a version can be computed from them. REQUIRES: resolve() returned this commit, in this run.
  // ForGood: must also work without the mirror.
  enum class Lasting { ForThisRun, ForGood };
  void checkout(const SourceUrl& source, const std::string& commit, const std::filesystem::path& into,
                const std::stop_token& stop, Lasting lasting = Lasting::ForThisRun);

 private:
  struct Answer {
    int status = 0;
    std::string output, errors;
    bool timed_out = false;
  };
  Answer run(const SourceUrl& source, std::vector<std::string> arguments, const std::stop_token& stop,
             bool local = false, std::optional<std::chrono::seconds> timeout = std::nullopt) const;
  void check_size(const SourceUrl& source, const std::string& commit, const std::filesystem::path& repository,
                  const std::stop_token& stop) const;
  std::filesystem::path mirror_of(const SourceUrl& source) const;
  PathBeneath lock_of(const SourceUrl& source) const;
  std::string find_git() const;
  void make_mirror(const SourceUrl& source, const std::stop_token& stop) const;
  void update_mirror(const SourceUrl& source, const std::stop_token& stop);
  bool fetch_exactly(const SourceUrl& source, const std::string& refspec, const std::stop_token& stop) const;
  std::string find_commit(const SourceUrl& source, const std::string& name,
                          const std::stop_token& stop) const;
  std::string find_revision(const SourceUrl& source, const std::stop_token& stop) const;

  const GitOptions options_;
  Store& store_;
  Reporter& reporter_;
  std::mutex mutex_;
  std::set<std::string> updated_;  // URLs of mirrors that are as new as this run
};

}  // namespace moat
