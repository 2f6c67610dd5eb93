// The functions of libarchive that moat calls, found in the library at the first use
// (fetch/os/lazy_library.h).
#pragma once

#include "fetch/os/lazy_library.h"

#include <archive.h>
#include <archive_entry.h>

namespace moat {

struct ArchiveLibrary {
  LazyLibrary library{MOAT_LIBARCHIVE};

// NOLINTBEGIN(bugprone-macro-parentheses): a name cannot stand in parentheses
#define MOAT_ARCHIVE(name) \
  decltype(&::archive_##name) name = library.function<decltype(&::archive_##name)>("archive_" #name)
  MOAT_ARCHIVE(error_string);
  MOAT_ARCHIVE(read_new);
  MOAT_ARCHIVE(read_support_format_tar);
  MOAT_ARCHIVE(read_support_filter_gzip);
  MOAT_ARCHIVE(read_support_filter_bzip2);
  MOAT_ARCHIVE(read_support_filter_xz);
  MOAT_ARCHIVE(read_support_filter_lzma);
  MOAT_ARCHIVE(read_support_filter_zstd);
  MOAT_ARCHIVE(read_open_filename);
  MOAT_ARCHIVE(read_next_header);
  MOAT_ARCHIVE(read_data_block);
  MOAT_ARCHIVE(read_free);
  MOAT_ARCHIVE(write_new);
  MOAT_ARCHIVE(write_set_format_zip);
  MOAT_ARCHIVE(write_set_bytes_in_last_block);
  MOAT_ARCHIVE(write_open_filename);
  MOAT_ARCHIVE(write_header);
  MOAT_ARCHIVE(write_data);
  MOAT_ARCHIVE(write_finish_entry);
  MOAT_ARCHIVE(write_close);
  MOAT_ARCHIVE(write_free);
  MOAT_ARCHIVE(entry_new);
  MOAT_ARCHIVE(entry_free);
  MOAT_ARCHIVE(entry_set_pathname_utf8);
  MOAT_ARCHIVE(entry_set_size);
  MOAT_ARCHIVE(entry_set_mode);
  MOAT_ARCHIVE(entry_pathname);
  MOAT_ARCHIVE(entry_pathname_utf8);
  MOAT_ARCHIVE(entry_hardlink);
  MOAT_ARCHIVE(entry_hardlink_utf8);
  MOAT_ARCHIVE(entry_symlink);
  MOAT_ARCHIVE(entry_symlink_utf8);
  MOAT_ARCHIVE(entry_filetype);
  MOAT_ARCHIVE(entry_perm);
  MOAT_ARCHIVE(entry_size);
  MOAT_ARCHIVE(entry_mtime);
  MOAT_ARCHIVE(entry_mtime_is_set);
#undef MOAT_ARCHIVE
  // NOLINTEND(bugprone-macro-parentheses)
};

// Loaded by the first call; from any thread. Error(Disk) where it is missing.
const ArchiveLibrary& libarchive();

}  // namespace moat
