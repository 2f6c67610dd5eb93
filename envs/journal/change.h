// A change of an environment: staged aside, committed by one rename of a journal, applied as a list of moves
// that can be repeated from any point, kept in history so that it can be taken back.
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
      false;  // what it displaced is still there, and so for all later ones: it can be taken back
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
  ~Change();

  int state() const { return state_; }   // the number the new state will have
  std::filesystem::path stage() const;   // ENV/.moat/stage/N, exists, empty
  std::string stage_relative() const;    // ".moat/stage/N"
  std::string history_relative() const;  // ".moat/history/N/old": what goes out keeps its path below it

  // As commit takes it: false stops there, as a crash would (tests).
  using StepHook = std::function<bool(std::size_t step)>;

  // Writes the manifest (its state becomes state()) into the stage and the journal beside the environment's;
  // the rename of the journal is the commit point; then applies, finishes and drops history that is too old.
  // `moves`: those out before those in; directories for `to` of moves out are made here, those for moves in
  // are moves of their own. What can be seen to fail is refused before the commit point; where a move fails
  // all the same, what was done is taken back. So: Error, and nothing has changed. `durable`: every staged
  // file is synced first, not only the journal.
  void commit(const std::vector<Move>& moves, Manifest manifest, const std::string& reason,
              const std::vector<std::string>& summary, Durable durable, const StepHook& hook = {});

 private:
  struct State;
  Change(std::unique_ptr<State> state, int number);
  std::unique_ptr<State> impl_;
  int state_ = 0;
};

// If a journal of a dead writer is there, apply the rest of it. True: there was one. Cheap when there is
// none.
bool roll_forward(const std::filesystem::path& environment);

// For an environment whose journal can be carried out neither forwards nor backwards: takes back what can be
// taken back, and drops the journal. What is then not as its manifest says is for `doctor` to tell. False:
// there was no journal.
bool give_up_change(const std::filesystem::path& environment);

std::vector<HistoryEntry> read_history(const std::filesystem::path& environment);  // newest first
// Back to state N (default: the one before) by the recorded moves reversed, as one new change; its number.
// Error(Refused) where history no longer reaches it, or where a file that moat did not place is in the way.
int rollback(const std::filesystem::path& environment, std::optional<int> state, const std::string& command,
             Durable durable = Durable::Auto);

}  // namespace moat
