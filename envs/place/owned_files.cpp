#include "envs/place/owned_files.h"

#include "envs/place/wheel_layout.h"
#include "fetch/os/file.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {

namespace {

// Relative to the environment; nullopt for what lies elsewhere.
std::optional<std::string> locate(const std::string& row, const std::string& folder,
                                  const fs::path& environment) {
  const bool plain = row.front() != '/' && row.find("./") == row.npos && row.find("//") == row.npos;
  if (plain) return folder + "/" + row;
  fs::path path = row.front() == '/' ? fs::path(row).lexically_relative(environment) : fs::path(folder) / row;
  std::string out = path.lexically_normal().string();
  if (out.empty() || out == "." || out == ".." || out.substr(0, 3) == "../" || out.back() == '/')
    return std::nullopt;
  return out;
}

}  // namespace

OwnedFiles owned_files(const InstalledDistribution& distribution, const fs::path& environment,
                       const Scheme& scheme) {
  const fs::path record = distribution.info / "RECORD";
  Expected<std::vector<RecordEntry>> rows = parse_record(read_file(record));
  if (!rows)
    throw Error(ErrorKind::BadInput,
                fmt::format("cannot read {}: {}", quote(record.string()), rows.error().message));
  OwnedFiles out;
  const std::string folder = distribution.info.parent_path().lexically_relative(environment).string();
  for (RecordEntry& row : *rows) {
    std::optional<std::string> path = locate(row.path, folder, environment);
    if (path && path->substr(0, 6) == "lib64/") path->replace(0, 5, "lib");
    if (!path || is_reserved(*path, scheme)) {
      out.outside.push_back(std::move(row.path));
      continue;
    }
    out.files.push_back(
        {*std::move(path), row.algorithm == "sha256" ? std::move(row.hash) : std::string(), row.size});
  }
  return out;
}

std::string record_path(std::string_view path, const Scheme& scheme) {
  const std::string_view site = scheme.purelib;
  if (path.size() > site.size() && path.substr(0, site.size()) == site && path[site.size()] == '/')
    return std::string(path.substr(site.size() + 1));
  std::string out;
  for (const std::string_view part : split(site, '/')) out += part.empty() ? "" : "../";
  return out.append(path);
}

std::string sha256_hex(std::string_view base64) {
  const Expected<std::string> bytes = from_base64url(base64);
  return bytes && bytes->size() == 32 ? to_hex(*bytes) : "";
}

}  // namespace moat
