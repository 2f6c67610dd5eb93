#include "fetch/sources/sources.h"

#include "fetch/archive/archive.h"
#include "fetch/download/download.h"
#include "fetch/download/served_name.h"
#include "fetch/os/file.h"
#include "fetch/os/leftovers.h"
#include "fetch/os/presence.h"
#include "fetch/sources/source_labels.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace moat {
namespace {

std::string label_of(const SourceOrder& order) {
  if (!order.label.empty()) return order.label;
  return order.direct ? shown_place(*order.direct) : order.artifact.filename;
}

// One source may be requested under several labels; its URL and its hashes identify it.
std::string key_of(const SourceOrder& order) {
  std::string key = order.direct ? pinned_text(*order.direct) : order.artifact.url.to_string();
  for (const Digest& digest : wanted_digests(order.artifact, order.accepted))
    key += "\n" + digest.to_string();
  return key;
}

std::string tree_key(const std::string& key, const std::string& subdirectory) {
  return subdirectory.empty() ? key : key + "#" + subdirectory;
}

bool is_regular(const fs::path& path) {
  std::error_code missing;
  return fs::is_regular_file(fs::symlink_status(path, missing));
}

// The folder of the project in an unpacked tree. Links were checked when it was unpacked; but a subdirectory
// that is a link is refused.
fs::path project_folder(const fs::path& top, const std::string& subdirectory, const std::string& label) {
  if (subdirectory.empty()) return top;
  fs::path at = top;
  for (const std::string_view part : split(subdirectory, '/')) {
    at /= part;
    std::error_code missing;
    if (!fs::is_directory(fs::symlink_status(at, missing)))
      throw Error(ErrorKind::BadInput, fmt::format("{} has no folder {}", quote(label), quote(subdirectory)));
  }
  return at;
}

// A file of somebody else's tree is read whole, so there is a limit, far beyond what people write.
std::string read_text(const fs::path& file, const std::string& label) {
  constexpr std::uintmax_t kMostBytes = 16 << 20;
  std::error_code unknown;
  const std::uintmax_t size = fs::file_size(file, unknown);
  if (!unknown && size > kMostBytes)
    throw Error(ErrorKind::BadInput, fmt::format("{}: its {} has {} bytes, and at most {} are read",
                                                 quote(label), file.filename().string(), size, kMostBytes));
  return read_file(file);
}

// A fetched tree is somebody else's: link targets outside it are not its files.
void check_within(const fs::path& file, const fs::path& top, const std::string& label) {
  std::error_code failed;
  const fs::path relative = fs::canonical(file, failed).lexically_relative(fs::canonical(top, failed));
  if (!failed && !relative.empty() && *relative.begin() != "..") return;
  throw Error(ErrorKind::BadArchive, fmt::format("{}: its {} is a link that leads out of it", quote(label),
                                                 file.filename().string()));
}

// `top`: of a fetched tree; "": the user's own folder.
SourceFiles read_files(const fs::path& folder, const fs::path& top, const std::string& label,
                       bool with_pkg_info) {
  SourceFiles files;
  if (with_pkg_info && is_regular(folder / "PKG-INFO"))
    files.pkg_info = read_text(folder / "PKG-INFO", label);
  const fs::path pyproject = folder / "pyproject.toml";
  std::error_code missing;
  if (!fs::exists(pyproject, missing)) return files;
  if (!fs::is_regular_file(pyproject, missing))
    throw Error(ErrorKind::BadInput, fmt::format("{}: its pyproject.toml is not a file", quote(label)));
  if (!top.empty()) check_within(pyproject, top, label);
  files.pyproject = read_text(pyproject, label);
  return files;
}

void check_is_project(const fs::path& folder, const std::string& label, bool of_user) {
  std::error_code missing;
  if (fs::exists(folder / "pyproject.toml", missing) || is_setuptools_project(folder)) return;
  std::vector<std::string> hints;
  if (of_user) hints.emplace_back("`-r FILE` installs what a file lists");
  throw Error(
      ErrorKind::BadInput,
      fmt::format("{} is not a Python project: it has no pyproject.toml and no setup.py", quote(label)),
      std::move(hints));
}

// Hints for a path that does not exist.
std::vector<std::string> hints_for_missing(const fs::path& path) {
  const std::string name = path.filename().string();
  if (Version::parse(name)) return {fmt::format("write a version with `==`: NAME=={}", name)};
  if (name == "latest") return {"`moat install -U NAME` installs the newest version"};
  if (path.parent_path().filename().native().find(':') != std::string::npos)
    return {"a git repository is written git+ssh://git@HOST/PATH"};
  std::error_code none;
  if (PackageName::parse(name) && path.parent_path() == fs::current_path(none))
    return {fmt::format("for the package from the index: moat install {}", name)};
  return {};
}

ObtainedSource bring_folder(const SourceOrder& order) {
  const fs::path top = order.direct->url.file_path();
  const fs::file_status status = status_of(top);
  if (!fs::exists(status))
    throw Error(ErrorKind::BadInput, fmt::format("there is no {}", quote(top.native())),
                hints_for_missing(top));
  if (!fs::is_directory(status))
    throw Error(ErrorKind::BadInput,
                fmt::format("{} is neither a folder nor a wheel or source archive", quote(top.native())));
  const fs::path folder = project_folder(top, order.direct->subdirectory, label_of(order));
  check_is_project(folder, folder.native(), true);
  ObtainedSource out;
  out.tree = {folder, label_of(order), ""};
  out.files = read_files(folder, "", label_of(order), false);
  return out;
}

// The name of the file in the store: its suffix decides how it is unpacked. Error(BadInput) if no suffix is
// known.
std::string archive_name(const Artifact& artifact, const FetchedFile& arrival, const std::string& label) {
  if (archive_kind(artifact.filename))
    return artifact.filename.find('/') == std::string::npos ? artifact.filename
                                                            : fs::path(artifact.filename).filename().string();
  std::string name = arrival.served_name.empty() ? name_by_content(arrival.file) : arrival.served_name;
  if (name.empty())
    throw Error(ErrorKind::BadInput,
                fmt::format("what {} gives is neither a wheel nor a source archive", quote(label)));
  if (ascii_lower(name).ends_with(".whl"))
    throw Error(
        ErrorKind::BadInput,
        fmt::format("{} gives the wheel {}, and a wheel is taken only from a URL that ends in its name",
                    quote(label), quote(name)),
        {fmt::format("download it, then `moat install ./{}`", name)});
  return name;
}

}  // namespace

