#include "envs/place/wheel_layout.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <unordered_set>

namespace moat {

namespace {

bool starts_with_folder(std::string_view path, std::string_view folder) {
  return path.size() > folder.size() && path.substr(0, folder.size()) == folder && path[folder.size()] == '/';
}

// "Foo.Bar-1.0" and "foo_bar-1.0" name the same distribution.
std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && !out.empty() && out.back() == '_') continue;
    out += separator ? '_' : ascii_lower(c);
  }
  return out;
}

// "foo-1.0.data" of "foo-1.0.dist-info", as the wheel spells it: first component of `path`, or empty.
std::string_view data_folder(std::string_view path, std::string_view dist_info) {
  constexpr std::string_view kData = ".data", kDistInfo = ".dist-info";
  const std::string_view first = path.substr(0, path.find('/'));
  if (first.size() <= kData.size() || first.substr(first.size() - kData.size()) != kData) return {};
  const std::string_view stem = first.substr(0, first.size() - kData.size());
  const std::string_view wanted =
      dist_info.substr(0, dist_info.size() - std::min(dist_info.size(), kDistInfo.size()));
  return stem == wanted || folded(stem) == folded(wanted) ? first : std::string_view();
}

bool stays_inside(std::string_view path) {
  if (path.empty()) return false;
  const std::vector<std::string_view> parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(),
                      [](std::string_view part) { return part.empty() || part == "." || part == ".."; });
}

struct Target {
  std::string path;
  bool is_script = false;
};

class Layout {
 public:
  Layout(const StoredWheel& wheel, const PackageName& name, const Scheme& scheme)
      : wheel_(wheel), name_(name), scheme_(scheme) {}

  Target target(std::string_view path) const {
    if (!stays_inside(path)) fail(path, "leaves the wheel");
    Target out = unchecked_target(path);
    // lib64 is a link to lib: files placed through it end up there.
    if (starts_with_folder(out.path, "lib64")) out.path.replace(0, 5, "lib");
    if (is_reserved(out.path, scheme_))
      throw Error(ErrorKind::Refused,
                  fmt::format("cannot install {}: its file {} would replace {} of the environment",
                              quote(wheel_.filename), quote(path), quote(out.path)));
    return out;
  }

  [[noreturn]] void fail(std::string_view path, std::string_view why) const {
    throw Error(ErrorKind::BadArchive,
                fmt::format("cannot install {}: its file {} {}", quote(wheel_.filename), quote(path), why));
  }

 private:
  Target unchecked_target(std::string_view path) const {
    const std::string_view data = data_folder(path, wheel_.dist_info);
    if (data.empty()) return {join(wheel_.root_is_purelib ? scheme_.purelib : scheme_.platlib, path)};
    const std::string_view below = path.substr(std::min(path.size(), data.size() + 1));
    const std::size_t slash = below.find('/');
    if (slash == below.npos) fail(path, "is directly in the .data folder");
    const std::string_view key = below.substr(0, slash), rest = below.substr(slash + 1);
    if (key == "purelib") return {join(scheme_.purelib, rest)};
    if (key == "platlib") return {join(scheme_.platlib, rest)};
    if (key == "headers") return {join(join(scheme_.headers, name_.normalized()), rest)};
    if (key == "scripts") return {join(scheme_.scripts, rest), true};
    if (key == "data") return {join(scheme_.data, rest)};
    fail(path, "is in a scheme that does not exist: purelib, platlib, headers, scripts, data");
  }

  static std::string join(std::string_view folder, std::string_view rest) {
    return folder.empty() ? std::string(rest) : fmt::format("{}/{}", folder, rest);
  }

  const StoredWheel& wheel_;
  const PackageName& name_;
  const Scheme& scheme_;
};

bool is_own_script(std::string_view name) {
  constexpr std::array<std::string_view, 10> kActivation = {
      "activate",     "activate.csh", "activate.fish", "activate.nu",    "activate.ps1",
      "activate.xsh", "activate.bat", "deactivate",    "deactivate.bat", "activate_this.py"};
  std::string lower = ascii_lower(name);
  if (lower.size() > 4 && lower.substr(lower.size() - 4) == ".exe") lower.resize(lower.size() - 4);
  return is_interpreter_name(lower) ||
         std::find(kActivation.begin(), kActivation.end(), lower) != kActivation.end();
}

std::vector<Placement> place_all(const Layout& layout, std::span<const StoredFile> files,
                                 std::string_view dist_info) {
  constexpr std::array<std::string_view, 4> kWrittenHere = {"RECORD", "INSTALLER", "REQUESTED",
                                                            "direct_url.json"};
  std::vector<Placement> out;
  std::unordered_set<std::string> taken;
  out.reserve(files.size());
  for (const StoredFile& file : files) {
    if (starts_with_folder(file.path, dist_info) &&
        std::find(kWrittenHere.begin(), kWrittenHere.end(),
                  std::string_view(file.path).substr(dist_info.size() + 1)) != kWrittenHere.end())
      continue;
    Target target = layout.target(file.path);
    if (!taken.insert(target.path).second)
      layout.fail(file.path, "has the same path as another of its files");
    out.push_back({std::move(target.path), file, target.is_script});
  }
  return out;
}

}  // namespace

bool is_interpreter_name(std::string_view name) {
  for (const std::string_view stem : {"pythonw", "python", "pypy"}) {
    if (name.substr(0, stem.size()) != stem) continue;
    return name.substr(stem.size()).find_first_not_of("0123456789.tdm") == name.npos;
  }
  return false;
}

bool is_reserved(std::string_view path, const Scheme& scheme) {
  for (const std::string_view own : {".moat", "pyvenv.cfg", "lib64", ".gitignore"})
    if (path == own || starts_with_folder(path, own)) return true;
  if (!starts_with_folder(path, scheme.scripts)) return path == scheme.scripts || path == scheme.purelib;
  const std::string_view script = path.substr(scheme.scripts.size() + 1);
  return is_own_script(script.substr(0, script.find('/')));
}

std::vector<Placement> lay_out(const StoredWheel& wheel, const PackageName& name, const Scheme& scheme) {
  return place_all(Layout(wheel, name, scheme), wheel.files, wheel.dist_info);
}

std::vector<Placement> lay_out_bytecode(const StoredWheel& wheel, const PackageName& name,
                                        const Scheme& scheme, const std::vector<StoredFile>& bytecode) {
  return place_all(Layout(wheel, name, scheme), bytecode, wheel.dist_info);
}

bool is_importable_source(std::string_view wheel_path, std::string_view dist_info) {
  if (wheel_path.size() < 4 || wheel_path.substr(wheel_path.size() - 3) != ".py") return false;
  if (starts_with_folder(wheel_path, dist_info)) return false;
  const std::string_view data = data_folder(wheel_path, dist_info);
  if (data.empty()) return true;
  const std::string_view below = wheel_path.substr(std::min(wheel_path.size(), data.size() + 1));
  return starts_with_folder(below, "purelib") || starts_with_folder(below, "platlib");
}

bool is_of_tests(std::string_view wheel_path) {
  std::vector<std::string_view> folders = split(wheel_path, '/');
  folders.pop_back();
  return std::ranges::any_of(folders,
                             [](std::string_view name) { return name == "tests" || name == "test"; });
}

}  // namespace moat
