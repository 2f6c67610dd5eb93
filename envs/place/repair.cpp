#include "envs/place/repair.h"

#include "envs/environment/pip_shim.h"
#include "envs/environment/staged_environment.h"
#include "envs/journal/change.h"
#include "envs/journal/file_state.h"
#include "envs/journal/history.h"
#include "envs/journal/state_files.h"
#include "envs/place/damaged.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace moat {

namespace {

using VenvSettings = std::map<std::string, std::string>;

std::optional<Manifest> read_manifest_if_whole(const fs::path& file) {
  const auto text = read_file_if_exists(file);
  if (!text) return std::nullopt;
  Expected<Manifest> manifest = parse_manifest(*text);
  return manifest ? std::optional(std::move(*manifest)) : std::nullopt;
}

// Manifests of earlier states, newest first.
std::vector<Manifest> manifests_of_history(const fs::path& root) {
  std::vector<Manifest> out;
  for (const int state : history_states(root))
    if (auto manifest = read_manifest_if_whole(moves_file(root, state).parent_path() / "old/.moat/manifest"))
      out.push_back(*std::move(manifest));
  return out;
}

VenvSettings settings_of(const fs::path& root) {
  return fs::exists(root / "pyvenv.cfg") ? read_venv_settings(root / "pyvenv.cfg") : VenvSettings();
}

std::string value(const VenvSettings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? std::string() : found->second;
}

// The runtime that the environment was made from: from the store, or made again from the base if that has not
// changed.
Runtime runtime_of(const fs::path& root, const std::string& fingerprint, Store& store, Workers& workers,
                   Reporter& reporter) {
  if (!fingerprint.empty())
    if (auto runtime = find_runtime(fingerprint, store)) return *std::move(runtime);
  const auto facts = read_file_if_exists(root / ".moat/facts.json");
  auto interpreter = facts ? interpreter_from_json(*facts) : Expected<Interpreter>(parse_error("is missing"));
  const std::vector<std::string> hints = {"recreate it: moat create --replace " + root.string()};
  if (!interpreter)
    throw Error(ErrorKind::Refused,
                fmt::format("cannot repair {}: the store no longer has its runtime {}, and {} is damaged",
                            quote(root.string()), fingerprint, quote((root / ".moat/facts.json").string())),
                hints);
  Runtime runtime = obtain_runtime(probe_interpreter(interpreter->executable, store), store, workers,
                                   reporter, Compile::Never);
  if (runtime.interpreter.version != interpreter->version)
    throw Error(ErrorKind::Refused,
                fmt::format("cannot repair {}: it has Python {}, and {} is now {}", quote(root.string()),
                            interpreter->version, quote(interpreter->executable.string()),
                            runtime.interpreter.version),
                hints);
  return runtime;
}

// Takes the packages from the RECORDs, and the rest from earlier manifests.
Manifest rebuilt_manifest(const fs::path& root, const Scheme& scheme) {
  Manifest out;
  const std::vector<Manifest> earlier = manifests_of_history(root);
  if (!earlier.empty()) out.requests = earlier.front().requests;
  for (const InstalledDistribution& distribution : InstalledDistributions::read(root / scheme.purelib).all) {
    if (!distribution.has_record) continue;
    ManifestPackage package{.name = distribution.name.normalized(),
                            .version = distribution.version.to_string(),
                            .requested = distribution.requested};
    for (const Manifest& manifest : earlier)
      for (const ManifestPackage& known : manifest.packages)
        if (known.name == package.name && known.version == package.version && package.wheel_sha256.empty())
          package.wheel_sha256 = known.wheel_sha256, package.index = known.index;
    for (const OwnedFile& file : owned_files(distribution, root, scheme).files) {
      struct stat facts {};
      if (is_bytecode(file.path) || ::lstat((root / file.path).c_str(), &facts) != 0) continue;
      const std::string known = sha256_hex(file.sha256);
      out.entries.push_back({.path = file.path,
                             .sha256 = known.empty() ? hash_file(root / file.path).hex : known,
                             .size = file.size.value_or(static_cast<std::uint64_t>(facts.st_size)),
                             .mode = facts.st_mode & 07777U,
                             .owner = package.name});
    }
    out.packages.push_back(std::move(package));
  }
  return out;
}

// Moat's own pip belongs to it, unless pip itself is installed, or it was made without.
bool has_own_pip(const fs::path& root, const std::optional<Manifest>& manifest, const Scheme& scheme,
                 const Interpreter& interpreter) {
  if (InstalledDistributions::read(root / scheme.purelib).find(*PackageName::parse("pip"))) return false;
  if (!manifest) return true;
  const std::vector<PipShimFile> files = pip_shim(scheme, interpreter);
  return std::ranges::any_of(manifest->entries, [&](const ManifestEntry& entry) {
    return entry.owner.empty() && std::ranges::find(files, entry.path, &PipShimFile::path) != files.end();
  });
}

// The parts of the staged environment that must be moved into the old one.
class Renewal {
 public:
  Renewal(const fs::path& root, const Change& change) : root_(root), change_(change) {}

