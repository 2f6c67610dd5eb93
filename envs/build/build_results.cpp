#include "envs/build/build_results.h"

#include "envs/build/build_key.h"
#include "fetch/archive/wheel_check.h"
#include "fetch/bytes/hasher.h"
#include "fetch/sources/source_labels.h"

#include <fmt/format.h>

#include <utility>

namespace moat {

BuildResults::BuildResults(SharedBuilds& shared, const BuildRequest& request, BuildPurpose purpose)
    : shared_(shared), request_(request) {
  if (purpose != BuildPurpose::Wheel || request.tree.key.empty() || !shared.setting()) return;
  key_ = build_key(request, *shared.setting());
}

void BuildResults::fail(std::string reason) const { shared_.fail(request_.tree.label, std::move(reason)); }

fs::path BuildResults::metadata_file() const {
  return shared_.store.layout().metadata() / hash_bytes(key_ + "metadata").hex;
}

std::string BuildResults::prepared_key() const {
  std::string key = request_.tree.key.empty() ? request_.tree.path.native() : request_.tree.key;
  for (const auto& [name, value] : request_.settings) key += fmt::format("\n{}={}", name, value);
  return key;
}

std::string BuildResults::metadata_of(const StoredWheel& wheel) {
  return read_file(wheel.tree / wheel.dist_info / "METADATA");
}

// ---- earlier ones ----

std::optional<StoredWheel> BuildResults::find_wheel(const std::string& backend) const {
  if (key_.empty()) return std::nullopt;
  const std::optional<Digest> digest = shared_.store.linked(key_);
  std::optional<StoredWheel> wheel = digest ? shared_.store.find_wheel(*digest) : std::nullopt;
  if (wheel) check(*wheel, backend);
  return wheel;
}

std::optional<std::string> BuildResults::find_metadata(const std::string& backend) const {
  if (const auto wheel = find_wheel(backend)) return metadata_of(*wheel);
  if (key_.empty()) return std::nullopt;
  std::optional<std::string> text = read_file_if_exists(metadata_file());
  if (text) check(*text);
  return text;
}

std::optional<FileLock> BuildResults::lock(const std::stop_token& stop) const {
  if (key_.empty()) return std::nullopt;
  return shared_.lock(key_, request_.tree.label, stop);
}

// ---- new ones ----

StoredWheel BuildResults::keep_wheel(const fs::path& file, const WheelFilename& name,
                                     const std::string& backend) const {
  StoredWheel wheel = admit(file, name, backend);
  check(wheel, backend);
  check_promise(wheel);
  if (!key_.empty()) shared_.store.link(key_, wheel.digest);
  return wheel;
}

StoredWheel BuildResults::admit(const fs::path& file, const WheelFilename& name,
                                const std::string& backend) const {
  const std::string filename = file.filename();
  try {
    const Digest digest = hash_file(file);
    if (auto known = shared_.store.find_wheel(digest); known && known->filename == filename)
      return std::move(*known);
    return shared_.store.add_wheel(file, name, filename, digest, shared_.workers);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::BadArchive) throw;
    fail(fmt::format("its backend {} did not make a valid wheel: {}", backend, error.what()));
  }
}

std::string BuildResults::keep_metadata(const fs::path& folder) const {
  std::string text = read_file(folder / "METADATA");
  check(text);
  if (!key_.empty()) {
    make_directories(metadata_file().parent_path());
    write_file_atomically(metadata_file(), text);
  }
  shared_.prepared.with([&](auto& prepared) {
    auto& kept = prepared[prepared_key()];
    kept = std::make_shared<TempDir>(shared_.store.make_temp("prepared"));
    rename_over(folder, kept->path() / folder.filename());
  });
  return text;
}

std::shared_ptr<TempDir> BuildResults::prepared() const {
  return shared_.prepared.with([&](auto& prepared) { return prepared[prepared_key()]; });
}

// ---- are they what was asked for? ----

void BuildResults::check(const StoredWheel& wheel, const std::string& backend) const {
  if (const std::string wrong = wrong_record(wheel.faults); !wrong.empty())
    fail(fmt::format("the wheel that its backend {} made is wrong: {}", backend, wrong));
  check(metadata_of(wheel));
}

void BuildResults::check(const std::string& metadata) const {
  const Expected<BuiltIdentity> identity = BuiltIdentity::parse(metadata);
  if (!identity) fail(fmt::format("the metadata it gives: {}", identity.error().message));
  // If a URL or folder was asked for by name, no version was promised: then a wrong name is the user's
  // mistake, as it is when the source itself gives another name.
  if (request_.name && !request_.version && *request_.name != identity->name)
    throw wrong_name(request_.tree.label, identity->name, *request_.name);
  if ((request_.name && *request_.name != identity->name) ||
      (request_.version && *request_.version != identity->version))
    fail(fmt::format("it turns out to be {}, and {}{}{} was asked for", identity->told(),
                     request_.name ? request_.name->display() : "version", request_.version ? " " : "",
                     request_.version ? request_.version->to_string() : ""));
}

// Versions were chosen by the metadata that prepare_metadata_for_build_wheel gave.
void BuildResults::check_promise(const StoredWheel& wheel) const {
  const auto text = key_.empty() ? std::nullopt : read_file_if_exists(metadata_file());
  if (!text) return;
  const Expected<BuiltIdentity> promised = BuiltIdentity::parse(*text),
                                built = BuiltIdentity::parse(metadata_of(wheel));
  if (promised && built && (promised->name != built->name || promised->version != built->version))
    fail(fmt::format("its wheel is {}, and its metadata had said {}", built->told(), promised->told()));
}

}  // namespace moat
