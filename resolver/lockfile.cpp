#include "resolver/lockfile.h"

#include "resolver/base/text.h"
#include "resolver/toml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

namespace moat {
namespace {

// ---- reading: a cursor that knows its path in the document, so that messages name the key

// Thrown inside this file only; parse_pylock turns it into a ParseError.
struct BadLock {
  std::string message;
};

class Table {
 public:
  Table(const TomlTable& table, std::string path) : table_(table), path_(std::move(path)) {}

  [[noreturn]] void fail(std::string_view key, std::string_view why) const {
    throw BadLock{fmt::format("`{}` {}", name(key), why)};
  }
  std::string name(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  const std::string& path() const { return path_; }
  bool has(std::string_view key) const { return find_key(table_, key) != nullptr; }

  std::optional<std::string> text(std::string_view key) const {
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return std::nullopt;
    if (value->string() == nullptr) fail(key, "must be a string");
    return *value->string();
  }
  std::string required_text(std::string_view key) const {
    std::optional<std::string> value = text(key);
    if (!value) fail(key, "is missing");
    return std::move(*value);
  }
  std::optional<std::int64_t> integer(std::string_view key) const {
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return std::nullopt;
    if (value->integer() == nullptr) fail(key, "must be an integer");
    return *value->integer();
  }
  bool flag(std::string_view key) const {
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return false;
    if (value->boolean() == nullptr) fail(key, "must be true or false");
    return *value->boolean();
  }
  std::optional<std::int64_t> time(std::string_view key) const {
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return std::nullopt;
    if (value->datetime() == nullptr) fail(key, "must be a date and time");
    return value->datetime()->unix_seconds;
  }
  std::optional<Table> table(std::string_view key) const {
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return std::nullopt;
    if (value->table() == nullptr) fail(key, "must be a table");
    return Table(*value->table(), name(key));
  }
  std::vector<Table> tables(std::string_view key) const {
    std::vector<Table> out;
    for (const TomlValue& item : items(key)) {
      const std::string item_path = fmt::format("{}[{}]", name(key), out.size());
      if (item.table() == nullptr) throw BadLock{fmt::format("`{}` must be a table", item_path)};
      out.emplace_back(*item.table(), item_path);
    }
    return out;
  }
  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> out;
    for (const TomlValue& item : items(key)) {
      if (item.string() == nullptr) fail(key, "must be an array of strings");
      out.push_back(*item.string());
    }
    return out;
  }

  // A string that must parse as a T.
  template <class T>
  std::optional<T> parsed(std::string_view key, Expected<T> (*parse)(std::string_view)) const {
    const std::optional<std::string> value = text(key);
    if (!value) return std::nullopt;
    Expected<T> result = parse(*value);
    if (!result) fail(key, fmt::format("is not valid: {}: {}", quote(*value), result.error().message));
    return std::move(*result);
  }

  const TomlTable& raw() const { return table_; }

 private:
  const TomlArray& items(std::string_view key) const {
    static const TomlArray kNone;
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return kNone;
    if (value->array() == nullptr) fail(key, "must be an array");
    return *value->array();
  }

