#include "envs/deploy/bundle_contents.h"

#include "envs/deploy/bytecode_blob.h"
#include "envs/place/bytecode.h"
#include "envs/place/direct_url.h"
#include "envs/project/workspace.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moat {

std::optional<ProjectBeside> project_beside(const fs::path& lock) {
  const auto text = read_file_if_exists(lock.parent_path() / "pyproject.toml");
  if (!text) return std::nullopt;
  const auto file = PyProject::parse(*text);
  if (!file) return std::nullopt;
  auto table = file->project();
  if (!table || !*table) return std::nullopt;
  return ProjectBeside{std::move(**table), find_key(file->table(), "build-system") != nullptr};
}

namespace {

// The project itself, if its pylock.toml does not list it: it is built like any folder in a lock.
std::optional<LockedPackage> own_package(const std::optional<ProjectBeside>& project, const fs::path& lock,
                                         const std::vector<SelectedPackage>& selected) {
  if (!project || !project->is_packaged || lock.filename() != "pylock.toml") return std::nullopt;
  for (const SelectedPackage& one : selected)
    if (one.package->name == project->table.name) return std::nullopt;
  LockedPackage own{.name = project->table.name};
  own.direct = DirectSource{.kind = DirectSourceKind::Directory};
  own.direct->path = lock.parent_path().native();
  return own;
}

}  // namespace

std::vector<LockedPackage> own_packages_of(const std::optional<ProjectBeside>& beside, const fs::path& lock,
                                           const std::vector<SelectedPackage>& selected,
                                           const SurroundingProject& around) {
  std::vector<LockedPackage> out;
  if (lock.filename() == "pylock.toml" && project_folder(around) == lock.parent_path()) {
    for (const OwnPackage& own : own_packages(around)) {
      if (!own.name || std::any_of(selected.begin(), selected.end(), [&](const SelectedPackage& one) {
            return one.package->name == *own.name;
          }))
        continue;
      LockedPackage package{.name = *own.name};
      package.direct = DirectSource{.kind = DirectSourceKind::Directory};
      package.direct->path = own.folder.native();
      out.push_back(std::move(package));
    }
    return out;
  }
  if (std::optional<LockedPackage> own = own_package(beside, lock, selected)) out.push_back(std::move(*own));
  return out;
}

namespace {

BundlePython python_of(const Interpreter& interpreter) {
  return {.implementation = interpreter.implementation,
          .version = interpreter.version,
          .major = interpreter.major,
          .minor = interpreter.minor,
          .free_threaded = interpreter.free_threaded};
}

}  // namespace

BundleFor bundle_for_here(const Interpreter& python) {
  return {target_of(python), python_of(python), python.markers.platform_machine};
}

BundleFor bundle_for(const std::string& version, const std::string& platform, const Interpreter& python) {
  std::vector<std::string> platforms;
  if (!platform.empty()) platforms.push_back(platform);
  Expected<Target> target = foreign_target(version, platforms, platform.empty() ? &python : nullptr);
  if (!target)
    throw Error(ErrorKind::Usage,
                fmt::format("target {} {}: {}", quote(platform), version, target.error().message));
  if (target->environment.sys_platform != "linux")
    throw Error(
        ErrorKind::Usage,
        fmt::format("--platform: {} is not Linux, which is what `moat deploy` runs on", quote(platform)),
        {"--platform linux-x86_64, --platform manylinux_2_28_aarch64"});
  const auto part = [&](std::size_t at) {
    return static_cast<unsigned>(target->python.release_at(at).as_uint64().value_or(0));
  };
  BundlePython wanted{.implementation = "cpython",
                      .version = target->python.to_string(),
                      .major = part(0),
                      .minor = part(1),
                      .free_threaded = false};
  std::string architecture = target->environment.platform_machine;
  return {std::move(*target), std::move(wanted), std::move(architecture)};
}

std::map<PackageName, Original> obtain_originals(Resolution& resolution, const Tools& with) {
  std::vector<FileOrder> orders;
  std::vector<ResolvedPackage*> packages;
  for (ResolvedPackage& package : resolution.packages) {
    if (!package.file.wheel) continue;
    orders.push_back({package.file.artifact, package.accepted});
    packages.push_back(&package);
  }
  const std::vector<Original> files =
      obtain_originals(orders, with.http, with.store, with.workers, with.reporter, with.stop);
  std::map<PackageName, Original> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    packages[i]->file.artifact.url = Url::from_path(files[i].file.native());
    out.emplace(packages[i]->name, files[i]);
  }
  return out;
}

namespace {

// A path on this machine means nothing elsewhere.
std::optional<std::string> portable(const std::optional<std::string>& direct_url) {
  const auto from = direct_url ? DirectUrl::parse(*direct_url) : std::nullopt;
  return from && !from->url.starts_with("file:") ? direct_url : std::nullopt;
}

}  // namespace

void add_packages(const std::vector<WantedPackage>& wanted, const std::map<PackageName, Original>& originals,
                  const fs::path& folder, BundleContents& contents) {
  for (const WantedPackage& package : wanted) {
    BundlePackage out{package.name, package.version, package.wheel.filename,      {}, 0, package.requested,
                      false,        package.index,   portable(package.direct_url)};
    const auto original = originals.find(package.name);
    if (original != originals.end()) {
      out.sha256 = original->second.sha256;
      out.size = original->second.size;
      contents.wheels.push_back(original->second.file);
    } else {
      const fs::path file = folder / package.wheel.filename;
      write_wheel_file(package.wheel, file);
      out.built = true;
      out.sha256 = hash_file(file);
      out.size = fs::file_size(file);
      contents.wheels.push_back(file);
    }
    contents.config.packages.push_back(std::move(out));
  }
}

void add_bytecode(const std::vector<WantedPackage>& packages, const Runtime& runtime,
                  const BundlePython& wanted, const fs::path& folder, BundleContents& contents,
                  const Tools& with) {
  if (!wanted.fits(runtime.interpreter))
    throw Error(ErrorKind::Usage,
                fmt::format("`--with-bytecode` requires {}, and this is {} {}", wanted.to_string(),
                            runtime.interpreter.implementation, runtime.interpreter.version),
                {fmt::format("name one that is here with `-p {}.{}`", wanted.major, wanted.minor)});
  std::vector<StoredWheel> wheels;
  for (const WantedPackage& package : packages) wheels.push_back(package.wheel);
  const std::vector<StoredBytecode> bytecode =
      obtain_bytecode(wheels, runtime, with.store, with.workers, with.reporter);
  contents.config.bytecode = bytecode_key(runtime.interpreter);
  contents.bytecode.resize(bytecode.size());
  with.workers.for_each(bytecode.size(), [&](std::size_t i) {
    if (bytecode[i].files.empty()) return;
    BundlePackage& package = contents.config.packages[i];
    const fs::path file = contents.bytecode[i] = folder / (package.filename + ".bytecode");
    write_bytecode_blob(bytecode[i], file);
    package.bytecode = BundleBlob{.sha256 = hash_file(file), .size = fs::file_size(file)};
  });
}

void check_built(const std::vector<WantedPackage>& packages, const BundleFor& wanted) {
  for (const WantedPackage& package : packages) {
    const auto wheel = WheelFilename::parse(package.wheel.filename);
    if (wheel && !wanted.target.tags.rank(wheel->tags))
      throw Error(ErrorKind::NoSolution,
                  fmt::format("{} was built here, and does not run on {}", quote(package.wheel.filename),
                              wanted.target.description),
                  {fmt::format("lock a version of {} that has wheels for it, or make the bundle there",
                               package.name.display())});
  }
}

}  // namespace moat
