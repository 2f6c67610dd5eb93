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

// Thread-safe; two that ask for one repository wait for each other, between processes too. No shell, no
// prompts; nothing but https and ssh (file, where the user's own URL is one) is ever followed, by submodules
// neither. The caller's own git settings count (credential helpers, insteadOf, proxies); variables that
// would point git at another repository do not. LFS pointers are left alone.
//
// Errors: NotFound where there is no such revision, Network (or Offline) where the repository cannot be read
// (with what git said), BadInput where there is no git.
class Git {
 public:
  Git(GitOptions options, Store& store, Reporter& reporter);

  // The commit that the revision means now; 40 hex digits. A whole commit that is in the mirror needs no
  // network; a branch or tag is asked for again, once a run.
  std::string resolve(const SourceUrl& source, const std::stop_token& stop);
  // Its files, with those of submodules, in `into` (not there yet): a repository of its own, with tags, so
  // that a version may be told from them. REQUIRES: resolve() gave this commit, in this run.
  // ForGood: without the mirror too.
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
