// How a list of moves can be repeated from any point.
//
// The moves are carried out strictly in order, each by one rename, so after a crash some beginning of the
// list is done and the rest is not. A move in is done when its `from` is gone; a move out when its `to`
// exists (history/N is new, so nothing else can be there). One case needs more: a move out of a file that
// somebody had deleted has neither. If it were tried again after the new file is in place, it would carry the
// new file away. So no move out is tried that stands before a finished move in.
//
// No move leaves the environment: the directory of each path is opened beneath it, without following a
// link, and only the last component names what is renamed. If a link is in the way, nothing at all is
// done.
//
// `from` of a move in may be a directory while its destination is one too, made by somebody (a running Python
// that writes __pycache__) between the plan and now; then the two are merged child by child, which can be
// repeated as well.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "envs/launcher/journal.h"

#include "envs/launcher/recover.h"
#include "fetch/os/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Not empty, so that it lies in .tdata: mold 1.10 lets RELRO begin in a page that is not mapped where there
// is only .tbss and .text ends within a few bytes of a page, and the program does not start.
static _Thread_local char error_text[1024] = "no error";

const char* moat_journal_error(void) { return error_text; }

int moat_journal_fail(int result, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error_text, sizeof error_text, format, arguments);
  va_end(arguments);
  return result;
}

// ---- applying ----

