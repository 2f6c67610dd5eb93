// Which files of an environment are still as they were placed, and whether its packages fit each other.
#include "envs/environment/isolation.h"
#include "envs/environment/pip_shim.h"
#include "envs/journal/file_state.h"
#include "envs/place/wheel_layout.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/paths.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace moat {

namespace {

bool is_compiled(const fs::path& path) { return path.extension() == ".pyc"; }

struct Unknown {
  std::vector<std::string> files;
  std::size_t compiled = 0;  // Python makes bytecode itself, and checks it
};

// Files below `folder` that no list knows.
Unknown unknown_files(const fs::path& root, const fs::path& folder, const std::set<std::string_view>& known) {
  Unknown out;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(folder, failure), end; !failure && it != end;
       it.increment(failure)) {
    if (it->is_directory() && !it->is_symlink()) continue;
    const std::string path = it->path().lexically_relative(root).string();
    if (known.contains(path)) continue;
    if (is_compiled(it->path()))
      ++out.compiled;
    else
      out.files.push_back(path);
  }
  std::ranges::sort(out.files);
  return out;
}

// Moat's own files in `.moat` that have been replaced by something else: then nothing can be changed.
std::vector<std::string> misshapen(const fs::path& private_folder) {
  std::vector<std::string> out;
  const auto look = [&](const char* name, mode_t type, std::string_view what) {
    struct stat facts {};
    if (::lstat((private_folder / name).c_str(), &facts) == 0 && (facts.st_mode & S_IFMT) != type)
      out.push_back(fmt::format("{} is not a {}", (private_folder / name).native(), what));
  };
  look("history", S_IFDIR, "folder");
  look("lock", S_IFREG, "file");
  look("manifest", S_IFREG, "file");
  return out;
}

// Folders of placed files that are links now: their contents are somebody else's. → "lib → /elsewhere/lib"
std::vector<std::string> linked_folders(const fs::path& root, const std::vector<ManifestEntry>& entries) {
  std::set<std::string> folders;
  for (const ManifestEntry& entry : entries)
    for (fs::path folder = fs::path(entry.path).parent_path(); !folder.empty(); folder = folder.parent_path())
      if (!folders.insert(folder.string()).second) break;
  std::vector<std::string> out;
  std::error_code gone;
  for (const std::string& folder : folders)
    if (fs::is_symlink(root / folder, gone))
      out.push_back(fmt::format("{} → {}", folder, fs::read_symlink(root / folder, gone).native()));
  return out;
}

// A link that moat did not place, into files that another Python owns.
bool leads_to_another_python(const fs::path& root, const std::string& path) {
  std::error_code gone;
  if (!fs::is_symlink(root / path, gone)) return false;
  const fs::path target = fs::weakly_canonical(root / path, gone);
  const bool is_inside = is_below(target, root);
  const std::string name = target.filename().string();
  return !is_inside && (std::ranges::any_of(target,
                                            [](const fs::path& part) {
                                              return part == "site-packages" || part == "dist-packages";
                                            }) ||
                        name.starts_with("python") || name.starts_with("pypy"));
}

constexpr std::string_view kBin = "bin/";

// Additional files in bin/.
std::vector<std::string> unknown_commands(const fs::path& root, const std::set<std::string_view>& known) {
  std::vector<std::string> out;
  std::error_code failure;
  for (fs::directory_iterator it(root / "bin", failure), end; !failure && it != end; it.increment(failure))
    if (std::string path = it->path().lexically_relative(root).string(); !known.contains(path))
      out.push_back(std::move(path));
  std::ranges::sort(out);
  return out;
}

std::string hint_for(const Environment& environment, const std::string& owner) {
  if (owner.empty()) return "moat doctor --repair --env " + environment.root().string();
  return "moat install --env " + environment.root().string() + " --reinstall " + owner;
}

// One finding per owner: each hint repairs one thing.
void add_damage(const Environment& environment,
                const std::map<std::string, std::vector<std::string>>& by_owner, std::vector<Finding>& out) {
  for (const auto& [owner, paths] : by_owner)
    out.push_back({.level = Finding::Level::Damage,
                   .check = "files",
                   .message = std::to_string(paths.size()) +
                              (paths.size() == 1 ? " file of " : " files of ") +
                              (owner.empty() ? "the runtime or of the environment itself" : owner) +
                              (paths.size() == 1 ? " is changed or missing" : " are changed or missing"),
                   .details = paths,
                   .hint = hint_for(environment, owner)});
}

