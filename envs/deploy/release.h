// The folder that a program is deployed to, on the disk:
//
//   DEST/current -> releases/0007-3f9a1c2b4d5e   the only thing that switches
//   DEST/releases/NNNN-<12 digits>/              an environment each, read-only, complete once it has its
//   release.json DEST/deploy.lock                             held by whoever changes any of this
//   DEST/history                                 one line of JSON an attempt
//   DEST/unfinished                              while a release that was switched to is not confirmed yet
#pragma once

#include "envs/journal/sealed.h"
#include "fetch/os/file.h"
#include "resolver/base/error.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// A bundle from standard input is stored in a folder DEST/.incoming-… meanwhile.
inline constexpr std::string_view kIncoming = ".incoming";

// The contents of release.json.
struct DeployedRelease {
  std::string folder;  // "0007-3f9a1c2b4d5e"
  int number = 0;
  std::string digest;         // of the bundle, "sha256:…"
  std::string name, version;  // of the program
  std::string python;         // "3.11.7"
  std::int64_t created = 0;   // the bundle, unix seconds
  std::int64_t deployed = 0;  // unix seconds
  std::string signed_by;      // fingerprint of the key; "" where nobody asked for one
  std::map<std::string, std::string>
      files;  // path → sha256, of what the environment's manifest does not list
};
int release_number(std::string_view folder);  // 7 of "0007-3f9a1c2b4d5e"; 0 of anything else
std::string format_release(const DeployedRelease& release);
// `folder`: where it was read; it must name that folder.
Expected<DeployedRelease> parse_release(std::string_view json, std::string_view folder);

enum class AttemptResult { Live, Failed };
struct Attempt {
  std::int64_t time = 0;  // unix seconds, when it began
  std::string user;       // who did it
  std::string action;     // "deploy", "rollback"
  std::string source;     // as named
  std::string release;    // its folder; "" where it came to none
  std::string digest;     // of the bundle; "" where it was not read
  AttemptResult result = AttemptResult::Live;
  std::string reason;  // of a failure
  std::int64_t milliseconds = 0;
};
std::string format_attempt(const Attempt& attempt);
std::optional<Attempt> parse_attempt(std::string_view line);
bool was_ever_live(std::string_view release, const std::vector<Attempt>& attempts);

// A release that was switched to, but whose hooks have not ended.
struct Unfinished {
  std::string from;  // what was live before; "" for nothing
  std::string to;
};

// Reads and changes nothing; may be used during a deploy. Error(NoEnvironment) if nothing was ever deployed,
// Error(Refused) if there is something else at that path.
class Deployment {
 public:
  static Deployment open(const std::filesystem::path& dest);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path folder_of(std::string_view release) const { return root_ / "releases" / release; }
  std::vector<DeployedRelease> releases() const;  // complete ones, oldest first
  // Releases that were live and whose release.json cannot be read.
  std::vector<std::string> incomplete() const;
  std::optional<DeployedRelease> find(int number) const;
  std::string live_folder() const;  // as `current` says; "" for nothing
  // Error(BadInput) where its release.json cannot be read.
  std::optional<DeployedRelease> live() const;
  std::vector<Attempt> attempts() const;  // oldest first; lines that a crash cut off are passed over
  std::optional<Unfinished> unfinished() const;

 protected:
  explicit Deployment(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

// The same under its lock.
class DeploymentChange : public Deployment {
 public:
  // Makes the folder if needed, waits (with a limit) for another deploy, and removes what a killed one
  // left.
  static DeploymentChange begin(const std::filesystem::path& dest, const std::string& command);

  int next_number() const;
  // From here on `current` names this release, also after a power failure. "": none.
  void switch_to(const std::string& folder) const;
  void append(const Attempt& attempt) const;
  void set_unfinished(const std::optional<Unfinished>& unfinished) const;
  // Removes a release, complete or not. Running processes keep their open files.
  void remove(const std::string& folder) const;

 private:
  DeploymentChange(std::filesystem::path root, FileLock lock)
      : Deployment(std::move(root)), lock_(std::move(lock)) {}
  void sweep() const;
  FileLock lock_;
};

// Does any process that we may look at run a program from this folder?
bool is_in_use(const std::filesystem::path& folder);

}  // namespace moat