static int exists_at(int directory, const char* path) {
  return faccessat(directory, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_directory_at(int directory, const char* path) {
  return openat(directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

// Calls each(context, directory, name) for all children; stops at the first that is not 0, and returns it.
static int for_each_child(int directory, int (*each)(void* context, int directory, const char* name),
                          void* context) {
  const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* stream = copy < 0 ? NULL : fdopendir(copy);
  if (!stream) {
    if (copy >= 0) close(copy);
    return -1;
  }
  int result = 0;
  const struct dirent* entry = NULL;
  while (result == 0 && (entry = readdir(stream)))
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      result = each(context, directory, entry->d_name);
  const int saved = errno;
  closedir(stream);
  errno = saved;
  return result;
}

static int merge_directory(int from_parent, const char* from, int to_parent, const char* to);

static int merge_child(void* context, int directory, const char* name) {
  const int target = *(const int*)context;
  if (renameat(directory, name, target, name) == 0) return 0;
  if (errno != ENOTEMPTY && errno != EEXIST) return -1;
  return merge_directory(directory, name, target, name);
}

static int merge_directory(int from_parent, const char* from, int to_parent, const char* to) {
  const int source = open_directory_at(from_parent, from);
  int target = source < 0 ? -1 : open_directory_at(to_parent, to);
  int result = target < 0 ? -1 : for_each_child(source, merge_child, &target);
  const int saved = errno;
  if (target >= 0) close(target);
  if (source >= 0) close(source);
  errno = saved;
  return result == 0 ? unlinkat(from_parent, from, AT_REMOVEDIR) : -1;
}

static int remove_tree_at(int parent, const char* name);

static int remove_child(void* context, int directory, const char* name) {
  (void)context;
  return unlinkat(directory, name, 0) == 0 ? 0 : remove_tree_at(directory, name);
}

static int remove_tree_at(int parent, const char* name) {
  const int directory = open_directory_at(parent, name);
  if (directory < 0) return -1;
  const int result = for_each_child(directory, remove_child, NULL);
  close(directory);
  return result == 0 ? unlinkat(parent, name, AT_REMOVEDIR) : -1;
}

// The directory that holds a path of the journal. Neighbouring moves mostly share theirs, so it stays open.
struct parent {
  int env;
  int folder;        // -1: none is open
  const char* path;  // its name is the first `length` bytes of this
  size_t length;
};

// The state of the moves: the open directories of the last `from` and the last `to`.
struct places {
  struct parent from, to;
};

static struct places places_in(int env) {
  const struct parent none = {env, -1, NULL, 0};
  return (struct places){none, none};
}

static void close_parent(struct parent* parent) {
  if (parent->folder >= 0) close(parent->folder);
  parent->folder = -1;
}

static void close_places(struct places* places) {
  const int saved = errno;
  close_parent(&places->from);
  close_parent(&places->to);
  errno = saved;
}

// Is `path` this directory, or one above it?
static int leads_to(const char* path, const struct parent* parent) {
  const size_t length = strlen(path);
  return parent->folder >= 0 && length <= parent->length && memcmp(path, parent->path, length) == 0 &&
         (length == parent->length || parent->path[length] == '/');
}

// The entry at `path` has been moved: an open directory below it is somewhere else now.
static void forget(struct places* places, const char* path) {
  if (leads_to(path, &places->from)) close_parent(&places->from);
  if (leads_to(path, &places->to)) close_parent(&places->to);
}

// The open directory of a path, and the path's last component. -1 with errno on failure.
static int open_parent(struct parent* parent, const char* path, const char** name) {
  const char* const slash = strrchr(path, '/');
  const size_t length = slash ? (size_t)(slash - path) : 0;
  if (parent->folder >= 0 && parent->length == length && memcmp(path, parent->path, length) == 0) {
    *name = slash ? slash + 1 : path;
    return parent->folder;
  }
  close_parent(parent);
  parent->path = path;
  parent->length = length;
  return parent->folder = moat_open_parent_beneath(parent->env, path, name);
}

static int exists(struct parent* parent, const char* path) {
  const char* name = NULL;
  const int folder = open_parent(parent, path, &name);
  return folder >= 0 && exists_at(folder, name);
}

static int apply_rename(struct places* places, const struct moat_move* move) {
  const char *from_name = NULL, *to_name = NULL;
  const int from = open_parent(&places->from, move->from, &from_name);
  if (from < 0 && errno == ENOENT) return 0;
  const int to = from < 0 ? -1 : open_parent(&places->to, move->to, &to_name);
  if (to >= 0 && renameat(from, from_name, to, to_name) == 0) return 0;
  if (from >= 0 && errno == ENOENT && !exists_at(from, from_name)) return 0;
  if (to >= 0 && move->kind == MOAT_MOVE_IN && (errno == ENOTEMPTY || errno == EEXIST))
    if (merge_directory(from, from_name, to, to_name) == 0) return 0;
  return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot move `%s` to `%s`: %s", move->from, move->to,
                           moat_reason(errno));
}

static int make_directory(struct places* places, const char* path) {
  const char* name = NULL;
  const int parent = open_parent(&places->to, path, &name);
  if (parent >= 0 && (mkdirat(parent, name, 0777) == 0 || errno == EEXIST)) return 0;
  return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot make directory `%s`: %s", path, moat_reason(errno));
}

static int remove_directory(struct places* places, const char* path) {
  const char* name = NULL;
  const int parent = open_parent(&places->from, path, &name);
  if (parent >= 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0) return 0;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT || errno == ENOTDIR) return 0;
  return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot remove directory `%s`: %s", path, moat_reason(errno));
}

static int apply_move(struct places* places, const struct moat_move* move) {
  int result = 0;
  switch (move->kind) {
    case MOAT_MOVE_MKDIR:
      return make_directory(places, move->from);
    case MOAT_MOVE_RMDIR:
      result = remove_directory(places, move->from);
      break;
    case MOAT_MOVE_OUT:
    case MOAT_MOVE_IN:
      result = apply_rename(places, move);
      forget(places, move->to);
      break;
  }
  forget(places, move->from);
  return result;
}

// Does a move carry away a parent directory of `path`? Then the present entry proves nothing.
static int is_cleared(const struct moat_journal* journal, const char* path) {
  for (size_t i = 0; i < journal->move_count; ++i) {
    const struct moat_move* move = &journal->moves[i];
    const size_t length = strlen(move->from);
    if (move->kind == MOAT_MOVE_OUT && strncmp(path, move->from, length) == 0 && path[length] == '/')
      return 1;
  }
  return 0;
}

static int check_path(struct parent* parent, const struct moat_journal* journal, const char* path) {
  const char* name = NULL;
  if (!path || open_parent(parent, path, &name) >= 0 || errno == ENOENT) return 0;
  const int reason = errno;
  if (is_cleared(journal, path)) return 0;
  return moat_journal_fail(MOAT_JOURNAL_BAD, "`%s` cannot be reached: %s", path, moat_reason(reason));
}

int moat_journal_check(int env, const struct moat_journal* journal) {
  struct places places = places_in(env);
  int result = 0;
  for (size_t i = 0; i < journal->move_count && result == 0; ++i) {
    result = check_path(&places.from, journal, journal->moves[i].from);
    if (result == 0) result = check_path(&places.to, journal, journal->moves[i].to);
  }
  close_places(&places);
  return result;
}

// Where the list was left off: no move out before this index may be tried again (see the top of this file).
static size_t first_untouched(struct places* places, const struct moat_journal* journal) {
  for (size_t i = journal->move_count; i > 0; --i) {
    const struct moat_move* move = &journal->moves[i - 1];
    if (move->kind == MOAT_MOVE_IN && !exists(&places->from, move->from)) return i;
  }
  return 0;
}

// ---- the way back ----

// Takes back a finished move. After a merge into a directory, the whole directory is taken back.
static int take_back(struct places* places, const struct moat_move* move) {
  switch (move->kind) {
    case MOAT_MOVE_MKDIR:
      return apply_move(places, &(struct moat_move){MOAT_MOVE_RMDIR, move->from, NULL});
    case MOAT_MOVE_RMDIR:
      return apply_move(places, &(struct moat_move){MOAT_MOVE_MKDIR, move->from, NULL});
    case MOAT_MOVE_OUT:
    case MOAT_MOVE_IN:
      return apply_move(places, &(struct moat_move){MOAT_MOVE_IN, move->to, move->from});
  }
  return 0;
}

// Is `path` this folder, or does it lie below it?
static int is_in(const char* path, const char* folder) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

// python, python3, python3.13t, pypy3.10, in bin or in the private one.
static int is_launcher(const char* path) {
  const char* name = NULL;
  if (strncmp(path, "bin/", 4) == 0)
    name = path + 4;
  else if (strncmp(path, ".moat/rt/bin/", 13) == 0)
    name = path + 13;
  if (!name || (strncmp(name, "python", 6) != 0 && strncmp(name, "pypy", 4) != 0)) return 0;
  name += strncmp(name, "python", 6) == 0 ? 6 : 4;
  return name[strspn(name, "0123456789.t")] == '\0';
}

int moat_journal_replaces(const struct moat_journal* journal, const struct moat_move* move) {
  if (move->kind != MOAT_MOVE_IN || (strcmp(move->to, "pyvenv.cfg") != 0 && !is_launcher(move->to))) return 0;
  for (size_t i = 0; i < journal->move_count; ++i)
    if (journal->moves[i].kind == MOAT_MOVE_OUT && is_in(move->to, journal->moves[i].from)) return 0;
  return 1;
}

// A file that was renamed over the old one cannot be taken back: it stays, and works as well. In an
// environment that is being made there was no old one.
static int stays(int env, const struct moat_journal* journal, const struct moat_move* move) {
  char manifest[80];
  if (!moat_journal_replaces(journal, move)) return 0;
  snprintf(manifest, sizeof manifest, ".moat/history/%d/old/.moat/manifest", journal->state);
  struct parent parent = {env, -1, NULL, 0};
  const int was_there = exists(&parent, manifest);
  close_parent(&parent);
  return was_there;
}

static int remove_journal(int env) {
  const char* name = NULL;
  const int folder = moat_open_parent_beneath(env, ".moat/journal", &name);
  const int removed = folder >= 0 && (unlinkat(folder, name, 0) == 0 || errno == ENOENT);
  const int reason = errno;
  if (folder >= 0) close(folder);
  return removed ? 0
                 : moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot remove `.moat/journal`: %s",
                                     moat_reason(reason));
}

static void remove_stage(int env, const struct moat_journal* journal) {
  char stage[64];
  const char* name = NULL;
  snprintf(stage, sizeof stage, ".moat/stage/%d", journal->state);
  const int stages = moat_open_parent_beneath(env, stage, &name);
  if (stages < 0) return;
  (void)remove_tree_at(stages, name);
  close(stages);
}

static int take_back_moves(int env, const struct moat_journal* journal, size_t done) {
  struct places places = places_in(env);
  int result = 0;
  for (size_t i = done; i > 0 && result == 0; --i)
    if (!stays(env, journal, &journal->moves[i - 1])) result = take_back(&places, &journal->moves[i - 1]);
  close_places(&places);
  return result == 0 ? remove_journal(env) : result;
}

// Takes back the first `done` moves after a failure; the error so far is its reason. If stopped on the way,
// the list is as after a crash of the way forward: some beginning of it is done.
static int go_back(int env, const struct moat_journal* journal, size_t done) {
  char reason[sizeof error_text / 2], second[sizeof error_text / 2];
  snprintf(reason, sizeof reason, "%.*s", (int)sizeof reason - 1, error_text);
  if (take_back_moves(env, journal, done) == 0) {
    remove_stage(env, journal);
    return moat_journal_fail(MOAT_JOURNAL_TAKEN_BACK, "%s", reason);
  }
  snprintf(second, sizeof second, "%.*s", (int)sizeof second - 1, error_text);
  return moat_journal_fail(MOAT_JOURNAL_FAILED, "%s; and it cannot be undone: %s", reason, second);
}

static int finish(int env, const struct moat_journal* journal, moat_journal_hook hook, void* context) {
  char moves[64];
  const char *journal_name = NULL, *moves_name = NULL;
  snprintf(moves, sizeof moves, ".moat/history/%d", journal->state);
  // Every journal of moat's begins with the move that makes it; a journal without moves has none.
  const int made = moat_make_directories_beneath(env, moves);
  if (made < 0)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot make directory `%s`: %s", moves,
                             moat_reason(errno));
  close(made);
  snprintf(moves, sizeof moves, ".moat/history/%d/moves", journal->state);
  if (hook && hook(context, journal->move_count)) return moat_journal_fail(MOAT_JOURNAL_STOPPED, "stopped");
  struct places places = places_in(env);
  const int from = open_parent(&places.from, ".moat/journal", &journal_name);
  const int to = from < 0 ? -1 : open_parent(&places.to, moves, &moves_name);
  const int moved = to >= 0 && renameat(from, journal_name, to, moves_name) == 0;
  close_places(&places);
  if (!moved)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot move `.moat/journal` to `%s`: %s", moves,
                             moat_reason(errno));
  if (hook && hook(context, journal->move_count + 1))
    return moat_journal_fail(MOAT_JOURNAL_STOPPED, "stopped");
  // Only empty directories are left; the next change sweeps them if this fails.
  remove_stage(env, journal);
  return 0;
}