  const TomlTable& table_;
  std::string path_;
};

Expected<Marker> parse_lock_marker(std::string_view text) {
  return Marker::parse(text, MarkerContext::LockFile);
}

std::vector<Digest> read_hashes(const Table& table) {
  const std::optional<Table> hashes = table.table("hashes");
  if (!hashes) table.fail("hashes", "is missing");
  std::vector<Digest> out;
  bool strong = false;
  for (const auto& [algorithm, value] : hashes->raw()) {
    if (value.string() == nullptr) hashes->fail(algorithm, "must be a string");
    Expected<Digest> digest = Digest::parse(algorithm, *value.string());
    // Algorithms unknown here are carried by other tools; one known and strong hash must be there.
    if (!digest &&
        (algorithm == "md5" || algorithm == "sha256" || algorithm == "sha384" || algorithm == "sha512"))
      hashes->fail(algorithm, "is not valid: " + digest.error().message);
    if (!digest) continue;
    strong = strong || digest->is_strong();
    out.push_back(std::move(*digest));
  }
  if (!strong) table.fail("hashes", "holds no sha256, sha384 or sha512 hash");
  return out;
}

std::string last_component(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

LockedFile read_file_entry(const Table& table) {
  LockedFile file;
  file.url = table.text("url").value_or("");
  file.path = table.text("path").value_or("");
  if (file.url.empty() && file.path.empty())
    throw BadLock{fmt::format("`{}` has neither a url nor a path", table.path())};
  if (const std::optional<std::int64_t> size = table.integer("size")) {
    if (*size < 0) table.fail("size", "is negative");
    file.size = static_cast<std::uint64_t>(*size);
  }
  file.upload_time = table.time("upload-time");
  file.hashes = read_hashes(table);

  if (const std::optional<std::string> name = table.text("name")) {
    file.name = *name;
  } else if (!file.path.empty()) {
    file.name = last_component(file.path);
  } else {
    const Expected<Url> url = Url::parse(file.url);
    if (!url) table.fail("url", "is not valid: " + url.error().message);
    file.name = url->last_segment();
  }
  if (file.name.find('/') != std::string::npos || file.name.find('\\') != std::string::npos ||
      file.name == "..")
    throw BadLock{fmt::format("`{}` names the file {}, which is a path", table.path(), quote(file.name))};
  return file;
}

// The file's own name must say what the lock says of it.
void check_file_name(const Table& table, const LockedPackage& package, const PackageName& name,
                     const Version& version) {
  if (name != package.name)
    throw BadLock{fmt::format("`{}` is a file of {}, not of {}", table.path(), name.normalized(),
                              package.name.normalized())};
  if (package.version && version != *package.version)
    throw BadLock{fmt::format("`{}` is version {}, not {}", table.path(), version.to_string(),
                              package.version->to_string())};
}

DirectSource read_direct(const Table& package) {
  DirectSource source;
  if (const std::optional<Table> vcs = package.table("vcs")) {
    source.kind = DirectSourceKind::Vcs;
    source.vcs_type = vcs->required_text("type");
    source.commit_id = vcs->required_text("commit-id");
    source.url = vcs->text("url").value_or("");
    source.path = vcs->text("path").value_or("");
    if (source.url.empty() && source.path.empty())
      throw BadLock{fmt::format("`{}` has neither a url nor a path", vcs->path())};
    source.requested_revision = vcs->text("requested-revision").value_or("");
    source.subdirectory = vcs->text("subdirectory").value_or("");
  } else if (const std::optional<Table> directory = package.table("directory")) {
    source.kind = DirectSourceKind::Directory;
    source.path = directory->required_text("path");
    source.editable = directory->flag("editable");
    source.subdirectory = directory->text("subdirectory").value_or("");
  } else if (const std::optional<Table> archive = package.table("archive")) {
    source.kind = DirectSourceKind::Archive;
    source.archive = read_file_entry(*archive);
    source.subdirectory = archive->text("subdirectory").value_or("");
  }
  return source;
}

void check_sources(const Table& table) {
  constexpr std::array<std::string_view, 3> kDirect = {"vcs", "directory", "archive"};
  const auto direct =
      std::count_if(kDirect.begin(), kDirect.end(), [&](std::string_view key) { return table.has(key); });
  const bool files = table.has("sdist") || table.has("wheels");
  if (direct + (files ? 1 : 0) == 0)
    throw BadLock{fmt::format("`{}` has no source (wheels, sdist, archive, directory or vcs)", table.path())};
  if (direct + (files ? 1 : 0) > 1)
    throw BadLock{fmt::format("`{}` mixes sources: only one of vcs, directory, archive, or sdist with wheels",
                              table.path())};
}

LockedPackage read_package(const Table& table) {
  const std::string name = table.required_text("name");
  Expected<PackageName> parsed_name = PackageName::parse(name);
  if (!parsed_name) table.fail("name", "is not valid: " + parsed_name.error().message);
  LockedPackage package{.name = std::move(*parsed_name)};
  if (package.name.normalized() != name) table.fail("name", "is not normalised: " + quote(name));
  package.version = table.parsed<Version>("version", &Version::parse);
  package.marker = table.parsed<Marker>("marker", &parse_lock_marker);
  package.requires_python = table.parsed<SpecifierSet>("requires-python", &SpecifierSet::parse);
  package.index = table.text("index").value_or("");
  for (const Table& dependency : table.tables("dependencies")) {
    const std::optional<PackageName> to = dependency.parsed<PackageName>("name", &PackageName::parse);
    if (to) package.dependencies.emplace_back(*to, dependency.parsed<Version>("version", &Version::parse));
  }
  for (const Table& identity : table.tables("attestation-identities")) identity.required_text("kind");
  table.table("tool");
  check_sources(table);
  if (const std::optional<Table> sdist = table.table("sdist")) {
    package.sdist = read_file_entry(*sdist);
    const Expected<SdistFilename> filename = SdistFilename::parse(package.sdist->name, package.name);
    if (!filename) sdist->fail("name", "is not an sdist's: " + filename.error().message);
    check_file_name(*sdist, package, filename->name, filename->version);
  }
  for (const Table& wheel : table.tables("wheels")) {
    LockedFile file = read_file_entry(wheel);
    const Expected<WheelFilename> filename = WheelFilename::parse(file.name);
    if (!filename)
      throw BadLock{fmt::format("`{}`: {} is not a wheel's name: {}", wheel.path(), quote(file.name),
                                filename.error().message)};
    check_file_name(wheel, package, filename->name, filename->version);
    package.wheels.push_back(std::move(file));
  }
  if (table.has("vcs") || table.has("directory") || table.has("archive")) package.direct = read_direct(table);
  return package;
}

void check_file_pattern(std::string_view name) {
  const bool plain = name == "pylock.toml";
  const bool named = name.size() > 12 && name.substr(0, 7) == "pylock." &&
                     name.substr(name.size() - 5) == ".toml" &&
                     name.substr(7, name.size() - 12).find('.') == std::string_view::npos;
  if (!plain && !named)
    throw BadLock{fmt::format("a lock is called pylock.toml or pylock.NAME.toml, not {}", quote(name))};
}

void check_lock_version(const std::string& text, std::vector<std::string>* warnings) {
  const std::size_t dot = text.find('.');
  const std::string_view major = std::string_view(text).substr(0, dot);
  const bool numeric = !text.empty() && std::all_of(text.begin(), text.end(),
                                                    [](char c) { return is_ascii_digit(c) || c == '.'; });
  if (!numeric || dot == std::string::npos)
    throw BadLock{fmt::format("`lock-version` is not a version: {}", quote(text))};
  if (major != "1") throw BadLock{fmt::format("`lock-version` is {}; moat knows 1.0", text)};
  if (text != "1.0" && warnings != nullptr)
    warnings->push_back(
        fmt::format("the lock is of version {}, newer than 1.0: what 1.0 does not know is ignored", text));
}

Pylock read_lock(const Table& root, std::vector<std::string>* warnings) {
  Pylock lock;
  lock.lock_version = root.required_text("lock-version");
  check_lock_version(lock.lock_version, warnings);
  lock.has_environments = root.has("environments");
  for (const std::string& text : root.texts("environments")) {
    Expected<Marker> marker = parse_lock_marker(text);
    if (!marker) root.fail("environments", fmt::format("holds {}: {}", quote(text), marker.error().message));
    lock.environments.push_back(std::move(*marker));
  }
  lock.requires_python = root.parsed<SpecifierSet>("requires-python", &SpecifierSet::parse);
  for (const std::string& text : root.texts("extras")) {
    Expected<ExtraName> extra = ExtraName::parse(text);
    if (!extra) root.fail("extras", fmt::format("holds {}: {}", quote(text), extra.error().message));
    lock.extras.push_back(std::move(*extra));
  }
  for (const std::string& text : root.texts("dependency-groups")) {
    Expected<GroupName> group = GroupName::parse(text);
    if (!group)
      root.fail("dependency-groups", fmt::format("holds {}: {}", quote(text), group.error().message));
    lock.dependency_groups.push_back(std::move(*group));
  }
  lock.default_groups = root.texts("default-groups");
  lock.created_by = root.required_text("created-by");
  root.table("tool");
  if (!root.has("packages")) root.fail("packages", "is missing");
  for (const Table& table : root.tables("packages")) lock.packages.push_back(read_package(table));
  return lock;
}

// ---- writing

void write_inline_hashes(std::string& out, const std::vector<Digest>& hashes) {
  std::vector<std::string> parts;
  for (const Digest& digest : hashes)
    parts.push_back(fmt::format("{} = {}", digest.algorithm, toml_quote(digest.hex)));
  std::sort(parts.begin(), parts.end());
  out += fmt::format("hashes = {{{}}}", fmt::join(parts, ", "));
}

std::string inline_file(const LockedFile& file) {
  std::string out = "{name = " + toml_quote(file.name);
  if (file.upload_time) out += ", upload-time = " + toml_datetime(*file.upload_time);
  out += file.path.empty() ? ", url = " + toml_quote(file.url) : ", path = " + toml_quote(file.path);
  if (file.size) out += fmt::format(", size = {}", *file.size);
  out += ", ";
  write_inline_hashes(out, file.hashes);
  return out + "}";
}

template <class Names>
std::string inline_names(const Names& names) {
  std::vector<std::string> parts;
  for (const auto& name : names) parts.push_back(toml_quote(name));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

std::string direct_table(const DirectSource& source) {
  std::string out;
  const auto line = [&out](std::string_view key, const std::string& value) {
    if (!value.empty()) out += fmt::format("{} = {}\n", key, toml_quote(value));
  };
  switch (source.kind) {
    case DirectSourceKind::Vcs:
      out += "[packages.vcs]\n";
      line("type", source.vcs_type), line("url", source.url), line("path", source.path);
      line("requested-revision", source.requested_revision), line("commit-id", source.commit_id);
      break;
    case DirectSourceKind::Directory:
      out += "[packages.directory]\n";
      line("path", source.path);
      if (source.editable) out += "editable = true\n";
      break;
    case DirectSourceKind::Archive:
      out += "[packages.archive]\n";
      line("url", source.archive.url), line("path", source.archive.path);
      if (source.archive.size) out += fmt::format("size = {}\n", *source.archive.size);
      if (source.archive.upload_time)
        out += "upload-time = " + toml_datetime(*source.archive.upload_time) + "\n";
      write_inline_hashes(out, source.archive.hashes);
      out += "\n";
      break;
  }
  line("subdirectory", source.subdirectory);
  return out;
}

std::string package_table(const LockedPackage& package) {
  std::string out = "[[packages]]\nname = " + toml_quote(package.name.normalized()) + "\n";
  if (package.version) out += "version = " + toml_quote(package.version->to_string()) + "\n";
  if (package.marker) out += "marker = " + toml_quote(package.marker->to_string()) + "\n";
  if (package.requires_python && !package.requires_python->empty())
    out += "requires-python = " + toml_quote(package.requires_python->to_string()) + "\n";
  if (!package.dependencies.empty()) {
    out += "dependencies = [\n";
    for (const auto& [name, version] : package.dependencies) {
      out += "    {name = " + toml_quote(name.normalized());
      if (version) out += ", version = " + toml_quote(version->to_string());
      out += "},\n";
    }
    out += "]\n";
  }
  if (!package.index.empty()) out += "index = " + toml_quote(package.index) + "\n";
  if (package.sdist) out += "sdist = " + inline_file(*package.sdist) + "\n";
  if (!package.wheels.empty()) {
    out += "wheels = [\n";
    for (const LockedFile& wheel : package.wheels) out += "    " + inline_file(wheel) + ",\n";
    out += "]\n";
  }
  if (package.direct) out += "\n" + direct_table(*package.direct);
  return out;
}

// ---- from a resolution

LockedFile locked_file(const Artifact& artifact, const LockOptions& options) {
  LockedFile file{.name = artifact.filename, .size = artifact.size, .upload_time = artifact.upload_time};
  if (artifact.url.scheme() == "file")
    file.path = std::filesystem::path(artifact.url.file_path())
                    .lexically_proximate(options.lock_directory)
                    .generic_string();
  else
    file.url = artifact.url.without_credentials().without_fragment().to_string();
  for (const Digest& digest : artifact.digests)
    if (digest.is_strong()) file.hashes.push_back(digest);
  std::sort(file.hashes.begin(), file.hashes.end());
  return file;
}

std::string relative_to_lock(const std::string& path, const LockOptions& options) {
  return std::filesystem::path(path).lexically_proximate(options.lock_directory).generic_string();
}

// `git@host` is no secret, and ssh does not work without.
std::string without_secrets(const Url& url) {
  return (url.userinfo() == "git" ? url : url.without_credentials()).without_fragment().to_string();
}

DirectSource locked_source(const ResolvedPackage& package, const LockOptions& options) {
  const SourceUrl& from = *package.file.direct;
  DirectSource out;
  out.subdirectory = from.subdirectory;
  const bool local = from.url.scheme() == "file";
  switch (from.kind) {
    case SourceKind::Git:
      out.kind = DirectSourceKind::Vcs;
      out.vcs_type = "git";
      (local ? out.path : out.url) =
          local ? relative_to_lock(from.url.file_path(), options) : without_secrets(from.url);
      out.requested_revision = from.revision;
      out.commit_id = from.commit;
      break;
    case SourceKind::Directory:
      out.kind = DirectSourceKind::Directory;
      out.path = relative_to_lock(from.url.file_path(), options);
      out.editable = options.editables.count(package.name) != 0;
      break;
    case SourceKind::Archive:
    case SourceKind::Wheel:
      out.archive = locked_file(package.file.artifact, options);
      break;
  }
  return out;
}

// Of a direct reference the spec wants one source; of an index's release its wheels and sdist.
void lock_files(LockedPackage& out, const ResolvedPackage& package, const LockOptions& options) {
  if (package.file.direct) {
    out.direct = locked_source(package, options);
    // What a folder is may change under the lock; its version is not promised.
    if (out.direct->kind == DirectSourceKind::Directory) out.version.reset();
    return;
  }
  for (const ReleaseFile& file : package.release->files) {
    const bool chosen = file.artifact.filename == package.file.artifact.filename;
    if (!chosen && (!options.all_files || file.artifact.yanked)) continue;
    LockedFile locked = locked_file(file.artifact, options);
    if (locked.hashes.empty()) {
      if (!chosen) continue;
      throw Error(ErrorKind::Refused,
                  fmt::format("the index gives no sha256 hash for {}, and a lock needs one",
                              quote(file.artifact.filename)));
    }
    if (file.wheel)
      out.wheels.push_back(std::move(locked));
    else if (!out.sdist || chosen)
      out.sdist = std::move(locked);
  }
  const auto by_name = [](const LockedFile& a, const LockedFile& b) { return a.name < b.name; };
  std::sort(out.wheels.begin(), out.wheels.end(), by_name);
}

// ---- selecting

std::string tags_of(const LockedPackage& package) {
  std::set<std::string> tags;
  for (const LockedFile& wheel : package.wheels)
    if (const Expected<WheelFilename> name = WheelFilename::parse(wheel.name))
      for (const Tag& tag : name->tags) tags.insert(tag.to_string());
  std::vector<std::string> shown(tags.begin(), tags.end());
  constexpr std::size_t kMost = 6;
  if (shown.size() > kMost) {
    const std::size_t rest = shown.size() - kMost;
    shown.resize(kMost);
    shown.push_back(fmt::format("{} more", rest));
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

const LockedFile* best_wheel(const LockedPackage& package, const Target& target) {
  const LockedFile* best = nullptr;
  std::pair<std::size_t, BuildTag> best_rank;
  for (const LockedFile& wheel : package.wheels) {
    const Expected<WheelFilename> name = WheelFilename::parse(wheel.name);
    if (!name) continue;
    const std::optional<std::size_t> rank = target.tags.rank(name->tags);
    if (!rank) continue;
    const bool better = best == nullptr || *rank < best_rank.first ||
                        (*rank == best_rank.first && name->build > best_rank.second);
    if (!better) continue;
    best = &wheel;
    best_rank = {*rank, name->build};
  }
  return best;
}

// What is asked for must be there: a slip of the hand would install less than was meant.
template <class Name>
void check_offered(const std::set<Name>& asked, const std::vector<Name>& offered, std::string_view kind) {
  for (const Name& name : asked) {
    if (std::find(offered.begin(), offered.end(), name) != offered.end()) continue;
    std::vector<std::string> known;
    for (const Name& one : offered) known.push_back(one.display());
    throw Error(ErrorKind::Usage,
                fmt::format("the lock has no {} {}{}", kind, quote(name.display()),
                            known.empty() ? "" : fmt::format("; it has {}", fmt::join(known, ", "))));
  }
}

void check_target(const Pylock& lock, const Target& target) {
  if (lock.requires_python && !lock.requires_python->contains(target.python))
    throw Error(ErrorKind::NoSolution, fmt::format("the lock requires Python {}, and this is {}",
                                                   lock.requires_python->to_string(), target.description));
  const bool any = std::any_of(lock.environments.begin(), lock.environments.end(),
                               [&](const Marker& marker) { return marker.evaluate(target.environment); });
  if (lock.has_environments && !any)
    throw Error(
        ErrorKind::NoSolution,
        fmt::format("the lock is not for {}: none of its `environments` holds here", target.description));
}

SelectedPackage select_file(const LockedPackage& package, const Target& target) {
  if (package.requires_python && !package.requires_python->contains(target.python))
    throw Error(ErrorKind::NoSolution,
                fmt::format("{} requires Python {}, and this is {}", package.name.normalized(),
                            package.requires_python->to_string(), target.description));
  if (package.direct) {
    const bool archive = package.direct->kind == DirectSourceKind::Archive;
    return {&package, archive ? &package.direct->archive : nullptr};
  }
  const LockedFile* wheel = best_wheel(package, target);
  if (wheel == nullptr && !package.sdist)
    throw Error(ErrorKind::NoSolution,
                fmt::format("the lock has no wheel of {} {} for {} (it has {})", package.name.normalized(),
                            package.version ? package.version->to_string() : "", target.description,
                            tags_of(package)));
  return {&package, wheel != nullptr ? wheel : &*package.sdist};
}

}  // namespace

Expected<Pylock> parse_pylock(std::string_view text, std::string_view name,
                              std::vector<std::string>* warnings) {
  const Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  try {
    if (!name.empty()) check_file_pattern(name);
    return read_lock(Table(*table, ""), warnings);
  } catch (const BadLock& bad) {
    return parse_error(bad.message);
  }
}

std::string format_pylock(const Pylock& lock) {
  std::string out = "lock-version = " + toml_quote(lock.lock_version) + "\n";
  if (lock.has_environments) {
    std::vector<std::string> markers;
    for (const Marker& marker : lock.environments) markers.push_back(marker.to_string());
    out += "environments = " + inline_names(markers) + "\n";
  }
  if (lock.requires_python)
    out += "requires-python = " + toml_quote(lock.requires_python->to_string()) + "\n";
  const auto names = [](const auto& list) {
    std::vector<std::string> texts;
    for (const auto& item : list) texts.push_back(item.normalized());
    return texts;
  };
  if (!lock.extras.empty()) out += "extras = " + inline_names(names(lock.extras)) + "\n";
  if (!lock.dependency_groups.empty())
    out += "dependency-groups = " + inline_names(names(lock.dependency_groups)) + "\n";
  if (!lock.default_groups.empty()) out += "default-groups = " + inline_names(lock.default_groups) + "\n";
  out += "created-by = " + toml_quote(lock.created_by) + "\n";
  if (lock.packages.empty()) out += "packages = []\n";
  for (const LockedPackage& package : lock.packages) out += "\n" + package_table(package);
  return out;
}

Pylock lock_resolution(const Resolution& resolution, const Target& target, const LockOptions& options) {
  Pylock lock;
  lock.created_by = "moat";
  const std::string& minor = target.environment.python_version;
  lock.requires_python = SpecifierSet::parse("==" + minor + ".*").value();
  const MarkerEnvironment& here = target.environment;
  // One target, said so that another installer refuses what was not resolved for it.
  lock.environments.push_back(
      parse_lock_marker(
          fmt::format(
              "python_version == \"{}\" and sys_platform == \"{}\" and platform_machine == \"{}\" and "
              "implementation_name == \"{}\"",
              minor, here.sys_platform, here.platform_machine, here.implementation_name))
          .value());
  lock.has_environments = true;

  std::map<PackageName, std::vector<std::pair<PackageName, std::optional<Version>>>> dependencies;
  for (const ResolvedPackage& package : resolution.packages)
    for (const Edge& edge : package.required_by)
      if (edge.from && *edge.from != package.name)
        dependencies[*edge.from].emplace_back(package.name, std::nullopt);

  for (const ResolvedPackage& package : resolution.packages) {
    LockedPackage out{.name = package.name, .version = package.version};
    if (package.metadata.requires_python && !package.metadata.requires_python->empty())
      out.requires_python = package.metadata.requires_python;
    out.dependencies = dependencies[package.name];
    std::sort(out.dependencies.begin(), out.dependencies.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto repeated = std::unique(out.dependencies.begin(), out.dependencies.end(),
                                      [](const auto& a, const auto& b) { return a.first == b.first; });
    out.dependencies.erase(repeated, out.dependencies.end());
    out.index = package.index;
    lock_files(out, package, options);
    lock.packages.push_back(std::move(out));
  }
  return lock;
}

std::vector<SelectedPackage> select_packages(const Pylock& lock, const Target& target,
                                             const std::set<ExtraName>& extras,
                                             const std::optional<std::set<GroupName>>& groups) {
  std::set<GroupName> default_groups;
  for (const std::string& text : lock.default_groups)
    if (const Expected<GroupName> group = GroupName::parse(text)) default_groups.insert(*group);
  std::vector<GroupName> offered = lock.dependency_groups;
  offered.insert(offered.end(), default_groups.begin(), default_groups.end());
  check_offered(extras, lock.extras, "extra");
  check_offered(groups.value_or(std::set<GroupName>()), offered, "dependency group");
  check_target(lock, target);
  const std::set<GroupName> chosen_groups = groups.value_or(default_groups);
  std::vector<SelectedPackage> out;
  std::set<PackageName> seen;
  for (const LockedPackage& package : lock.packages) {
    if (package.marker && !package.marker->evaluate(target.environment, extras, chosen_groups)) continue;
    if (!seen.insert(package.name).second)
      throw Error(ErrorKind::BadInput, fmt::format("the lock has two entries of {} for {}",
                                                   package.name.normalized(), target.description));
    out.push_back(select_file(package, target));
  }
  return out;
}

}  // namespace moat
