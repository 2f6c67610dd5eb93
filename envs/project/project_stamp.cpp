#include "envs/project/project_stamp.h"

#include "envs/project/project_files.h"
#include "envs/project/workspace.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <exception>

namespace moat {
namespace {

fs::path stamp_path(const fs::path& environment) { return environment / ".moat" / "synced"; }

std::string digest_of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += fmt::format("{}:{}\n", text.size(), text);
  return hash_bytes(all).hex;
}

void add_texts(const fs::path& folder, const SurroundingProject& around, std::vector<std::string>& texts) {
  texts.push_back(pyproject_text(folder / "pyproject.toml", around).value_or(""));
  for (const char* name : {"setup.py", "setup.cfg"})
    texts.push_back(read_file_if_exists(folder / name).value_or(""));
}

}  // namespace

std::string project_digest(const fs::path& folder, const SurroundingProject& around) {
  std::vector<std::string> texts;
  add_texts(folder, around, texts);
  if (!around.pyproject || around.pyproject->parent_path() != folder) return digest_of(texts);
  for (const fs::path& member : workspace_folders(around)) {
    texts.push_back(member.native());
    add_texts(member, around, texts);
  }
  return digest_of(texts);
}

std::string inputs_digest(const std::string& project, const std::string& lock_text,
                          const std::string& chosen) {
  return digest_of({MOAT_VERSION, project, lock_text, chosen});
}

std::string manifest_mark(const fs::path& environment) {
  struct stat facts {};
  if (::stat((environment / ".moat" / "manifest").c_str(), &facts) != 0) return "";
  return fmt::format("{}.{:09}:{}:{}", facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, facts.st_ino,
                     facts.st_size);
}

bool is_synced(const fs::path& environment, bool inexact, const std::string& choice,
               const SurroundingProject& around) {
  const std::optional<ProjectStamp> stamp = read_stamp(environment);
  if (!stamp || stamp->manifest != manifest_mark(environment) || (!inexact && !stamp->exact)) return false;
  const std::optional<std::string> lock = read_file_if_exists(project_lock_path(around));
  return lock &&
         stamp->inputs == inputs_digest(project_digest(*project_folder(around), around), *lock, choice);
}

std::optional<ProjectStamp> read_stamp(const fs::path& environment) {
  const std::optional<std::string> text = read_file_if_exists(stamp_path(environment));
  if (!text) return std::nullopt;
  const std::vector<std::string_view> lines = split_lines(*text);
  if (lines.size() != 4) return std::nullopt;
  return ProjectStamp{.inputs = std::string(lines[0]),
                      .project = std::string(lines[1]),
                      .manifest = std::string(lines[2]),
                      .exact = lines[3] == "exact"};
}

void write_stamp(const fs::path& environment, const ProjectStamp& stamp) noexcept {
  try {
    if (read_stamp(environment) == stamp) return;
    write_file_atomically(stamp_path(environment),
                          fmt::format("{}\n{}\n{}\n{}\n", stamp.inputs, stamp.project, stamp.manifest,
                                      stamp.exact ? "exact" : "more"));
  } catch (const std::exception&) {
    // The environment is read-only.
  }
}

}  // namespace moat