bool is_setuptools_project(const fs::path& folder) {
  std::error_code missing;
  if (fs::is_regular_file(folder / "setup.py", missing)) return true;
  if (!is_regular(folder / "setup.cfg")) return false;
  const std::string text = read_text(folder / "setup.cfg", folder.native());
  const std::vector<std::string_view> lines = split_lines(text);
  return std::any_of(lines.begin(), lines.end(),
                     [](std::string_view line) { return line.starts_with("[metadata]"); });
}

struct Sources::Slot {
  std::mutex mutex;  // held while it is fetched
  std::optional<ObtainedSource> source;
};

SourceOrder SourceOrder::of(const ReleaseFile& file) {
  return {file.artifact, file.direct ? std::optional(*file.direct) : std::nullopt};
}

SourceOrder SourceOrder::of(const SourceUrl& source) {
  return {.artifact = {.filename = source.url.last_segment(), .url = source.url, .digests = source.digests},
          .direct = source};
}

Sources::Sources(HttpClient& http, Store& store, Reporter& reporter, GitOptions git)
    : http_(http), store_(store), reporter_(reporter), git_(std::move(git), store, reporter) {}

Sources::~Sources() = default;

const ObtainedSource& Sources::obtain(const SourceOrder& order, const std::stop_token& stop) {
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Slot>& place = slots_[key_of(order)];
    if (!place) place = std::make_shared<Slot>();
    slot = place;
  }
  const std::lock_guard lock(slot->mutex);
  if (!slot->source) slot->source = bring(order, stop);
  return *slot->source;
}

