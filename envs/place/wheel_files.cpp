#include "envs/place/wheel_files.h"

#include "envs/environment/scripts.h"
#include "envs/place/owned_files.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moat {
namespace {

// A folder of a scheme may be the root itself ("").
std::string join_path(std::string_view folder, std::string_view rest) {
  return folder.empty() ? std::string(rest) : fmt::format("{}/{}", folder, rest);
}

std::string info_file(const WantedPackage& package, const Scheme& scheme, std::string_view name) {
  return fmt::format("{}/{}", join_path(scheme.purelib, package.wheel.dist_info), name);
}

// METADATA has the time of the archive, so all files that we add get it too.
std::int64_t time_of(const StoredWheel& wheel) {
  for (const StoredFile& file : wheel.files)
    if (file.path == wheel.dist_info + "/METADATA") return file.mtime;
  return 0;
}

std::vector<EntryPoint> entry_points_of(const WantedPackage& package) {
  const std::string path = package.wheel.dist_info + "/entry_points.txt";
  const auto& files = package.wheel.files;
  if (std::none_of(files.begin(), files.end(), [&](const StoredFile& file) { return file.path == path; }))
    return {};
  auto parsed = parse_script_entry_points(text_in_wheel(package, path));
  if (!parsed)
    throw Error(ErrorKind::BadArchive,
                fmt::format("cannot install {}: entry_points.txt of {}: {}", label(package),
                            quote(package.wheel.filename), parsed.error().message));
  return *std::move(parsed);
}

// As it is in the environment, or where its Python is named.
std::string command_text(std::string text, const std::optional<fs::path>& python) {
  return python ? script_at(text, python->native()).value_or(std::move(text)) : text;
}

}  // namespace

std::string label(const WantedPackage& package) {
  return fmt::format("{} {}", package.name.display(), package.version.to_string());
}

std::string text_in_wheel(const WantedPackage& package, const std::string& path) {
  return package.packed ? package.packed->text(path) : read_file(package.wheel.tree / path);
}

ArrivingFile stored_file(const Placement& placement, const FilesFrom& from, LinkMode mode) {
  const bool is_packed = from.packed != nullptr;
  return {.path = placement.path,
          .source = is_packed ? fs::path(placement.file.path) : from.tree / placement.file.path,
          .packed = from.packed,
          .sha256 = placement.file.digest.hex,
          .size = placement.file.size,
          .executable = placement.file.executable,
          .mtime = placement.file.mtime,
          .link = is_packed ? LinkMode::Auto : link_mode_for(mode, placement.path, placement.file.size)};
}

std::vector<ArrivingFile> wheel_files(const WantedPackage& package, const Scheme& scheme, LinkMode mode,
                                      const std::optional<fs::path>& python) {
  const StoredWheel& wheel = package.wheel;
  std::vector<ArrivingFile> out;
  out.reserve(wheel.files.size());
  const std::vector<EntryPoint> entry_points = entry_points_of(package);
  for (const Placement& placement : lay_out(wheel, package.name, scheme)) {
    ArrivingFile file = stored_file(placement, {wheel.tree, package.packed.get()}, mode);
    if (placement.is_script) {
      if (is_entry_point_wrapper(fs::path(placement.path).filename().string(), entry_points)) continue;
      if (auto rewritten = rewrite_script(contents_of(file)))
        file = text_file(std::move(file.path), command_text(*std::move(rewritten), python), file.mtime);
      file.executable = true;
    }
    out.push_back(std::move(file));
  }
  for (const EntryPoint& entry_point : entry_points) {
    ArrivingFile file = text_file(join_path(scheme.scripts, entry_point.name),
                                  command_text(script_wrapper(entry_point), python), time_of(wheel));
    file.executable = true;
    out.push_back(std::move(file));
  }
  return out;
}

std::vector<ArrivingFile> installer_files(const WantedPackage& package, const Scheme& scheme,
                                          bool is_requested) {
  const std::int64_t time = time_of(package.wheel);
  std::vector<ArrivingFile> out;
  out.push_back(text_file(info_file(package, scheme, "INSTALLER"), "moat\n", time));
  if (is_requested) out.push_back(text_file(info_file(package, scheme, "REQUESTED"), "", time));
  if (package.direct_url)
    out.push_back(text_file(info_file(package, scheme, "direct_url.json"), *package.direct_url, time));
  return out;
}

RecordEntry record_row(const std::string& path, const std::string& sha256, std::uint64_t size,
                       const Scheme& scheme) {
  return {record_path(path, scheme), "sha256", Digest{"sha256", sha256}.base64(), size};
}

ArrivingFile record_file(const WantedPackage& package, const Scheme& scheme, std::vector<RecordEntry> rows) {
  const std::string path = info_file(package, scheme, "RECORD");
  rows.push_back({record_path(path, scheme), "", "", std::nullopt});
  return text_file(path, format_record(std::move(rows)), time_of(package.wheel));
}

}  // namespace moat
