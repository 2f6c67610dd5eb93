// pylock.toml → Pylock. A cursor knows its path in the document, so that messages name the key.
#include "resolver/base/text.h"
#include "resolver/files/toml.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {
namespace {

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
  std::vector<std::vector<std::string>> text_lists(std::string_view key) const {
    std::vector<std::vector<std::string>> out;
    const TomlValue* value = find_key(table_, key);
    if (value == nullptr) return out;
    if (value->array() == nullptr) fail(key, "must be an array");
    for (const TomlValue& list : *value->array()) {
      if (list.array() == nullptr) fail(key, "must hold arrays of strings");
      std::vector<std::string>& texts = out.emplace_back();
      for (const TomlValue& text : *list.array()) {
        if (text.string() == nullptr) fail(key, "must hold arrays of strings");
        texts.push_back(*text.string());
      }
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
    // Other tools may list algorithms unknown here; at least one known, strong hash is required.
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

// The file's own name must agree with the lock's entry.
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

void check_lock_version(const std::string& text, std::vector<std::string>* warnings) {
  const std::size_t dot = text.find('.');
  const std::string_view major = std::string_view(text).substr(0, dot);
  const bool numeric = !text.empty() && std::all_of(text.begin(), text.end(),
                                                    [](char c) { return is_ascii_digit(c) || c == '.'; });
  if (!numeric || dot == std::string::npos)
    throw BadLock{fmt::format("`lock-version` is not a version: {}", quote(text))};
  if (major != "1") throw BadLock{fmt::format("`lock-version` is {}; moat knows 1.0", text)};
  if (text != "1.0" && warnings != nullptr)
    warnings->push_back(fmt::format(
        "the lock is of version {}, newer than 1.0: keys that 1.0 does not define are ignored", text));
}

std::map<std::string, std::vector<std::string>> texts_by_name(const std::optional<Table>& table) {
  std::map<std::string, std::vector<std::string>> out;
  if (table)
    for (const auto& [key, value] : table->raw()) out.emplace(key, table->texts(key));
  return out;
}

std::optional<LockedInputs> read_inputs(const Table& moat) {
  if (!moat.has("requirements")) return std::nullopt;
  return LockedInputs{.targets = moat.texts("targets"),
                      .pythons = moat.texts("pythons"),
                      .universal = moat.flag("universal"),
                      .requirements = moat.texts("requirements"),
                      .constraints = moat.texts("constraints"),
                      .extras = texts_by_name(moat.table("extra-requirements")),
                      .groups = texts_by_name(moat.table("group-requirements")),
                      .default_groups = moat.texts("default-groups"),
                      .conflicts = moat.text_lists("conflicts")};
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
  if (const std::optional<Table> tool = root.table("tool"))
    if (const std::optional<Table> moat = tool->table("moat")) {
      lock.locked_groups = moat->texts("groups");
      lock.inputs = read_inputs(*moat);
    }
  if (!root.has("packages")) root.fail("packages", "is missing");
  for (const Table& table : root.tables("packages")) lock.packages.push_back(read_package(table));
  return lock;
}

}  // namespace

bool is_lock_name(std::string_view name) {
  constexpr std::string_view kBegin = "pylock.", kEnd = ".toml";
  return name == "pylock.toml" ||
         (name.size() > kBegin.size() + kEnd.size() && name.starts_with(kBegin) && name.ends_with(kEnd) &&
          name.find('.', kBegin.size()) == name.size() - kEnd.size());
}

Expected<Pylock> parse_pylock(std::string_view text, std::string_view name,
                              std::vector<std::string>* warnings) {
  const Expected<TomlTable> table = parse_toml(text);
  if (!table) return tl::unexpected(table.error());
  try {
    if (!name.empty() && !is_lock_name(name))
      throw BadLock{fmt::format("a lock is called pylock.toml or pylock.NAME.toml, not {}", quote(name))};
    return read_lock(Table(*table, ""), warnings);
  } catch (const BadLock& bad) {
    return parse_error(bad.message);
  }
}

}  // namespace moat