void Sources::clone(const SourceUrl& source, const fs::path& into, const std::stop_token& stop) {
  make_directories(into.parent_path());
  const StagingFolder beside(into.parent_path(), ".clone");
  git_.checkout(source, git_.resolve(source, stop), beside.path() / "tree", stop, Git::Lasting::ForGood);
  if (!rename_if_absent(beside.path() / "tree", into))
    throw Error(ErrorKind::Exists, fmt::format("{} already exists", quote(into.native())));
}

ObtainedSource Sources::bring(const SourceOrder& order, const std::stop_token& stop) {
  const SourceKind kind = order.direct ? order.direct->kind : SourceKind::Archive;
  switch (kind) {
    case SourceKind::Git:
      return bring_checkout(order, stop);
    case SourceKind::Directory:
      return bring_folder(order);
    case SourceKind::Archive:
    case SourceKind::Wheel:
      break;
  }
  return bring_archive(order, stop);
}

fs::path Sources::fresh_folder() {
  TempDir folder = store_.make_temp("source");
  fs::path path = folder.path();
  const std::lock_guard lock(mutex_);
  trees_.push_back(std::move(folder));
  return path;
}

// An entry holds one file, under its original name.
std::optional<fs::path> Sources::archive_in_store(const Digest& sha256) const {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(store_.layout().source(sha256), missing))
    if (is_regular(entry.path())) return entry.path();
  return std::nullopt;
}

bool Sources::is_whole_in_store(const Digest& sha256, const std::stop_token& stop) const {
  const auto file = archive_in_store(sha256);
  if (!file) return false;
  if (hash_fetched(*file, {}, stop).sha256() == sha256) {
    store_.mark_used(store_.layout().source(sha256));
    return true;
  }
  remove_tree_quietly(store_.layout().source(sha256));  // damaged; it is fetched again
  return false;
}

bool Sources::has_archive(const SourceOrder& order, const std::stop_token& stop) const {
  return order.artifact.url.scheme() == "file" || find_stored(order, stop).has_value();
}

// The archive in the store that matches the order without doubt.
std::optional<Digest> Sources::find_stored(const SourceOrder& order, const std::stop_token& stop) const {
  for (const Digest& digest : wanted_digests(order.artifact, order.accepted)) {
    auto sha256 = digest.algorithm == "sha256" ? std::optional(digest) : store_.linked(digest.to_string());
    if (sha256 && is_whole_in_store(*sha256, stop)) return sha256;
  }
  return std::nullopt;
}

// Fetches it into the store, unless it is there and its server confirms that it is current.
Digest Sources::fetch_archive(const SourceOrder& order, const std::stop_token& stop) {
  const Artifact& artifact = order.artifact;
  const std::vector<Digest> wanted = wanted_digests(artifact, order.accepted);
  HttpHeaders condition;
  std::optional<UrlMemory::Known> known;
  if (wanted.empty()) known = store_.urls().find(artifact);
  if (known && !is_whole_in_store(known->sha256, stop)) known.reset();
  if (known && known->confirmed) return known->sha256;
  if (known) condition = known->condition;

  TempDir temp = store_.make_temp("source");
  const fs::path file = temp.path() / "archive";
  const auto arrival = download_if_changed(artifact, wanted, condition, file, http_, reporter_, stop);
  if (!arrival) {
    store_.urls().confirm(artifact);
    return known->sha256;
  }
  // From here on the file is verified.
  Digest sha256 = arrival->sha256();
  fs::rename(file, temp.path() / archive_name(artifact, *arrival, label_of(order)));
  if (wanted.empty()) store_.urls().remember(artifact, sha256, arrival->condition);
  for (const Digest& digest : wanted)
    if (digest.algorithm != "sha256" && arrival->digests.at(digest.algorithm) == digest)
      store_.link(digest.to_string(), sha256);
  store_.publish(temp.keep(), store_.layout().source(sha256));
  return sha256;
}