// The next import makes missing bytecode again: only existing files have to be ours.
std::vector<ManifestEntry> placed_files(const Environment& environment) {
  Environment::Placed placed = environment.placed();
  std::vector<ManifestEntry> out = std::move(placed.manifest.entries);
  for (BytecodeEntry& file : placed.bytecode) {
    struct stat s {};
    if (::lstat((environment.root() / file.path).c_str(), &s) == 0)
      out.push_back(
          {std::move(file.path), std::move(file.sha256), file.size, S_IFREG, std::move(file.owner)});
  }
  return out;
}

std::size_t count_shared(const fs::path& root, const std::vector<ManifestEntry>& entries) {
  return static_cast<std::size_t>(std::ranges::count_if(entries, [&](const ManifestEntry& entry) {
    struct stat s {};
    if (entry.path.starts_with("bin/")) return false;  // the launcher's own names
    if ((entry.mode & S_IFMT) == S_IFLNK || ::lstat((root / entry.path).c_str(), &s) != 0) return false;
    return S_ISLNK(s.st_mode) || s.st_nlink > 1;
  }));
}

std::optional<CoreMetadata> metadata_of(const InstalledDistribution& distribution) {
  for (const fs::path& file :
       {distribution.info / "METADATA", distribution.info / "PKG-INFO", distribution.info}) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) continue;
    auto metadata = CoreMetadata::parse(read_file(file));
    if (metadata) return std::move(*metadata);
  }
  return std::nullopt;
}

// The sentence about one unmet requirement; "" if it is met.
std::string unmet(const InstalledDistribution& distribution, const Requirement& requirement,
                  const InstalledDistributions& installed, const Target& target) {
  if (requirement.marker && !requirement.marker->evaluate(target.environment)) return "";
  const std::string who = distribution.name.display() + " " + distribution.version.to_string() + " needs " +
                          requirement.name.display() +
                          (requirement.specifier.empty() ? "" : " " + requirement.specifier.to_string());
  const InstalledDistribution* found = installed.find(requirement.name);
  if (!found) return who + ", which is not installed";
  if (requirement.specifier.contains(found->version)) return "";
  return who + "; installed is " + found->version.to_string();
}

}  // namespace

