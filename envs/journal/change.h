// A change of an environment: staged aside, committed by renaming a journal, applied as a list of moves that
// can be repeated from any point, and kept in history so that it can be taken back.
#pragma once

#include "envs/journal/durable.h"
#include "envs/journal/manifest.h"
#include "fetch/os/file.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moat {

// One step, paths relative to the environment. Files, links or whole directories are moved by one rename
// each.
struct Move {
  enum class Kind { MakeDirectory, Out, In, RemoveDirectory };
  Kind kind = Kind::Out;
  std::string from;  // the directory for MakeDirectory, RemoveDirectory
  std::string to;    // unused there
};

struct HistoryEntry {
  int state = 0;                     // the state this change led to
  std::int64_t time = 0;             // unix seconds
  std::string reason;                // "moat install flask"
  std::vector<std::string> summary;  // "+ flask 3.0", "~ jinja2 3.1.2 → 3.1.4"
  bool can_return =
      false;  // the old files of this and of all later changes still exist: it can be taken back
};

// Under the environment's lock. Usage: begin → fill stage() → commit(moves, …).
// Destroyed without commit: the stage is removed and nothing happened.
class Change {
 public:
  // Waits (bounded) for another writer, then Error(Busy) naming it; rolls a dead writer's journal forward.
  static Change begin(const std::filesystem::path& environment, const std::string& command);
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  Change(Change&&) noexcept;
  Change& operator=(Change&&) = delete;
  ~Change();

  int state() const { return state_; }   // the number the new state will have
  std::filesystem::path stage() const;   // ENV/.moat/stage/N, exists, empty
  std::string stage_relative() const;    // ".moat/stage/N"
  std::string history_relative() const;  // old files keep their path below it

  // As for commit: if it returns false, commit stops there, as after a crash (tests).
  using StepHook = std::function<bool(std::size_t step)>;

  // Writes the manifest (its state becomes state()) into the stage and the journal next to the environment's;
  // the rename of the journal is the commit point; then applies, finishes and drops history that is too old.
  // `moves`: moves out before moves in; directories for `to` of moves out are made here, those for moves in
  // are moves of their own. Foreseeable failures are refused before the commit point; if a move fails later,
  // the finished ones are taken back. So an Error means that nothing has changed. `durable`: every staged
  // file is synced first, not only the journal.
  void commit(const std::vector<Move>& moves, Manifest manifest, const std::string& reason,
              const std::vector<std::string>& summary, Durable durable, const StepHook& hook = {});

 private:
  struct State;
  Change(std::unique_ptr<State> state, int number);
  std::unique_ptr<State> impl_;
  int state_ = 0;
};

// If there is a journal of a dead writer, applies the rest of it. Returns true if there was one. Cheap if
// there is none.
bool roll_forward(const std::filesystem::path& environment);

// For an environment whose journal can be carried out neither forwards nor backwards: takes back as much as
// possible, and drops the journal. `doctor` then reports what differs from the manifest. Returns false if
// there was no journal.
bool give_up_change(const std::filesystem::path& environment);

std::vector<HistoryEntry> read_history(const std::filesystem::path& environment);  // newest first
// Back to state N (default: the previous one) by reversing the recorded moves, as one new change; returns its
// number. Error(Refused) if history does not reach it, or a file that moat did not place is in the way.
int rollback(const std::filesystem::path& environment, std::optional<int> state, const std::string& command,
             Durable durable = Durable::Auto);

}  // namespace moat