ObtainedSource Sources::bring_archive(const SourceOrder& order, const std::stop_token& stop) {
  const Artifact& artifact = order.artifact;
  const std::string label = label_of(order);
  const std::vector<Digest> wanted = wanted_digests(artifact, order.accepted);
  fs::path file;
  Digest sha256;
  std::uint64_t size = 0;
  if (artifact.url.scheme() == "file") {
    file = artifact.url.file_path();
    if (!is_there(file))
      throw Error(ErrorKind::BadInput, fmt::format("there is no {}", quote(file.native())));
    const FetchedFile arrival = hash_fetched(file, wanted, stop);
    check_fetched(artifact, wanted, arrival);
    sha256 = arrival.sha256();
    size = arrival.size;
  } else {
    const auto stored = find_stored(order, stop);
    sha256 = stored ? *stored : fetch_archive(order, stop);
  }
  if (file.empty()) {
    file = archive_in_store(sha256).value_or(store_.layout().source(sha256));
    size = fs::file_size(file);
  }

  const auto kind = archive_kind(file.filename().native());
  if (!kind)
    throw Error(ErrorKind::BadArchive, fmt::format("{} is not the name of a source archive", quote(label)));
  ObtainedSource out;
  try {
    const fs::path top = unpack_source(file, *kind, fresh_folder());
    const std::string subdirectory = order.direct ? order.direct->subdirectory : "";
    const fs::path folder = project_folder(top, subdirectory, label);
    check_is_project(folder, label, false);
    out.tree = {folder, label, tree_key(sha256.to_string(), subdirectory)};
    out.files = read_files(folder, top, label, true);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::BadArchive) throw;
    throw error.with_context(fmt::format("cannot unpack {}", quote(label)));
  }
  out.sha256 = sha256;
  out.size = size;
  return out;
}

ObtainedSource Sources::bring_checkout(const SourceOrder& order, const std::stop_token& stop) {
  const SourceUrl& source = *order.direct;
  const std::string label = label_of(order);
  SourceUrl asked = source;
  if (!source.commit.empty()) asked.revision = source.commit;
  const std::string commit = git_.resolve(asked, stop);
  const fs::path top = fresh_folder() / "tree";
  git_.checkout(source, commit, top, stop);
  const fs::path folder = project_folder(top, source.subdirectory, label);
  check_is_project(folder, label, false);
  ObtainedSource out;
  out.tree = {folder, label, tree_key("git:" + commit, source.subdirectory)};
  out.files = read_files(folder, top, label, false);
  out.commit = commit;
  return out;
}

MetadataAsker SourcePolicy::asker(const PackageName& name) const {
  if (builder == nullptr) return {nullptr, refusal};
  if (forbids && forbids(name))
    return {nullptr, fmt::format("building {} is forbidden", quote(name.display()))};
  return {builder, "", may_build};
}

ConfigSettings SourcePolicy::settings_for(const PackageName& name) const {
  ConfigSettings all = settings;
  if (const auto own = settings_of.find(name); own != settings_of.end())
    all.insert(all.end(), own->second.begin(), own->second.end());
  return all;
}

std::vector<Digest> SourcePolicy::accepted_for(const PackageName& name) const {
  const auto found = accepted.find(name);
  return found == accepted.end() ? std::vector<Digest>() : found->second;
}

std::string source_metadata(const ObtainedSource& source, const std::optional<PackageName>& name,
                            const std::optional<Version>& version, const ConfigSettings& settings,
                            const MetadataAsker& asker, const std::stop_token& stop) {
  if (auto text = static_metadata(source.files)) return std::move(*text);
  if (asker.builder == nullptr)
    throw Error(ErrorKind::Refused,
                fmt::format("the dependencies of {} are only known after building it, and {}",
                            quote(source.tree.label),
                            asker.refusal.empty() ? "nothing may be built here" : asker.refusal));
  const BuildRequest request{source.tree, name, version, settings};
  if (asker.may_build) return asker.builder->metadata(request, stop);
  if (auto known = asker.builder->known_metadata(request)) return std::move(*known);
  throw Error(ErrorKind::Refused, fmt::format("the dependencies of {} are only known after building it",
                                              quote(source.tree.label)));
}

}  // namespace moat
