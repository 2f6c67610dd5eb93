// The journal of a change, ENV/.moat/journal: read, checked and rolled forward. Plain C without any
// dependency, because both of its users need the very same rules: moat itself (envs/journal/change.cpp) and
// the launcher that is `bin/python`, which finishes what a killed moat left before it starts the interpreter.
// The format is in docs/environment-format.md.
#ifndef MOAT_ENVS_LAUNCHER_JOURNAL_H
#define MOAT_ENVS_LAUNCHER_JOURNAL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
// NOLINTBEGIN(readability-identifier-naming, modernize-use-using): it is C

enum moat_journal_result {
  MOAT_JOURNAL_NONE = 0,     // there was nothing to do
  MOAT_JOURNAL_APPLIED = 1,  // there was a journal, and it has been carried out
  // The system refused a move, and all finished ones were taken back: the state before, and no journal.
  // moat_journal_error() names the refused one.
  MOAT_JOURNAL_TAKEN_BACK = 2,
  MOAT_JOURNAL_WENT_BACK = 3,  // a power failure had cut the last change short (recover.h)
  MOAT_JOURNAL_BUSY = -1,      // another process holds the lock
  MOAT_JOURNAL_BAD = -2,       // the journal may not be followed
  MOAT_JOURNAL_FAILED = -3,    // the system refused
  MOAT_JOURNAL_STOPPED = -4,   // the step hook stopped it
  MOAT_JOURNAL_FOREIGN = -5    // another user wrote the journal
};

// For the launcher and for every command that opens an environment: two access() calls if there is no
// journal, and no mark of a power failure (recover.h; its negative results are among those of this function).
// Otherwise takes the environment's lock (ENV/.moat/lock, F_OFD_SETLK, the same lock as moat's own), waiting
// at most `wait_ms` for a living writer, and applies the rest; if that is impossible, goes back. If negative,
// moat_journal_error() gives the reason in one sentence.
int moat_journal_roll_forward(const char* env, int wait_ms);

// Of the last call in this thread that returned a negative number or MOAT_JOURNAL_TAKEN_BACK.
const char* moat_journal_error(void);
int moat_journal_fail(int result, const char* format, ...) __attribute__((format(printf, 2, 3)));

enum moat_move_kind { MOAT_MOVE_MKDIR, MOAT_MOVE_OUT, MOAT_MOVE_IN, MOAT_MOVE_RMDIR };

// Paths are relative to the environment. `to` is NULL for MKDIR and RMDIR.
struct moat_move {
  enum moat_move_kind kind;
  const char* from;
  const char* to;
};

struct moat_journal {
  int state;  // number of the state that the change leads to
  long long time;
  const char* reason;
  const char** summary;
  size_t summary_count;
  struct moat_move* moves;
  size_t move_count;
};

// Parses text[0..size), which must be followed by a NUL and is modified: the result points into it. Returns
// 0, or MOAT_JOURNAL_BAD. Accepts only paths that stay below the environment: relative, without empty, `.`
// and `..` components.
int moat_journal_parse(char* text, size_t size, struct moat_journal* journal);
// A move in of pyvenv.cfg or a launcher for which no move out makes room: the first change by a newer moat
// renames these over the old ones, because without them the folder would not be an environment.
int moat_journal_replaces(const struct moat_journal* journal, const struct moat_move* move);
void moat_journal_free(struct moat_journal* journal);

enum moat_journal_start {
  MOAT_JOURNAL_FRESH,  // nothing of it has been done: the writer itself
  MOAT_JOURNAL_RESUME  // any beginning of it may have been done
};

// Called before each step (`step` counts from 0; the finishing steps count on). Not 0: stop here. Only tests
// pass one.
typedef int (*moat_journal_hook)(void* context, size_t step);

// Carries the journal out and finishes: .moat/journal becomes .moat/history/N/moves, .moat/stage/N is
// removed. The caller holds the lock; `env` is an open directory. Returns 0, MOAT_JOURNAL_TAKEN_BACK, or a
// negative result; MOAT_JOURNAL_FAILED: it can go neither forward nor back, and the journal stays.
int moat_journal_apply(int env, const struct moat_journal* journal, enum moat_journal_start start,
                       moat_journal_hook hook, void* context);

// Called before the journal of a new change gets its name: can every path be reached without following a
// link? Returns 0, or a negative result; changes nothing.
int moat_journal_check(int env, const struct moat_journal* journal);

// As moat_journal_roll_forward for a caller that holds the lock already.
int moat_journal_resume(int env);

// The last resort, if moat_journal_resume can reach neither state: takes back as much as possible, and
// removes the journal whatever it holds. The caller holds the lock. Returns 0, or MOAT_JOURNAL_FAILED.
int moat_journal_give_up(int env);

// NOLINTEND(readability-identifier-naming, modernize-use-using)
#ifdef __cplusplus
}
#endif

#endif
