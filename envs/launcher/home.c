#define _GNU_SOURCE
#include "envs/launcher/home.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <wchar.h>

typedef void (*SetHome)(const wchar_t*);

/* The length of the UTF-8 sequence that begins with this byte; 1 where none does. */
static int sequence_length(unsigned char first) {
  if (first >= 0xf0 && first < 0xf5) return 4;
  if (first >= 0xe0) return first < 0xf0 ? 3 : 1;
  return first >= 0xc2 ? 2 : 1;
}

/* Reads one character of UTF-8 as Python decodes paths: an invalid byte becomes a lone surrogate (PEP 383),
 * and the same byte again when the path is used. Returns the number of bytes read. */
static int decode_character(const unsigned char* text, wchar_t* out) {
  static const unsigned char marks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
  const int length = sequence_length(text[0]);
  unsigned long value = text[0] & marks[length];
  for (int i = 1; i < length; ++i) {
    if ((text[i] & 0xc0) != 0x80) {
      *out = (wchar_t)(0xdc00 + text[0]);
      return 1;
    }
    value = value << 6 | (text[i] & 0x3f);
  }
  const int is_valid = text[0] < 0x80 || (length > 1 && value >= least[length] && value <= 0x10ffff &&
                                          (value < 0xd800 || value > 0xdfff));
  *out = (wchar_t)(is_valid ? value : 0xdc00UL + text[0]);
  return is_valid ? length : 1;
}

int moat_set_python_home(void* library, const char* home) {
  static wchar_t wide[PATH_MAX]; /* up to 3.7 Python keeps the pointer */
  void* const found = dlsym(library, "Py_SetPythonHome");
  if (found == NULL || strlen(home) >= PATH_MAX) return 0;
  wchar_t* end = wide;
  for (const unsigned char* at = (const unsigned char*)home; *at != '\0';) at += decode_character(at, end++);
  *end = L'\0';
  /* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the bytes are the
   * same. */
  SetHome set_home = NULL;
  memcpy(&set_home, &found, sizeof found);
  set_home(wide);
  return 1;
}
