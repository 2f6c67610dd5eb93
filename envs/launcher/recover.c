// Which files may have been lost? Those that were written since the mark was set: their ctime tells, and the
// clock of one boot does not jump. Each of them should have the size and the digest in the manifest. If not,
// it was lost if it looks like it: empty, cut at the end of a page, or with a page of zeros. Anything else is
// an edit, and so is a file with an mtime later than the change, or a missing file: names and times are in
// the journal of the file system.
//
// The way back is a change like any other, with a journal of its own: the moves of the last change reversed.
// So a second power failure on the way is a killed change, and `moat env rollback` could even take it back.
// Its reason names the state it took back; where the state before turns out to be cut short as well, the one
// before that is next.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "envs/launcher/recover.h"

#include "envs/launcher/journal.h"
#include "envs/launcher/sha256.h"
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
#include <unistd.h>

static const char kMark[] = ".moat/unflushed";
static const char kReason[] = "after a power failure: back to before state ";
enum { kSlack = 2 /* s, between the clocks of the program and of the file system */ };

// ---- the mark ----

static size_t read_some(int directory, const char* path, char* text, size_t size) {
  const int file = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t got = read(file, text, size - 1);
  close(file);
  text[got > 0 ? got : 0] = '\0';
  return got > 0 ? (size_t)got : 0;
}

