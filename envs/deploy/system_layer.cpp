#include "envs/deploy/system_layer.h"

#include "envs/python/elf.h"
#include "fetch/os/mapped_file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

namespace moat {
namespace {

// Loaded by name at run time, so no file lists them: unwinding of threads, names of hosts and users.
constexpr std::array<const char*, 4> kLoadedLater = {"libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2",
                                                     "libresolv.so.2"};
constexpr std::array<const char*, 3> kCertificates = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
constexpr const char* kCertificatesInside = "etc/ssl/certs/ca-certificates.crt";

std::optional<ElfFacts> elf_at(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error) || fs::file_size(file, error) < 64 || error) return std::nullopt;
  std::array<char, 64> begin{};  // the header of an ELF file, at least
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(begin.data(), begin.size()) || !is_elf({begin.data(), begin.size()})) return std::nullopt;
  auto facts = read_elf(MappedFile(file).bytes());
  return facts ? std::optional(std::move(*facts)) : std::nullopt;
}

// The folder of a machine's libraries on Debian and its derivatives.
std::string triplet(const ElfFacts& facts) {
  const std::string machine = elf_architecture(facts);
  if (machine == "i686") return "i386-linux-gnu";
  if (machine.starts_with("armv")) return "arm-linux-gnueabihf";
  if (machine == "ppc64le") return "powerpc64le-linux-gnu";
  return machine + "-linux-gnu";
}

class Closure {
 public:
  explicit Closure(const fs::path& folder) : folder_(folder) {}

  NeededLibraries take() {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder_))
      if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) own_.insert(file.filename());
    for (const fs::path& file : files)
      if (const auto facts = elf_at(file)) look_at(*facts, file, file.lexically_relative(folder_).native());
    if (machine_)
      for (const char* name : kLoadedLater)
        if (const auto found = in_system(name, *machine_)) add(found->first, found->second);
    return std::move(out_);
  }

 private:
  void look_at(const ElfFacts& facts, const fs::path& file, const std::string& where) {
    // A wheel names its own loader: only libraries for this kind of machine are taken.
    const fs::path loader = fs::path(facts.loader).lexically_normal();
    if (const auto there = loader.is_absolute() ? elf_at(loader) : std::nullopt;
        there && there->machine == facts.machine && there->is_64 == facts.is_64) {
      if (!machine_) machine_ = facts;
      add(loader.native(), loader);
    }
    for (const std::string& name : facts.needed) {
      if (name.find('/') != name.npos) continue;  // of no folder of libraries
      if (on_run_path(name, facts, file) || !seen_.emplace(name, facts.machine).second) continue;
      if (const auto found = in_system(name, facts))
        add(found->first, found->second);
      else if (own_.count(name) == 0)  // else another file has loaded it already
        out_.missing.emplace(name, where);
    }
  }

  static bool on_run_path(const std::string& name, const ElfFacts& facts, const fs::path& file) {
    for (const std::string_view part : split(facts.run_path, ':')) {
      std::string folder(part);
      for (const char* origin : {"$ORIGIN", "${ORIGIN}"})
        if (const std::size_t at = folder.find(origin); at != std::string::npos)
          folder.replace(at, std::string_view(origin).size(), file.parent_path().native());
      std::error_code error;
      if (!folder.empty() && part.find("ORIGIN") != part.npos && fs::exists(fs::path(folder) / name, error))
        return true;
    }
    return false;
  }

  // path in the image, file here
  std::optional<std::pair<std::string, fs::path>> in_system(const std::string& name,
                                                            const ElfFacts& facts) const {
    const std::string machine = triplet(facts);
    for (const std::string& place :
         {"/lib/" + machine, "/usr/lib/" + machine, std::string(facts.is_64 ? "/lib64" : "/lib"),
          std::string(facts.is_64 ? "/usr/lib64" : "/usr/lib"), std::string("/lib"), std::string("/usr/lib"),
          std::string("/usr/local/lib")}) {
      const fs::path file = fs::path(place) / name;
      const auto there = elf_at(file);
      if (there && there->machine == facts.machine && there->is_64 == facts.is_64)
        return std::pair(file.native(), file);
    }
    return std::nullopt;
  }

  void add(const std::string& path, const fs::path& file) {
    if (!out_.found.emplace(path, fs::canonical(file)).second) return;
    if (const auto facts = elf_at(file)) look_at(*facts, file, path);
  }

  const fs::path& folder_;
  std::set<std::string> own_;
  std::set<std::pair<std::string, unsigned>> seen_;  // name, machine
  std::optional<ElfFacts> machine_;
  NeededLibraries out_;
};