  void bring(const std::string& path) {
    brought_.push_back(path);
    struct stat facts {};
    if (::lstat((root_ / path).c_str(), &facts) == 0) take_out(path);
    for (fs::path parent = fs::path(path).parent_path(); !parent.empty(); parent = parent.parent_path())
      parents_.insert(parent.string());
  }
  void take_out(const std::string& path) {
    outs_.push_back({Move::Kind::Out, path, change_.history_relative() + "/" + path});
  }

  std::vector<Move> moves() const {
    std::vector<Move> out = outs_;
    for (const std::string& parent : parents_)
      if (!fs::exists(root_ / parent)) out.push_back({Move::Kind::MakeDirectory, parent, {}});
    for (const std::string& path : brought_)
      out.push_back({Move::Kind::In, change_.stage_relative() + "/" + path, path});
    return out;
  }
  const std::vector<std::string>& brought() const { return brought_; }

 private:
  fs::path root_;
  const Change& change_;
  std::vector<Move> outs_;
  std::set<std::string> parents_;
  std::vector<std::string> brought_;
};

// Entries in the private runtime that are not among the environment's own files.
std::vector<std::string> strangers_in(const fs::path& root, const std::vector<ManifestEntry>& own) {
  std::set<std::string_view> known;
  for (const ManifestEntry& entry : own) known.insert(entry.path);
  std::vector<std::string> out;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(root / ".moat/rt", failure), end; !failure && it != end;
       it.increment(failure)) {
    std::string path = it->path().lexically_relative(root).string();
    if ((it->is_directory() && !it->is_symlink()) || it->path().extension() == ".pyc" || known.contains(path))
      continue;
    out.push_back(std::move(path));
  }
  return out;
}

// Does pyvenv.cfg say what moat wrote into it, for this runtime?
bool is_sound(const VenvSettings& settings, std::string_view fingerprint) {
  return !value(settings, "moat").empty() && value(settings, "moat-runtime") == fingerprint &&
         value(settings, "include-system-site-packages") == "false";
}

// Are its own files as they were placed, without additions?
bool is_whole(const fs::path& root, const VenvSettings& settings, const Manifest& manifest,
              Workers& workers) {
  std::vector<ManifestEntry> own;
  std::ranges::copy_if(manifest.entries, std::back_inserter(own),
                       [](const ManifestEntry& entry) { return entry.owner.empty(); });
  std::error_code gone;
  return is_sound(settings, manifest.runtime) && fs::is_regular_file(root / ".moat/facts.json", gone) &&
         strangers_in(root, own).empty() &&
         std::ranges::all_of(states_of(root, own, workers),
                             [](FileState state) { return state == FileState::Same; });
}

}  // namespace

