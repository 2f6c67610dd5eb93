#include "envs/place/staging.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <set>

namespace moat {

namespace {

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

const char* name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return path.c_str() + (slash == path.npos ? 0 : slash + 1);
}

unsigned creation_mode(const ArrivingFile& file) { return file.executable ? 0755 : 0644; }

// Level by level, on all workers: making a folder costs as much as making a file.
void make_stage_directories(const fs::path& stage, const std::set<std::string_view>& directories,
                            Workers& workers) {
  std::vector<std::set<std::string_view>> levels;
  for (const std::string_view directory : directories) {
    std::size_t depth = 0;
    for (std::size_t slash = directory.find('/');; slash = directory.find('/', slash + 1), ++depth) {
      if (depth == levels.size()) levels.emplace_back();
      const std::string_view part = directory.substr(0, slash);
      if (!part.empty()) levels[depth].insert(part);
      if (slash == directory.npos) break;
    }
  }
  constexpr std::size_t kAtOnce = 32;
  const UniqueFd top = open_file(stage, O_RDONLY | O_DIRECTORY);
  for (const std::set<std::string_view>& level : levels) {
    const std::vector<std::string_view> folders(level.begin(), level.end());
    workers.for_each((folders.size() + kAtOnce - 1) / kAtOnce, [&](std::size_t unit) {
      const std::size_t end = std::min(folders.size(), (unit + 1) * kAtOnce);
      for (std::size_t i = unit * kAtOnce; i < end; ++i)
        if (::mkdirat(top.get(), std::string(folders[i]).c_str(), 0777) != 0 && errno != EEXIST)
          throw_errno("create directory", stage / folders[i], errno);
    });
  }
}

// Files of one directory, not too many, so that the workers end together.
struct Share {
  std::string_view directory;
  std::vector<const ArrivingFile*> files;
};

std::vector<Share> shares_of(const std::vector<ArrivingFile>& files) {
  constexpr std::size_t kMostFiles = 64;
  std::map<std::string_view, std::size_t> open_shares;
  std::vector<Share> out;
  for (const ArrivingFile& file : files) {
    const std::string_view directory = parent_of(file.path);
    auto [found, is_new] = open_shares.emplace(directory, out.size());
    if (!is_new && out[found->second].files.size() == kMostFiles) {
      found->second = out.size();
      is_new = true;
    }
    if (is_new) out.push_back({directory, {}});
    out[found->second].files.push_back(&file);
  }
  return out;
}

// Shares that one thread takes on together: most folders hold a file or two. Those with most to do come
// first, so that no thread is left alone with a large file at the end.
struct Batch {
  std::uint64_t weight = 0;
  std::size_t first = 0, end = 0;  // of the shares
};

std::vector<Batch> batches_of(const std::vector<Share>& shares) {
  constexpr std::uint64_t kEnough = std::uint64_t{2} << 20U;
  constexpr std::uint64_t kFile = std::uint64_t{16} << 10U;  // what making one costs, in bytes written
  std::vector<Batch> out;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (out.empty() || out.back().weight >= kEnough) out.push_back({0, i, i});
    for (const ArrivingFile* const file : shares[i].files) out.back().weight += file->size + kFile;
    out.back().end = i + 1;
  }
  std::ranges::stable_sort(out, std::greater(), &Batch::weight);
  return out;
}

// The folder of the file that is placed, kept open for the next one, which mostly lies beside it: a path of
// ten names is walked once a folder, not once a file.
class SourceFolder {
 public:
  int of(const std::string& file) {
    const std::string_view folder = parent_of(file);
    if (!fd_ || folder != path_) {
      path_ = folder;
      fd_ = open_file(path_.empty() ? fs::path("/") : fs::path(path_), O_PATH | O_DIRECTORY);
    }
    return fd_.get();
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

// The readers of one thread: of each archive that its files lie in.
class Readers {
 public:
  PackedFiles::Reader& of(const PackedFiles& files) {
    std::unique_ptr<PackedFiles::Reader>& reader = readers_[&files];
    if (!reader) reader = files.reader();
    return *reader;
  }

 private:
  std::map<const PackedFiles*, std::unique_ptr<PackedFiles::Reader>> readers_;
};

// What a thread keeps from file to file.
struct Placing {
  Linker linker{LinkMode::Auto};  // of most
  SourceFolder folder;
  Readers readers;
};

void place(const ArrivingFile& file, const NewFile& to, SourceFolder& folder, Linker& linker) {
  const std::string& source = file.source.native();
  if (file.link == LinkMode::Symlink)  // the link says where the file is
    linker.place({.from_directory = AT_FDCWD, .from = source.c_str(), .to = to});
  else
    linker.place({.from_directory = folder.of(source), .from = name_of(source), .to = to});
}

void place(const ArrivingFile& file, int directory, Placing& placing) {
  const NewFile to = {
      .directory = directory, .name = name_of(file.path), .mode = creation_mode(file), .mtime = file.mtime};
  if (file.packed != nullptr) {
    write_new_file(to, placing.readers.of(*file.packed), file.source.native());
  } else if (file.source.empty()) {
    write_new_file(to, file.text);
  } else if (file.link == LinkMode::Auto) {
    place(file, to, placing.folder, placing.linker);
  } else {
    Linker own(file.link);
    place(file, to, placing.folder, own);
  }
}

}  // namespace

LinkMode possible_link_mode(LinkMode mode, const fs::path& store, const fs::path& environment) {
  return mode == LinkMode::SharedBinaries && !is_one_file_system(store, environment) ? LinkMode::Auto : mode;
}

std::string contents_of(const ArrivingFile& file) {
  if (file.packed != nullptr) return file.packed->text(file.source.native());
  return file.source.empty() ? file.text : read_file(file.source);
}

ArrivingFile text_file(std::string path, std::string text, std::int64_t mtime) {
  ArrivingFile out{
      .path = std::move(path), .sha256 = hash_bytes(text).hex, .size = text.size(), .mtime = mtime};
  out.text = std::move(text);
  return out;
}

void stage_files(const std::vector<ArrivingFile>& files, const fs::path& stage, Workers& workers) {
  const std::vector<Share> shares = shares_of(files);
  std::set<std::string_view> directories;
  for (const Share& share : shares) directories.insert(share.directory);
  make_stage_directories(stage, directories, workers);
  const std::vector<Batch> batches = batches_of(shares);
  workers.for_each(batches.size(), [&](std::size_t i) {
    Placing placing;
    for (std::size_t share = batches[i].first; share < batches[i].end; ++share) {
      const UniqueFd directory = open_file(stage / shares[share].directory, O_RDONLY | O_DIRECTORY);
      for (const ArrivingFile* const file : shares[share].files) place(*file, directory.get(), placing);
    }
  });
}

unsigned mode_of(const ArrivingFile& file, unsigned umask) {
  if (file.link == LinkMode::Symlink) return 0120777;
  struct stat facts {};
  if (file.link == LinkMode::Hardlink && ::lstat(file.source.c_str(), &facts) == 0)
    return facts.st_mode & 07777U;
  return creation_mode(file) & ~umask;
}

unsigned current_umask() {
  constexpr std::string_view kKey = "\nUmask:\t";
  const std::string status = read_file_if_exists("/proc/self/status").value_or("");
  const std::size_t at = status.find(kKey);
  if (at == status.npos) {  // no /proc: another thread that makes a file right now makes it with 022
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
  }
  unsigned mask = 022;
  std::from_chars(status.data() + at + kKey.size(), status.data() + status.size(), mask, 8);
  return mask;
}

}  // namespace moat
