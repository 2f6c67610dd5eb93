// New files for an environment: what they are, and how they are staged.
#pragma once

#include "fetch/archive/packed_files.h"
#include "fetch/os/workers.h"
#include "fetch/store/link.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace moat {

struct ArrivingFile {
  std::string path;              // relative to the environment
  std::filesystem::path source;  // absolute; "" : `text` is the contents
  std::string text;
  const PackedFiles* packed = nullptr;  // if set: `source` is a path in there
  std::string sha256;                   // hex
  std::uint64_t size = 0;
  bool executable = false;
  std::int64_t mtime = 0;
  std::size_t package = 0;         // whose: index of TransactionRequest::install
  std::string owner;               // and its normalised name
  bool in_record = true;           // a row of RECORD: everything but bytecode
  bool in_manifest = true;         // a line of the manifest: everything but bytecode and what a user edited
  bool is_derived = false;         // bytecode: a line of its list
  LinkMode link = LinkMode::Auto;  // of a file of the store: how it is placed
};

// SharedBinaries where both are on one file system; elsewhere nothing can be shared, and it is Auto.
LinkMode possible_link_mode(LinkMode mode, const std::filesystem::path& store,
                            const std::filesystem::path& environment);

// A small file, a source at most.
std::string contents_of(const ArrivingFile& file);

ArrivingFile text_file(std::string path, std::string text, std::int64_t mtime);

// Places every file in the stage (an empty directory on the environment's file system), on all workers.
void stage_files(const std::vector<ArrivingFile>& files, const std::filesystem::path& stage,
                 Workers& workers);

// The mode such a file has in the environment, for the manifest; symbolic links as 0120777.
unsigned mode_of(const ArrivingFile& file, unsigned umask);
// Of this process; asking by umask() would change it for a moment, for all threads.
unsigned current_umask();

}  // namespace moat