std::vector<std::string> repair_own_files(const fs::path& root, Store& store, Workers& workers,
                                          Reporter& reporter, Durable durable) {
  const VenvSettings settings = settings_of(root);
  make_directories_beneath({root, ".moat"});  // not through a link: things are removed there
  give_up_change(root);
  // Every file is checked here; deciding by the mark would mean to go back.
  ::unlink((root / ".moat/unflushed").c_str());
  std::optional<Manifest> manifest = read_manifest_if_whole(root / ".moat/manifest");
  // The store may have lost the runtime, and the base may be gone: neither is needed if nothing is damaged.
  if (manifest && is_whole(root, settings, *manifest, workers)) return {};
  Change change = Change::begin(root, "moat doctor --repair");

  std::string fingerprint = value(settings, "moat-runtime");
  if (fingerprint.empty() && manifest) fingerprint = manifest->runtime;
  const Runtime runtime = runtime_of(root, fingerprint, store, workers, reporter);
  const Scheme scheme =
      venv_scheme(runtime.interpreter.implementation,
                  runtime.interpreter.major_minor() + (runtime.interpreter.free_threaded ? "t" : ""));
  stage_environment(change.stage(), root,
                    {.root = root,
                     .prompt = value(settings, "prompt"),
                     .own_pip = has_own_pip(root, manifest, scheme, runtime.interpreter)},
                    runtime, workers);
  const auto staged = parse_manifest(read_file(change.stage() / ".moat/manifest"));
  if (!staged) throw Error(ErrorKind::Disk, "cannot stage an environment: " + staged.error().message);

  Renewal renewal(root, change);
  const std::vector<FileState> states = states_of(root, staged->entries, workers);
  for (std::size_t i = 0; i < states.size(); ++i)
    if (states[i] != FileState::Same) renewal.bring(staged->entries[i].path);
  if (!is_sound(settings, runtime.fingerprint)) renewal.bring("pyvenv.cfg");
  const std::vector<std::string> strangers = strangers_in(root, staged->entries);
  for (const std::string& path : strangers) renewal.take_out(path);
  std::vector<Move> moves = renewal.moves();
  std::vector<std::string> mended = renewal.brought();
  mended.insert(mended.end(), strangers.begin(), strangers.end());
  if (!manifest) mended.emplace_back(".moat/manifest");
  if (moves.empty() && manifest) return {};

  std::vector<BytecodeEntry> bytecode;
  if (manifest)
    bytecode = read_bytecode_list(root, *manifest);
  else
    manifest = rebuilt_manifest(root, scheme);
  std::erase_if(manifest->entries, [](const ManifestEntry& entry) { return entry.owner.empty(); });
  manifest->entries.insert(manifest->entries.end(), staged->entries.begin(), staged->entries.end());
  manifest->runtime = runtime.fingerprint;
  renew_state_files(change, root, bytecode, moves);
  change.commit(moves, *std::move(manifest), "moat doctor --repair", {}, durable);
  return mended;
}

std::set<std::string> damaged_packages(const Environment& environment, Workers& workers) {
  const Environment::Placed placed = environment.placed();
  std::set<std::string> out;
  const std::vector<FileState> states = states_of(environment.root(), placed.manifest.entries, workers);
  for (std::size_t i = 0; i < states.size(); ++i)
    if (const std::string& owner = placed.manifest.entries[i].owner;
        states[i] != FileState::Same && !owner.empty())
      out.insert(owner);
  return out;
}

std::vector<std::string> remove_changed_bytecode(const Environment& environment) {
  std::vector<std::string> removed;
  for (const BytecodeEntry& entry : environment.placed().bytecode)
    if (state_of(environment.root(), {entry.path, entry.sha256, entry.size, 0644, entry.owner}) ==
            FileState::Changed &&
        ::unlink((environment.root() / entry.path).c_str()) == 0)
      removed.push_back(entry.path);
  return removed;
}

}  // namespace moat