// `done`: how many were carried out.
static int apply_moves(struct places* places, const struct moat_journal* journal,
                       enum moat_journal_start start, moat_journal_hook hook, void* context, size_t* done) {
  const size_t untouched = start == MOAT_JOURNAL_RESUME ? first_untouched(places, journal) : 0;
  for (size_t i = *done = 0; i < journal->move_count; *done = ++i) {
    const struct moat_move* move = &journal->moves[i];
    if (hook && hook(context, i)) return moat_journal_fail(MOAT_JOURNAL_STOPPED, "stopped");
    if (start == MOAT_JOURNAL_RESUME && move->kind == MOAT_MOVE_OUT &&
        (i < untouched || exists(&places->to, move->to)))
      continue;
    const int result = apply_move(places, move);
    if (result != 0) return result;
  }
  return 0;
}

int moat_journal_apply(int env, const struct moat_journal* journal, enum moat_journal_start start,
                       moat_journal_hook hook, void* context) {
  struct places places = places_in(env);
  size_t done = 0;
  int result = apply_moves(&places, journal, start, hook, context, &done);
  close_places(&places);
  if (result == 0) result = finish(env, journal, hook, context);
  return result == MOAT_JOURNAL_FAILED ? go_back(env, journal, done) : result;
}

// ---- rolling forward ----

