// Pylock → pylock.toml.
#include "resolver/files/toml.h"
#include "resolver/lock/lockfile.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

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

// One line each, so that additions of two branches merge.
std::string lines(std::string_view key, const std::vector<std::string>& texts) {
  std::string out = fmt::format("{} = [\n", key);
  for (const std::string& text : texts) out += "    " + toml_quote(text) + ",\n";
  return out + "]\n";
}

std::string inputs_text(const LockedInputs& inputs) {
  std::string out;
  if (!inputs.default_groups.empty()) out += "default-groups = " + inline_names(inputs.default_groups) + "\n";
  out += "targets = " + inline_names(inputs.targets) + "\n";
  out += "pythons = " + inline_names(inputs.pythons) + "\n";
  if (inputs.universal) out += "universal = true\n";
  for (const std::vector<std::string>& one : inputs.conflicts)
    out += (&one == &inputs.conflicts.front() ? "conflicts = [\n    " : "    ") + inline_names(one) +
           (&one == &inputs.conflicts.back() ? ",\n]\n" : ",\n");
  out += lines("requirements", inputs.requirements);
  if (!inputs.constraints.empty()) out += lines("constraints", inputs.constraints);
  const auto table = [&out](std::string_view name, const auto& by_name) {
    if (by_name.empty()) return;
    out += fmt::format("\n[tool.moat.{}]\n", name);
    for (const auto& [key, texts] : by_name) out += lines(key, texts);
  };
  table("extra-requirements", inputs.extras);
  table("group-requirements", inputs.groups);
  return out;
}

}  // namespace

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
  if (!lock.locked_groups.empty() || lock.inputs) out += "\n[tool.moat]\n";
  if (!lock.locked_groups.empty()) out += "groups = " + inline_names(lock.locked_groups) + "\n";
  if (lock.inputs) out += inputs_text(*lock.inputs);
  return out;
}

}  // namespace moat
