// The lines that a lock is made from: those of files, of the project around with its extras and groups, of a
// script.
#pragma once

#include "envs/install/earlier_lock.h"
#include "envs/install/foreign_builds.h"
#include "envs/install/goal.h"
#include "envs/install/lock_targets.h"
#include "envs/install/resolve_goal.h"
#include "envs/install/rooted_lines.h"
#include "envs/project/project_files.h"
#include "envs/python/interpreter.h"
#include "fetch/sources/source_setup.h"
#include "resolver/lock/lock_space.h"
#include "resolver/lock/lockfile.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// What a lock is to be made from, besides the lines of files.
struct LockQuestion {
  std::filesystem::path path;  // of the lock; need not exist
  const SurroundingProject& around;
  EarlierLock earlier;              // what it replaces
  std::vector<std::string> groups;  // as read_groups() takes them
  bool of_project = false;
  std::optional<std::vector<NamedLine>> script;  // its lines
  Interpreter interpreter;                       // the default target, which also builds
  TargetsAsked targets;                          // with requires-python of the project, or the script
  ResolvePolicy policy;
  bool fewest_forks = false;
  bool may_build = true;
};

// Who is asked.
struct LockTools {
  // From here on sources can be asked, and are built by this Python.
  std::function<void(Goal& goal, const Interpreter& builder)> prepare;
  SourceSetup& sources;
  // REQUIRES: prepared.
  std::function<ResolveTools(const Goal& goal)> resolving;
  Reporter& reporter;
  std::stop_token stop;
};

// Builds sources for a target that may be another machine. Keeps references.
class LockBuilds {
 public:
  LockBuilds(const Target& target, Interpreter builder, const LockTools& with)
      : target_(target), builder_(std::move(builder)), with_(with) {}

  void prepare(Goal& goal);
  // Asks backends of projects; their requirements come from the indexes of `goal`.
  AskBackend asker(const Goal& goal);

 private:
  const Target& target_;
  const Interpreter builder_;
  const LockTools& with_;
  std::optional<ForeignBuilds> foreign_;
};

// A lock for a Python that the project excludes would be useless. Error(NoInterpreter).
void check_target(const Target& target, const std::optional<SpecifierSet>& required);

// All lines of a lock for one target. Error(BadInput or Usage) where the project has none.
void gather_for_one(const LockQuestion& question, const Target& target, LockBuilds& builds, Goal& goal);

// All lines of a lock for several targets, as they are now.
LockedInputs gather_for_all(const LockQuestion& question, const LockSpace& space, LockBuilds& builds,
                            const Target& here, Goal& goal, RootedLines& lines);

// `PATH/pyproject.toml:NAME`, with its path made relative to another folder.
std::string group_seen_from(const std::string& group, const std::filesystem::path& from,
                            const std::filesystem::path& to);
// The question's groups, relative to the lock's folder.
std::vector<std::string> groups_from_lock(const LockQuestion& question);

}  // namespace moat