// The whole file, NUL-terminated, to be freed; NULL with errno.
static char* read_whole(int file, size_t size_expected, size_t* size) {
  char* text = malloc(size_expected + 1);
  if (!text) return NULL;
  *size = 0;
  while (*size < size_expected) {
    const ssize_t got = read(file, text + *size, size_expected - *size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      free(text);
      return NULL;
    }
    if (got == 0) break;
    *size += (size_t)got;
  }
  text[*size] = '\0';
  return text;
}

// A journal is followed by the user who wrote it, and by everybody if root wrote it. Anybody else's could
// move this user's files about.
static int check_owner(const struct stat* facts) {
  if (!S_ISREG(facts->st_mode) || facts->st_nlink != 1)
    return moat_journal_fail(MOAT_JOURNAL_BAD, "`.moat/journal` is not a regular file with one name");
  if (facts->st_uid == geteuid() || facts->st_uid == 0) return 0;
  return moat_journal_fail(MOAT_JOURNAL_FOREIGN,
                           "the unfinished change was made by user %u, and this is user %u",
                           (unsigned)facts->st_uid, (unsigned)geteuid());
}

static int follow(int env, char* text, size_t size) {
  struct moat_journal journal;
  int result = moat_journal_parse(text, size, &journal);
  if (result != 0) return result;
  result = moat_journal_check(env, &journal);
  if (result == 0) result = moat_journal_apply(env, &journal, MOAT_JOURNAL_RESUME, NULL, NULL);
  moat_journal_free(&journal);
  return result == 0 ? MOAT_JOURNAL_APPLIED : result;
}

// `file` is the open journal, or -1 with errno.
static int follow_file(int env, int file) {
  struct stat facts;
  size_t size = 0;
  if (file < 0 && errno == ENOENT) return MOAT_JOURNAL_NONE;
  if (file < 0 || fstat(file, &facts) != 0)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot read `.moat/journal`: %s", moat_reason(errno));
  int result = check_owner(&facts);
  if (result != 0) return result;
  char* const text = read_whole(file, (size_t)facts.st_size, &size);
  if (!text)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot read `.moat/journal`: %s", strerror(errno));
  result = follow(env, text, size);
  free(text);
  return result;
}

