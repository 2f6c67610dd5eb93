// The text of a journal: one line per move, escaped fields, and an end that proves it is complete.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "envs/launcher/journal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int is_safe_path(const char* path) {
  if (*path == '\0') return 0;
  while (1) {
    const size_t length = strcspn(path, "/");
    if (length == 0 || (length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
      return 0;
    if (path[length] == '\0') return 1;
    path += length + 1;
  }
}

// Undoes \t, \n and \\ in place; 0 for any other escape.
static int unescape(char* field) {
  char* out = field;
  for (const char* in = field; *in; ++in) {
    if (*in != '\\') {
      *out++ = *in;
      continue;
    }
    ++in;
    if (*in == 't')
      *out++ = '\t';
    else if (*in == 'n')
      *out++ = '\n';
    else if (*in == '\\')
      *out++ = '\\';
    else
      return 0;
  }
  *out = '\0';
  return 1;
}

enum { kMostFields = 3 };

// Cuts a line (without its end) at the tabs; the number of fields, 0 where it is not a line of ours.
static int split_fields(char* line, char* fields[kMostFields]) {
  int count = 0;
  while (1) {
    if (count == kMostFields) return 0;
    fields[count++] = line;
    line = strchr(line, '\t');
    if (!line) break;
    *line++ = '\0';
  }
  for (int i = 0; i < count; ++i)
    if (!unescape(fields[i])) return 0;
  return count;
}

static int parse_number(const char* text, long long most, long long* out) {
  long long value = 0;
  if (*text == '\0') return 0;
  for (; *text; ++text) {
    if (*text < '0' || *text > '9') return 0;
    const int digit = *text - '0';
    if (value > (most - digit) / 10) return 0;
    value = value * 10 + digit;
  }
  *out = value;
  return 1;
}

static int is_move(const char* word, enum moat_move_kind* kind, int* fields) {
  static const struct {
    const char* word;
    enum moat_move_kind kind;
    int fields;
  } kMoves[] = {{"mkdir", MOAT_MOVE_MKDIR, 2},
                {"out", MOAT_MOVE_OUT, 3},
                {"in", MOAT_MOVE_IN, 3},
                {"rmdir", MOAT_MOVE_RMDIR, 2}};
  for (size_t i = 0; i < sizeof kMoves / sizeof *kMoves; ++i) {
    if (strcmp(word, kMoves[i].word) != 0) continue;
    *kind = kMoves[i].kind;
    *fields = kMoves[i].fields;
    return 1;
  }
  return 0;
}

static int parse_line(char* line, struct moat_journal* journal) {
  char* fields[kMostFields];
  const int count = split_fields(line, fields);
  long long number = 0;
  enum moat_move_kind kind = MOAT_MOVE_MKDIR;
  int wanted = 0;
  if (count == 0) return 0;
  if (is_move(fields[0], &kind, &wanted)) {
    if (count != wanted || !is_safe_path(fields[1]) || (count == 3 && !is_safe_path(fields[2]))) return 0;
    journal->moves[journal->move_count++] =
        (struct moat_move){kind, fields[1], count == 3 ? fields[2] : NULL};
    return 1;
  }
  if (count != 2) return 0;
  if (strcmp(fields[0], "state") == 0 && parse_number(fields[1], INT_MAX, &number) && number > 0) {
    journal->state = (int)number;
    return 1;
  }
  if (strcmp(fields[0], "time") == 0) return parse_number(fields[1], LLONG_MAX, &journal->time);
  if (strcmp(fields[0], "reason") == 0) {
    journal->reason = fields[1];
    return 1;
  }
  if (strcmp(fields[0], "summary") == 0) {
    journal->summary[journal->summary_count++] = fields[1];
    return 1;
  }
  return 0;
}

static const char kFirstLine[] = "moat-journal 1\n";
static const char kLastLine[] = "end\n";

int moat_journal_parse(char* text, size_t size, struct moat_journal* journal) {
  const size_t first = sizeof kFirstLine - 1, last = sizeof kLastLine - 1;
  memset(journal, 0, sizeof *journal);
  journal->reason = "";
  if (memchr(text, '\0', size)) return moat_journal_fail(MOAT_JOURNAL_BAD, "the journal holds a NUL");
  if (size < first + last || memcmp(text, kFirstLine, first) != 0)
    return moat_journal_fail(MOAT_JOURNAL_BAD, "the journal has a format that this moat does not support");
  if (text[size - last - 1] != '\n' || memcmp(text + size - last, kLastLine, last) != 0)
    return moat_journal_fail(MOAT_JOURNAL_BAD, "the journal is cut off");

  size_t lines = 0;
  for (size_t i = 0; i < size; ++i) lines += text[i] == '\n';
  journal->moves = calloc(lines, sizeof *journal->moves);
  journal->summary = calloc(lines, sizeof *journal->summary);
  if (!journal->moves || !journal->summary) {
    moat_journal_free(journal);
    return moat_journal_fail(MOAT_JOURNAL_FAILED, "out of memory");
  }
  char* line = text + first;
  size_t number = 1;
  while (line < text + size - last) {
    char* end = strchr(line, '\n');
    *end = '\0';
    ++number;
    if (!parse_line(line, journal)) {
      moat_journal_free(journal);
      return moat_journal_fail(MOAT_JOURNAL_BAD, "line %zu of the journal is not valid", number);
    }
    line = end + 1;
  }
  if (journal->state == 0) {
    moat_journal_free(journal);
    return moat_journal_fail(MOAT_JOURNAL_BAD, "the journal names no state");
  }
  return 0;
}

void moat_journal_free(struct moat_journal* journal) {
  free(journal->moves);
  free(journal->summary);
  memset(journal, 0, sizeof *journal);
}
