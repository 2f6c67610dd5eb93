// The results of one build request: where earlier ones are found, what they must be, and where new ones are
// kept. Wheels are cached by the tree's key, its settings and the interpreter; editable ones, and those of a
// folder of the user's, are not.
#pragma once

#include "envs/build/build_shared.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace moat {

enum class BuildPurpose { Wheel, Editable, Sdist };

class BuildResults {
 public:
  // The request outlives it.
  BuildResults(SharedBuilds& shared, const BuildRequest& request, BuildPurpose purpose);

  // Of an earlier build. `backend`: for messages. Error(Build) if it is not what is asked for now.
  std::optional<StoredWheel> find_wheel(const std::string& backend = {}) const;
  std::optional<std::string> find_metadata(const std::string& backend = {}) const;

  // One build of a kind at a time, across processes: the others then find its result. nullopt: not cached.
  std::optional<FileLock> lock(const std::stop_token& stop) const;

  // A wheel that the backend made: verified, in the store, and found from now on. Error(Build).
  StoredWheel keep_wheel(const std::filesystem::path& file, const WheelFilename& name,
                         const std::string& backend) const;
  // The text of `folder`/METADATA, found from now on; the folder moves to where prepared() finds it.
  std::string keep_metadata(const std::filesystem::path& folder) const;
  // What holds that folder until the wheel is built, which must have exactly this metadata (PEP 517,
  // metadata_directory); nullptr: nobody asked for it in this run.
  std::shared_ptr<TempDir> prepared() const;

  static std::string metadata_of(const StoredWheel& wheel);

 private:
  std::filesystem::path metadata_file() const;
  std::string prepared_key() const;
  StoredWheel admit(const std::filesystem::path& file, const WheelFilename& name,
                    const std::string& backend) const;
  void check(const StoredWheel& wheel, const std::string& backend) const;
  void check(const std::string& metadata) const;
  void check_promise(const StoredWheel& wheel) const;
  [[noreturn]] void fail(std::string reason) const;

  SharedBuilds& shared_;
  const BuildRequest& request_;
  std::string key_;  // "": not cached
};

}  // namespace moat