std::vector<Finding> verify_files(const Environment& environment, Workers& workers) {
  if (environment.is_foreign()) return {};
  const std::vector<ManifestEntry> entries = placed_files(environment);
  const std::vector<FileState> states = states_of(environment.root(), entries, workers);

  // pip itself may have replaced the environment's own, or may have been removed alone.
  std::set<std::string> shim;
  for (const PipShimFile& file : pip_shim(environment.scheme(), environment.interpreter()))
    shim.insert(file.path);
  const bool has_pip =
      InstalledDistributions::read(environment.site_packages()).find(*PackageName::parse("pip")) != nullptr;
  bool lacks_pip = false;

  std::map<std::string, std::vector<std::string>> damaged;
  std::set<std::string_view> known;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    known.insert(entries[i].path);
    if (states[i] != FileState::Same && entries[i].owner.empty() && shim.contains(entries[i].path)) {
      if (has_pip) continue;
      lacks_pip = lacks_pip || states[i] == FileState::Missing;
      if (states[i] == FileState::Missing) continue;
    }
    if (states[i] != FileState::Same)
      damaged[entries[i].owner].push_back(entries[i].path +
                                          (states[i] == FileState::Missing ? " is missing" : " was changed"));
  }
  std::vector<Finding> out;
  add_damage(environment, damaged, out);

  const auto strange = unknown_files(environment.root(), environment.private_folder() / "rt", known);
  if (!strange.files.empty())
    out.push_back({.level = Finding::Level::Damage,
                   .check = "files",
                   .message = "the private runtime contains files that moat did not place",
                   .details = strange.files,
                   .hint = hint_for(environment, "")});
  if (out.empty())
    out.push_back({.check = "files", .message = std::to_string(entries.size()) + " files unchanged"});

  if (lacks_pip)
    out.push_back({.level = Finding::Level::Note,
                   .check = "pip",
                   .message = "the environment's own pip is missing; the next change restores it"});
  if (std::vector<std::string> wrong = misshapen(environment.private_folder()); !wrong.empty())
    out.push_back(
        {.level = Finding::Level::Damage,
         .check = "files",
         .message = "files that moat needs in .moat were replaced by something else",
         .details = std::move(wrong),
         .hint = "remove it, then `moat doctor --repair --env " + environment.root().string() + "`"});
  if (std::vector<std::string> links = linked_folders(environment.root(), entries); !links.empty())
    out.push_back(
        {.level = Finding::Level::Leak,
         .check = "folders",
         .message = "folders of the environment are links: what lies there is not its own",
         .details = std::move(links),
         .hint = "remove the links, then `moat doctor --repair --env " + environment.root().string() + "`"});
  auto unknown = unknown_files(environment.root(), environment.site_packages(), known);
  std::vector<std::string> commands = unknown_commands(environment.root(), known), leading;
  const auto take_leading = [&](std::vector<std::string>& paths, const auto& leads) {
    std::ranges::copy_if(paths, std::back_inserter(leading), leads);
    std::erase_if(paths, leads);
  };
  take_leading(unknown.files,
               [&](const std::string& path) { return leads_to_another_python(environment.root(), path); });
  take_leading(commands, [&](const std::string& path) {
    return is_interpreter_name(std::string_view(path).substr(kBin.size())) ||
           leads_to_another_python(environment.root(), path);
  });
  if (!leading.empty())
    out.push_back({.level = Finding::Level::Leak,
                   .check = "files",
                   .message = "these files belong to another Python, or link to one",
                   .details = std::move(leading),
                   .hint = "remove these files"});
  if (!unknown.files.empty())
    out.push_back({.level = Finding::Level::Note,
                   .check = "files",
                   .message = "site-packages holds files that moat did not place",
                   .details = unknown.files});
  if (!commands.empty())
    out.push_back({.level = Finding::Level::Note,
                   .check = "files",
                   .message = "bin holds files that moat did not place",
                   .details = std::move(commands)});
  if (const std::size_t compiled = strange.compiled + unknown.compiled)
    out.push_back({.check = "bytecode",
                   .message = fmt::format(
                       "{} compiled {} Python's own: {} not checked here, and in no bundle", compiled,
                       compiled == 1 ? "file is" : "files are", compiled == 1 ? "it is" : "they are")});
  if (const auto shared = count_shared(environment.root(), entries))
    out.push_back({.level = Finding::Level::Note,
                   .check = "shared files",
                   .message = std::to_string(shared) + (shared == 1 ? " file is" : " files are") +
                              " shared with the store (--share or --link-mode): "
                              "an edit in place affects other environments"});
  return out;
}

std::vector<Finding> check_dependencies(const InstalledDistributions& installed, const Target& target) {
  std::vector<Finding> out;
  const auto damage = [&](std::string message, std::string hint) {
    out.push_back({.level = Finding::Level::Damage,
                   .check = "dependencies",
                   .message = std::move(message),
                   .hint = std::move(hint)});
  };
  for (const std::string& problem : installed.problems) damage(problem, "");
  for (const InstalledDistribution& distribution : installed.all) {
    const auto metadata = metadata_of(distribution);
    if (!metadata) {
      damage(distribution.name.display() + " has no readable METADATA",
             "moat install --reinstall " + distribution.name.normalized());
      continue;
    }
    if (metadata->requires_python && !metadata->requires_python->contains(target.python))
      damage(distribution.name.display() + " " + distribution.version.to_string() + " needs Python " +
                 metadata->requires_python->to_string() + "; this one is " + target.python.to_string(),
             "moat install --upgrade " + distribution.name.normalized());
    for (const Requirement& requirement : metadata->requires_dist) {
      const std::string sentence = unmet(distribution, requirement, installed, target);
      if (!sentence.empty())
        damage(sentence,
               "moat install '" + requirement.name.normalized() + requirement.specifier.to_string() + "'");
    }
  }
  if (out.empty())
    out.push_back({.check = "dependencies",
                   .message = std::to_string(installed.all.size()) +
                              (installed.all.size() == 1 ? " package" : " packages") +
                              ", all dependencies met"});
  return out;
}

}  // namespace moat