static int open_journal(int env) {
  return moat_open_beneath(env, ".moat/journal", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

int moat_journal_resume(int env) {
  const int file = open_journal(env);
  const int result = follow_file(env, file);
  if (file >= 0) close(file);
  return result;
}

static void take_back_what_goes(int env, const struct moat_journal* journal) {
  struct places places = places_in(env);
  for (size_t i = journal->move_count; i > 0; --i) {
    const struct moat_move* move = &journal->moves[i - 1];
    if (move->kind == MOAT_MOVE_IN && exists(&places.from, move->from)) continue;  // was not done
    if (!stays(env, journal, move)) (void)take_back(&places, move);
  }
  close_places(&places);
}

int moat_journal_give_up(int env) {
  size_t size = 0;
  struct moat_journal journal;
  struct stat facts;
  const int file = open_journal(env);
  char* const text = file >= 0 && fstat(file, &facts) == 0 && check_owner(&facts) == 0
                         ? read_whole(file, (size_t)facts.st_size, &size)
                         : NULL;
  if (file >= 0) close(file);
  if (text && moat_journal_parse(text, size, &journal) == 0) {
    take_back_what_goes(env, &journal);
    remove_stage(env, &journal);
    moat_journal_free(&journal);
  }
  free(text);
  return remove_journal(env);
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int lock_exclusively(int lock, int wait_ms, const char* env) {
  const long long give_up = now_ms() + wait_ms;
  while (1) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(lock, F_OFD_SETLK, &whole) == 0) return 0;
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
      return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot lock `%s/.moat/lock`: %s", env, strerror(errno));
    if (now_ms() >= give_up) break;
    nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
  }
  char holder[256];
  const ssize_t length = pread(lock, holder, sizeof holder - 1, 0);
  holder[length > 0 ? length : 0] = '\0';
  holder[strcspn(holder, "\n")] = '\0';
  return moat_journal_fail(MOAT_JOURNAL_BUSY, "environment `%s` is being changed by %s", env,
                           *holder ? holder : "another process");
}

// Checked before taking the lock, so that nothing at all is written if the answer is no.
static int may_follow(int directory) {
  struct stat facts;
  const int journal = open_journal(directory);
  if (journal < 0 && errno == ENOENT) return 0;
  const int result =
      journal < 0 || fstat(journal, &facts) != 0
          ? moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot read `.moat/journal`: %s", moat_reason(errno))
          : check_owner(&facts);
  if (journal >= 0) close(journal);
  return result;
}

static int resume_and_recover(int env) {
  const int result = moat_journal_resume(env);
  if (result < 0) return result;
  const int recovery = moat_recover(env, MOAT_BOOT_ID_FILE);
  if (recovery < 0) return recovery;
  return recovery == MOAT_RECOVERY_WENT_BACK ? MOAT_JOURNAL_WENT_BACK : result;
}

static int lock_and_resume(int directory, int wait_ms, const char* env, int has_journal) {
  int result = may_follow(directory);
  if (result != 0) return result;
  const int lock = moat_open_lock_beneath(directory, ".moat/lock", O_RDWR | O_CREAT);
  if (lock < 0 && !has_journal) return MOAT_JOURNAL_NONE;  // a read-only environment runs as it is
  if (lock < 0)
    return moat_journal_fail(
        MOAT_JOURNAL_FAILED,
        "environment `%s` holds an unfinished change and cannot be written (%s); start it once "
        "from where it can",
        env, moat_reason(errno));
  result = lock_exclusively(lock, wait_ms, env);
  if (result == 0) result = resume_and_recover(directory);
  close(lock);
  return result;
}

int moat_journal_roll_forward(const char* env, int wait_ms) {
  char path[PATH_MAX];
  const int length = snprintf(path, sizeof path, "%s/.moat/unflushed", env);
  if (length < 0 || (size_t)length >= sizeof path)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "the path of the environment is too long");
  const int has_mark = access(path, F_OK) == 0;
  snprintf(path, sizeof path, "%s/.moat/journal", env);
  const int has_journal = access(path, F_OK) == 0;
  if (!has_journal && !has_mark) return MOAT_JOURNAL_NONE;

  const int directory = open(env, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0)
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "cannot open `%s`: %s", env, strerror(errno));
  const int result = has_journal || moat_needs_recovery(directory, MOAT_BOOT_ID_FILE)
                         ? lock_and_resume(directory, wait_ms, env, has_journal)
                         : MOAT_JOURNAL_NONE;
  close(directory);
  return result;
}
