#include "fetch/index/wheel_metadata.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/base/url.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <set>
#include <span>

namespace moat {

UnusableWheel unreadable_wheel(std::string_view filename, const ParseError& error) {
  return {"its wheel " + quote(filename) + " cannot be read: " + error.message};
}

std::string_view metadata_header(std::string_view text) {
  std::size_t end = text.size();
  for (const std::string_view blank : {"\n\n", "\n\r\n"})
    if (const std::size_t at = text.find(blank); at != std::string_view::npos)
      end = std::min(end, at + blank.size());
  return text.substr(0, end);
}

Expected<const ZipEntry*> find_metadata(const std::vector<ZipEntry>& entries, const WheelFilename& name) {
  constexpr std::string_view kSuffix = ".dist-info";
  std::set<std::string_view> folders;
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : entries) {
    const std::string_view path = entry.name;
    const std::size_t slash = path.find('/');
    const std::string_view folder = path.substr(0, slash);
    if (slash == std::string_view::npos || !folder.ends_with(kSuffix)) continue;
    folders.insert(folder);
    if (path.substr(slash + 1) == "METADATA") found = &entry;
  }
  if (folders.empty()) return parse_error("it has no .dist-info folder");
  if (folders.size() > 1)
    return parse_error("it has several .dist-info folders: " + quote(*folders.begin()) + ", " +
                       quote(*folders.rbegin()));
  const std::string_view stem = folders.begin()->substr(0, folders.begin()->size() - kSuffix.size());
  const auto project = PackageName::parse(stem.substr(0, stem.find('-')));
  if (!project || *project != name.name)
    return parse_error("its folder " + quote(*folders.begin()) + " belongs to another project");
  if (found == nullptr) return parse_error("it has no METADATA");
  return found;
}

MetadataAnswer read_wheel_metadata(const std::filesystem::path& wheel_file, const WheelFilename& name) {
  const UniqueFd fd = open_file(wheel_file, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("read", wheel_file, errno);
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          ::pread(fd.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("read", wheel_file, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  };
  const std::string filename = Url::from_path(wheel_file.string()).last_segment();
  const auto entries = read_zip_directory(read, static_cast<std::uint64_t>(status.st_size));
  if (!entries) return unreadable_wheel(filename, entries.error());
  const auto entry = find_metadata(*entries, name);
  if (!entry) return unreadable_wheel(filename, entry.error());
  if ((*entry)->size > kLongestMetadata) return UnusableWheel{"its METADATA is too long"};
  std::string text;
  const auto inflated = MemberReader(read).read(**entry, [&](std::string_view bytes) { text += bytes; });
  if (!inflated) return unreadable_wheel(filename, inflated.error());
  return std::string(metadata_header(text));
}

}  // namespace moat