void add_text(std::vector<ImageMember>& members, std::string path, std::string text) {
  members.push_back({.path = std::move(path), .mode = 0644, .source = {}, .text = std::move(text)});
}

// Adds a folder of this machine; links are replaced by their targets.
void add_tree(std::vector<ImageMember>& members, const fs::path& folder,
              const std::set<std::string>& without) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return;
  for (auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied);
       it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_directory() && !it->is_symlink()) {
      if (without.count(it->path().filename()) != 0) it.disable_recursion_pending();
      continue;
    }
    // Links are replaced by their targets: some lead out of the folder.
    const fs::path real = fs::canonical(it->path(), error);
    if (!error && fs::is_regular_file(real, error))
      members.push_back({.path = it->path().native().substr(1), .mode = 0644, .source = real});
  }
}

struct UserIds {
  std::string user = "0", group = "0";
};

UserIds ids_of(const std::string& user) {
  const std::size_t colon = user.find(':');
  UserIds out{.user = user.substr(0, colon), .group = {}};
  out.group = colon == std::string::npos ? out.user : user.substr(colon + 1);
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() <= 9 && std::all_of(text.begin(), text.end(), is_ascii_digit);
  };
  if (!is_number(out.user) || !is_number(out.group))
    throw Error(ErrorKind::Usage, fmt::format("--user: {} is not a number, or two with a colon", quote(user)),
                {"--user 1000"});
  return out;
}

void add_folders(std::vector<ImageMember>& members) {
  std::set<std::string> folders = {"dev", "proc", "sys", "root"};
  for (const ImageMember& member : members)
    for (fs::path folder = fs::path(member.path).parent_path(); !folder.empty();
         folder = folder.parent_path())
      folders.insert(folder.native());
  for (const std::string& folder : folders)
    members.push_back(
        {.path = folder, .kind = ImageMember::Kind::Folder, .mode = folder == "root" ? 0700U : 0755U});
  members.push_back({.path = "tmp", .kind = ImageMember::Kind::Folder, .mode = 01777});
}

}  // namespace

NeededLibraries needed_libraries(const fs::path& folder) { return Closure(folder).take(); }

ImageLayer system_layer(const NeededLibraries& libraries, const std::string& user) {
  ImageLayer out{.note = "the system", .members = {}};
  for (const auto& [path, file] : libraries.found)
    out.members.push_back({.path = path.substr(1), .mode = 0755, .source = file});
  const UserIds ids = user.empty() ? UserIds{} : ids_of(user);
  std::string users = "root:x:0:0:root:/root:/sbin/nologin\n", groups = "root:x:0:\n";
  if (ids.user != "0") users += fmt::format("app:x:{}:{}:app:/tmp:/sbin/nologin\n", ids.user, ids.group);
  if (ids.group != "0") groups += fmt::format("app:x:{}:\n", ids.group);
  add_text(out.members, "etc/passwd", users);
  add_text(out.members, "etc/group", groups);
  add_text(out.members, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
  for (const char* file : kCertificates) {
    std::error_code error;
    if (const fs::path real = fs::canonical(file, error); !error && fs::is_regular_file(real, error)) {
      out.members.push_back({.path = kCertificatesInside, .mode = 0644, .source = real});
      break;
    }
  }
  add_tree(out.members, "/usr/share/zoneinfo", {"right", "posix"});
  add_tree(out.members, "/usr/lib/locale/C.utf8", {});
  add_folders(out.members);
  std::sort(out.members.begin(), out.members.end(),
            [](const ImageMember& a, const ImageMember& b) { return a.path < b.path; });
  return out;
}

}  // namespace moat