int moat_needs_recovery(int env, const char* boot_id_file) {
  char mark[128], boot[128];
  struct stat facts;
  if (fstatat(env, kMark, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) return 0;
  // As with a journal: another user's mark moves no file of ours.
  if (facts.st_uid != geteuid() && facts.st_uid != 0) return 0;
  if (read_some(AT_FDCWD, boot_id_file, boot, sizeof boot) == 0) return 0;
  boot[strcspn(boot, "\n")] = '\0';
  read_some(env, kMark, mark, sizeof mark);
  const char* const space = strchr(mark, ' ');
  const char* const device = space ? strchr(space + 1, ' ') : NULL;
  const size_t length = strlen(boot);
  // Set by this boot, but on another device: the file system was mounted again, or this is a copy.
  return strncmp(mark, boot, length) != 0 || space != mark + length || !device ||
         strtoull(device + 1, NULL, 10) != (unsigned long long)facts.st_dev;
}

// ---- is everything there? ----

// The whole of a regular file, ended by a NUL, to be freed; NULL with errno.
static char* read_whole(int env, const char* path, size_t* size) {
  struct stat facts;
  char* text = NULL;
  const int file = openat(env, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return NULL;
  *size = 0;
  if (fstat(file, &facts) == 0 && S_ISREG(facts.st_mode) && (text = malloc((size_t)facts.st_size + 1))) {
    ssize_t got = 0;
    while (*size < (size_t)facts.st_size &&
           (got = read(file, text + *size, (size_t)facts.st_size - *size)) != 0) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      *size += (size_t)got;
    }
    text[*size] = '\0';
  }
  const int saved = errno;
  close(file);
  errno = saved;
  return text;
}

static int has_digest(int env, const char* path, const char* hex) {
  static char buffer[1 << 16];
  char found[65];
  struct moat_sha256 hash;
  moat_sha256_begin(&hash);
  const int file = openat(env, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t got = 0;
  while ((got = read(file, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))
    if (got > 0) moat_sha256_add(&hash, buffer, (size_t)got);
  close(file);
  moat_sha256_end(&hash, found);
  return got == 0 && strcmp(found, hex) == 0;
}

// The time in which the checked files were written.
struct period {
  long long from;  // the mark was set
  long long to;    // the last change was committed; later writes are somebody's edits
};

struct entry {
  const char* sha256;
  unsigned long long size;
  char* path;
};

// In a file with a wrong digest: signs of data that never reached the disk.
static int looks_lost(int env, const char* path, unsigned long long size, unsigned long long expected) {
  enum { kPage = 4096 };
  char page[kPage];
  int lost = size == 0 || (size < expected && size % kPage == 0);
  const int file = openat(env, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ssize_t got = 0;
  while (file >= 0 && !lost && (got = read(file, page, sizeof page)) > 0)
    lost = page[0] == '\0' && memcmp(page, page + 1, (size_t)got - 1) == 0;
  if (file >= 0) close(file);
  return lost;
}

static int is_whole(int env, const struct entry* entry, const struct period* period) {
  struct stat facts;
  if (fstatat(env, entry->path, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) return 1;
  if (facts.st_ctim.tv_sec + kSlack < period->from || facts.st_mtim.tv_sec > period->to + kSlack) return 1;
  const unsigned long long size = (unsigned long long)facts.st_size;
  if (size == entry->size && has_digest(env, entry->path, entry->sha256)) return 1;
  return !looks_lost(env, entry->path, size, entry->size);
}

// Undoes \\, \n and \r in place.
static void unescape(char* text) {
  char* out = text;
  for (const char* in = text; *in; ++in) {
    if (*in == '\\' && in[1] != '\0') {
      ++in;
      *out++ = *in == 'n' ? '\n' : *in == 'r' ? '\r' : *in;
    } else {
      *out++ = *in;
    }
  }
  *out = '\0';
}

// Below the environment, as far as its text says: a list may be hostile.
static int is_below(const char* path) {
  if (*path == '/' || *path == '\0') return 0;
  for (const char* part = path; part; part = strchr(part, '/')) {
    part += *part == '/';
    if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return 0;
  }
  return 1;
}

// What begins with a digest and a size, and ends, after so many fields, with a path. 0 for another line.
static int parse_entry(char* line, int field_count, struct entry* out) {
  char* fields[4];
  for (int i = 0; i < field_count; ++i) {
    fields[i] = line;
    if (!(line = strchr(line, ' '))) return 0;
    *line++ = '\0';
  }
  unescape(line);
  *out = (struct entry){fields[0], strtoull(fields[1], NULL, 10), line};
  return is_below(line);
}

// "file SHA256 SIZE MODE OWNER PATH" of the manifest.
static int parse_manifest_line(char* line, struct entry* out) {
  return strncmp(line, "file ", 5) == 0 && parse_entry(line + 5, 4, out);
}

// 1: all files are as the manifest says. 0: `lost` names one that is not.
static int all_is_there(int env, const struct period* period, char* lost, size_t lost_size) {
  size_t size = 0;
  char* const text = read_whole(env, ".moat/manifest", &size);
  int whole = text && size > 0 && text[size - 1] == '\n';
  if (!whole) snprintf(lost, lost_size, ".moat/manifest");
  for (char* line = text; whole && line < text + size;) {
    char* const end = strchr(line, '\n');
    struct entry entry;
    if (!end) break;
    *end = '\0';
    if (parse_manifest_line(line, &entry) && !is_whole(env, &entry, period)) {
      whole = 0;
      snprintf(lost, lost_size, "%s", entry.path);
    }
    line = end + 1;
  }
  free(text);
  return whole;
}

static void remove_beneath(int env, const char* path) {
  const char* name = NULL;
  const int folder = moat_open_parent_beneath(env, path, &name);
  if (folder < 0) return;
  (void)unlinkat(folder, name, 0);
  close(folder);
}

// Bytecode is derived: lost files are removed, and Python makes them again. "SHA256 SIZE OWNER PATH"
static void remove_lost_bytecode(int env, const struct period* period) {
  size_t size = 0;
  char* const text = read_whole(env, ".moat/bytecode", &size);
  for (char* line = text; text && line < text + size;) {
    char* const end = strchr(line, '\n');
    struct entry entry;
    if (!end) break;
    *end = '\0';
    const size_t length = parse_entry(line, 3, &entry) ? strlen(entry.path) : 0;
    const int is_bytecode = length > 4 && strcmp(entry.path + length - 4, ".pyc") == 0;
    if (is_bytecode && !is_whole(env, &entry, period)) remove_beneath(env, entry.path);
    line = end + 1;
  }
  free(text);
}

// ---- the way back ----

// The journal of the change to a state that is in the history; 0 where there is none. `text` is to be freed.
static int read_moves(int env, int state, char** text, struct moat_journal* journal) {
  char path[64];
  size_t size = 0;
  snprintf(path, sizeof path, ".moat/history/%d/moves", state);
  *text = read_whole(env, path, &size);
  if (*text && moat_journal_parse(*text, size, journal) == 0) return 1;
  free(*text);
  *text = NULL;
  return 0;
}

static int newest_state(int env) {
  const int folder = openat(env, ".moat/history", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* const stream = folder < 0 ? NULL : fdopendir(folder);
  int newest = 0;
  const struct dirent* entry = NULL;
  while (stream && (entry = readdir(stream))) {
    char* end = NULL;
    const long number = strtol(entry->d_name, &end, 10);
    if (*end == '\0' && number > newest && number < INT_MAX) newest = (int)number;
  }
  if (stream) closedir(stream);
  return newest;
}

static void write_field(FILE* out, const char* field) {
  for (; *field; ++field) {
    if (*field == '\t')
      fputs("\\t", out);
    else if (*field == '\n')
      fputs("\\n", out);
    else if (*field == '\\')
      fputs("\\\\", out);
    else
      fputc(*field, out);
  }
}

static void write_line(FILE* out, const char* word, const char* field) {
  fprintf(out, "%s\t", word);
  write_field(out, field);
  fputc('\n', out);
}

static int is_private(const char* path) { return strncmp(path, ".moat/history/", 14) == 0; }

// The directories that a move out of `place` needs in the history, parents first. Made twice is fine.
static void write_history_folders(FILE* out, int state, const char* place) {
  static char path[2 * PATH_MAX];
  const int length = snprintf(path, sizeof path, ".moat/history/%d/old/%s", state, place);
  if (length < 0 || (size_t)length >= sizeof path) return;
  for (char* slash = path + strlen(".moat/"); (slash = strchr(slash, '/')); ++slash) {
    *slash = '\0';
    if (strcmp(path, ".moat/history") != 0) write_line(out, "mkdir", path);
    *slash = '/';
  }
}

// A file that was renamed over the old one stays: there is no other.
static int goes_out(const struct moat_journal* done, const struct moat_move* move) {
  return move->kind == MOAT_MOVE_IN && !moat_journal_replaces(done, move);
}

// Are all files that were moved out at their place? A file that did not exist cannot come in again; a move in
// whose source is gone would count as done, and with it every move before it (journal.c).
static int comes_in(int env, const struct moat_move* move) {
  struct stat facts;
  return move->kind == MOAT_MOVE_OUT && fstatat(env, move->to, &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

static void write_reversed(FILE* out, int env, const struct moat_journal* done, int state) {
  for (size_t i = done->move_count; i > 0; --i)
    if (goes_out(done, &done->moves[i - 1])) write_history_folders(out, state, done->moves[i - 1].to);
  for (size_t i = done->move_count; i > 0; --i) {
    const struct moat_move* move = &done->moves[i - 1];
    if (!goes_out(done, move)) continue;
    fputs("out\t", out);
    write_field(out, move->to);
    fprintf(out, "\t.moat/history/%d/old/", state);
    write_field(out, move->to);
    fputc('\n', out);
  }
  for (size_t i = done->move_count; i > 0; --i)
    if (done->moves[i - 1].kind == MOAT_MOVE_MKDIR && !is_private(done->moves[i - 1].from))
      write_line(out, "rmdir", done->moves[i - 1].from);
  for (size_t i = done->move_count; i > 0; --i)
    if (done->moves[i - 1].kind == MOAT_MOVE_RMDIR) write_line(out, "mkdir", done->moves[i - 1].from);
  for (size_t i = done->move_count; i > 0; --i) {
    const struct moat_move* move = &done->moves[i - 1];
    if (!comes_in(env, move)) continue;
    fputs("in\t", out);
    write_field(out, move->to);
    fputc('\t', out);
    write_field(out, move->from);
    fputc('\n', out);
  }
}

// Commits the change that takes this one back; it is carried out like any journal.
static int commit_way_back(int env, const struct moat_journal* done, long long now) {
  static const char kAside[] = ".journal-back";
  const int folder = moat_open_beneath(env, ".moat", O_RDONLY | O_DIRECTORY, 0);
  if (folder < 0) return 0;
  (void)unlinkat(folder, kAside, 0);
  const int file = openat(folder, kAside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  FILE* const out = file < 0 ? NULL : fdopen(file, "w");
  int good = 0;
  if (out) {
    const int state = newest_state(env) + 1;
    fprintf(out, "moat-journal 1\nstate\t%d\ntime\t%lld\nreason\t%s%d\n", state, now, kReason, done->state);
    write_reversed(out, env, done, state);
    fputs("end\n", out);
    good = fflush(out) == 0 && fsync(fileno(out)) == 0;
    good = fclose(out) == 0 && good && renameat(folder, kAside, folder, "journal") == 0;
  }
  close(folder);
  return good;
}

// The state to take back next: the newest, or the one below what was taken back before. 0: none.
static int next_to_take_back(int env) {
  char* text = NULL;
  struct moat_journal journal;
  int state = newest_state(env);
  if (state == 0 || !read_moves(env, state, &text, &journal)) return 0;
  if (strncmp(journal.reason, kReason, sizeof kReason - 1) == 0)
    state = atoi(journal.reason + sizeof kReason - 1) - 1;
  moat_journal_free(&journal);
  free(text);
  return state;
}

// 1: one state back. 0: there is none to go back to. -1: it cannot be done.
static int go_back(int env, int first_unflushed, long long now) {
  char path[80], *text = NULL;
  struct moat_journal journal;
  const int state = next_to_take_back(env);
  if (state <= 0 || state < first_unflushed || !read_moves(env, state, &text, &journal)) return 0;
  snprintf(path, sizeof path, ".moat/history/%d/old/.moat/manifest", state);
  int result = 0;
  if (faccessat(env, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    result = commit_way_back(env, &journal, now) && moat_journal_resume(env) == MOAT_JOURNAL_APPLIED ? 1 : -1;
  moat_journal_free(&journal);
  free(text);
  return result;
}

// When the newest change was committed, or the environment made: its manifest is written last.
static long long time_of_newest(int env) {
  char* text = NULL;
  struct moat_journal journal;
  struct stat facts;
  const int state = newest_state(env);
  long long time =
      fstatat(env, ".moat/manifest", &facts, AT_SYMLINK_NOFOLLOW) == 0 ? facts.st_mtim.tv_sec : 0;
  if (state > 0 && read_moves(env, state, &text, &journal)) {
    if (journal.time > time) time = journal.time;
    moat_journal_free(&journal);
    free(text);
  }
  return time;
}

static int first_unflushed_state(const char* mark) {
  const char* const space = strchr(mark, ' ');
  return space ? atoi(space + 1) : 0;
}

int moat_recover(int env, const char* boot_id_file) {
  char mark[128], lost[1024];
  struct stat facts;
  if (!moat_needs_recovery(env, boot_id_file) || fstatat(env, kMark, &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return MOAT_RECOVERY_NOT_NEEDED;
  read_some(env, kMark, mark, sizeof mark);
  const int first = first_unflushed_state(mark);
  const struct period period = {facts.st_mtim.tv_sec, time_of_newest(env)};
  int went_back = 0;
  while (!all_is_there(env, &period, lost, sizeof lost)) {
    const int result = go_back(env, first, period.to);
    if (result == 0)
      return moat_journal_fail(MOAT_RECOVERY_DAMAGED, "`%s` was lost in a power failure", lost);
    if (result < 0)
      return moat_journal_fail(MOAT_RECOVERY_FAILED,
                               "`%s` was lost in a power failure, and rolling back is not possible: %s", lost,
                               strerror(errno));
    went_back = 1;
  }
  remove_lost_bytecode(env, &period);
  remove_beneath(env, kMark);
  return went_back ? MOAT_RECOVERY_WENT_BACK : MOAT_RECOVERY_SOUND;
}
