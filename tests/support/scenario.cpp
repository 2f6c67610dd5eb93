#include "tests/support/scenario.h"

#include "resolver/base/text.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace moat::testing {
namespace {

const std::set<std::string_view> kRowKeys = {
    "requires", "extra",  "yanked", "yanked-files", "text",         "index-python", "python",
    "date",     "tags",   "sdist",  "sha256",       "sdist-sha256", "unusable",     "mended",
    "url",      "status", "fails",  "build-fails",  "needs-build",  "later"};

std::vector<std::string> columns(std::string_view line) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  while (begin < line.size()) {
    begin = line.find_first_not_of(' ', begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find("  ", begin), line.size());
    out.emplace_back(trim(line.substr(begin, end - begin)));
    begin = end;
  }
  return out;
}

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

FakeRelease read_row(const std::vector<std::string>& row, Scenario& scenario, bool& later) {
  FakeRelease out;
  const std::size_t blank = row.front().find(' ');
  out.name = row.front().substr(0, blank);
  out.version = blank == std::string::npos ? "" : row.front().substr(blank + 1);
  for (std::size_t i = 1; i < row.size();) {
    const std::string key = row[i++];
    if (!kRowKeys.contains(key)) throw std::invalid_argument("`" + key + "` is no key of a row");
    std::vector<std::string> values;
    while (i < row.size() && !kRowKeys.contains(row[i])) values.push_back(row[i++]);
    const std::string first = values.empty() ? "" : values.front();
    if (key == "requires") out.requirements = values;
    if (key == "extra") out.extras = values;
    if (key == "yanked") out.yanked = first;
    if (key == "yanked-files") out.yanked_files = values;
    if (key == "text") out.version_text = first;
    if (key == "index-python") out.index_python = first;
    if (key == "python") out.python = first;
    if (key == "date") out.date = first;
    if (key == "tags") out.tags = first == "none" ? std::vector<std::string>{} : values;
    if (key == "sdist") out.sdist = true;
    if (key == "needs-build") out.needs_build = true;
    if (key == "later") later = true;
    if (key == "sha256") out.sha256 = first;
    if (key == "sdist-sha256") out.sdist_sha256 = first;
    if (key == "unusable") out.unusable = first;
    if (key == "mended") out.mended = first;
    if (key == "url") out.url = first;
    if (key == "status") scenario.statuses[out.name] = first;
    if (key == "fails" || key == "build-fails")
      scenario.failures.push_back(
          {out.name, out.version, first, key == "fails" ? ErrorKind::Network : ErrorKind::Build});
  }
  return out;
}

RootRequirement read_line(std::string text) {
  Origin origin;
  std::vector<Digest> hashes;
  if (const std::size_t at = text.find(" @@ "); at != std::string::npos) {
    origin.where = text.substr(at + 4);
    text = text.substr(0, at);
  }
  for (std::size_t hash = text.rfind(" #"); hash != std::string::npos; hash = text.rfind(" #")) {
    std::string hex;
    while (hex.size() < 64) hex += text.substr(hash + 2);
    hashes.push_back({"sha256", hex.substr(0, 64)});
    text = text.substr(0, hash);
  }
  return {requirement(text), origin, hashes};
}

std::pair<PackageName, Version> read_pin(const std::string& text) {
  const std::size_t blank = text.find(' ');
  return {package_name(text.substr(0, blank)), version(text.substr(blank + 1))};
}

void read_option(const std::string& option, ResolveRequest& request) {
  const std::size_t equals = option.find('=');
  const std::string key = option.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
  if (key == "no-deps") {
    request.no_deps = true;
  } else if (key == "pre" && value.empty()) {
    request.prereleases.otherwise = Prereleases::Allow;
  } else if (key == "pre") {
    request.prereleases.by_name[package_name(value)] = Prereleases::Allow;
  } else if (key == "only-final") {
    request.prereleases.otherwise = Prereleases::Forbid;
  } else if (key == "final") {
    request.prereleases.by_name[package_name(value)] = Prereleases::Forbid;
  } else if (key == "lowest") {
    request.mode = ResolutionMode::Lowest;
  } else if (key == "lowest-direct") {
    request.mode = ResolutionMode::LowestDirect;
  } else if (key == "no-window") {
    request.window = std::nullopt;
  } else if (key == "build") {
    request.can_build = true;
  } else if (key == "require-hashes") {
    request.require_hashes = true;
  } else if (key == "ignore-python") {
    request.ignore_requires_python = true;
  } else if (key == "no-binary" && value.empty()) {
    request.binary.allow_wheels = false;
  } else if (key == "only-binary" && value.empty()) {
    request.binary.allow_sdists = false;
  } else if (key == "no-binary") {
    request.binary.by_name[package_name(value)] = {false, true};
  } else if (key == "only-binary") {
    request.binary.by_name[package_name(value)] = {true, false};
  } else {
    throw std::invalid_argument("`" + option + "` is no option");
  }
}

void read_counts(const std::vector<std::string>& values, std::map<std::string, int>& counts) {
  for (const std::string& value : values) {
    const std::size_t blank = value.find(' ');
    counts[value.substr(0, blank)] = std::stoi(value.substr(blank + 1));
  }
}

class ScenarioReader {
 public:
  Scenario read(std::string_view text) {
    for (const std::string_view line : split_lines(text)) {
      if (trim(line).empty() || trim(line).starts_with('#')) continue;
      if (line.front() != ' ')
        begin_section(columns(line));
      else
        add_to_section(line);
    }
    finish_row();
    return std::move(out_);
  }

 private:
  void begin_section(const std::vector<std::string>& row) {
    finish_row();
    section_ = row.front();
    const std::vector<std::string> values(row.begin() + 1, row.end());
    ResolveRequest& request = out_.request;
    if (begin_everywhere(values)) return;
    if (section_ == "index") {
    } else if (section_ == "resolve") {
      for (const std::string& value : values) request.requirements.push_back(read_line(value));
    } else if (section_ == "constraints") {
      for (const std::string& value : values) request.constraints.push_back(read_line(value));
    } else if (section_ == "overrides") {
      for (const std::string& value : values) request.overrides.push_back(read_line(value));
    } else if (section_ == "prefer") {
      for (const std::string& value : values) request.preferences.insert(read_pin(value));
    } else if (section_ == "locked") {
      for (const std::string& value : values) {
        request.preferences.insert(read_pin(value));
        request.may_use_yanked.insert(read_pin(value));
      }
    } else if (section_ == "python") {
      python_ = values.at(0);
      request.target = target_on(platform_, python_);
    } else if (section_ == "platform") {
      platform_ = values.at(0);
      request.target = target_on(platform_, python_);
    } else if (section_ == "options") {
      for (const std::string& value : values) read_option(value, request);
    } else if (section_ == "exclude-newer") {
      request.exclude_newer = unix_time(values.at(0));
    } else if (section_ == "window") {
      request.window = std::chrono::hours(24 * std::stoi(values.at(0)));
    } else if (section_ == "fix-rounds") {
      out_.fix_budget.rounds = std::stoi(values.at(0));
    } else if (section_ == "expect files") {
      out_.files.emplace();
    } else if (section_ == "expect error") {
      out_.error.emplace();
    } else if (section_ == "expect asked") {
      out_.asked.emplace();
    } else if (section_ == "expect") {
      out_.packages.emplace();
    } else if (section_ == "expect conflict") {
      out_.conflict.emplace();
    } else if (section_ == "expect notes") {
      out_.notes.emplace();
    } else if (section_ == "expect hints") {
      out_.hints.emplace();
    } else if (section_ == "expect fixes") {
      out_.fixes.emplace();
    } else if (section_ == "expect counts") {
      read_counts(values, out_.counts);
    } else {
      throw std::invalid_argument("`" + section_ + "` is no section");
    }
  }

  // What is about many environments; false where it is not.
  bool begin_everywhere(const std::vector<std::string>& values) {
    const auto everywhere = [this]() -> Everywhere& {
      if (!out_.everywhere) out_.everywhere.emplace();
      return *out_.everywhere;
    };
    if (section_ == "targets") {
      everywhere().platforms = values;
    } else if (section_ == "may-leave-out") {
      everywhere().may_be_left_out = {values.begin(), values.end()};
    } else if (section_ == "pythons") {
      everywhere().pythons = values;
    } else if (section_ == "universal") {
      everywhere().universal = true;
    } else if (section_ == "fewest") {
      everywhere().fewest = true;
    } else if (section_ == "requires-python") {
      everywhere().requires_python = SpecifierSet::parse(values.at(0)).value();
    } else if (section_ == "upgrade") {
      for (const std::string& value : values) everywhere().upgrade.insert(package_name(value));
    } else if (section_.starts_with("extra ") || section_.starts_with("group ")) {
      const bool extra = section_.starts_with("extra ");
      const LockRoot root{extra ? LockRoot::Kind::Extra : LockRoot::Kind::Group, section_.substr(6)};
      std::vector<LockRoot>& roots = everywhere().roots;
      const auto place = std::find(roots.begin(), roots.end(), root);
      const auto number = static_cast<std::size_t>(place - roots.begin());
      if (place == roots.end()) roots.push_back(root);
      everywhere().root_of.resize(out_.request.requirements.size());
      for (const std::string& value : values) {
        out_.request.requirements.push_back(read_line(value));
        everywhere().root_of.push_back(number);
      }
    } else if (section_ == "conflicts") {
      std::set<std::size_t>& set = everywhere().conflicts.emplace_back();
      for (const std::string& value : values) {
        const LockRoot root{value.starts_with("extra ") ? LockRoot::Kind::Extra : LockRoot::Kind::Group,
                            value.substr(6)};
        const auto& roots = everywhere().roots;
        const auto place = std::find(roots.begin(), roots.end(), root);
        if (place == roots.end()) throw std::invalid_argument("`" + value + "` has no lines yet");
        set.insert(static_cast<std::size_t>(place - roots.begin()));
      }
    } else if (section_ == "expect later") {
      out_.later.emplace();
    } else {
      return false;
    }
    return true;
  }

  void add_to_section(std::string_view line) {
    if (section_ == "index") {
      if (!row_.empty() && indentation(line) > row_indentation_) {
        for (std::string& column : columns(line)) row_.push_back(std::move(column));
        return;
      }
      finish_row();
      row_ = columns(line);
      row_indentation_ = indentation(line);
      return;
    }
    const std::string text(trim(line));
    if (section_ == "expect")
      out_.packages->push_back(text);
    else if (section_ == "expect files")
      out_.files->push_back(text);
    else if (section_ == "expect error")
      out_.error->push_back(text);
    else if (section_ == "expect asked")
      out_.asked->push_back(text);
    else if (section_ == "expect conflict")
      out_.conflict->push_back(text);
    else if (section_ == "expect notes")
      out_.notes->push_back(text);
    else if (section_ == "expect hints")
      out_.hints->push_back(text);
    else if (section_ == "expect fixes")
      out_.fixes->push_back(text);
    else if (section_ == "expect later")
      out_.later->push_back(text);
    else
      begin_section(columns(section_ + "  " + text));
  }

  void finish_row() {
    if (row_.empty()) return;
    bool later = false;
    FakeRelease release = read_row(row_, out_, later);
    if (!release.version.empty()) (later ? out_.later_releases : out_.releases).push_back(std::move(release));
    row_.clear();
  }

  Scenario out_{.request = {.target = linux_target("3.12.4")}};
  std::string python_ = "3.12.4", platform_ = "linux_x86_64";
  std::string section_;
  std::vector<std::string> row_;
  std::size_t row_indentation_ = 0;
};

}  // namespace

Scenario Scenario::parse(std::string_view text) { return ScenarioReader().read(text); }

void Scenario::fill(FakeSource& source) const {
  for (FakeRelease release : releases) {
    if (everywhere && release.sha256.empty()) release.sha256 = "ab";  // a lock needs one
    source.add(release);
  }
  for (const auto& [name, status] : statuses) source.set_status(name, status, "");
  for (const Failure& failure : failures)
    source.fail(failure.name, failure.version, failure.kind, failure.message);
}

UniversalRequest Scenario::universal_request() const {
  UniversalRequest out{.request = request,
                       .roots = everywhere->roots,
                       .root_of = everywhere->root_of,
                       .targets = {},
                       .everywhere = {},
                       .requires_python = everywhere->requires_python,
                       .preferences = {}};
  out.root_of.resize(request.requirements.size());
  for (const std::string& python : everywhere->pythons) {
    const Version minor = version(python);
    if (everywhere->fewest) out.request.also_for.push_back(version(python + ".0"));
    if (everywhere->universal)
      out.everywhere.push_back({3, static_cast<unsigned>(minor.release_at(1).as_uint64().value())});
    for (const std::string& platform : everywhere->platforms) {
      LockTarget target{platform, target_on(platform, python + ".0")};
      target.target.environment.platform_release.clear();
      target.target.environment.platform_version.clear();
      target.may_be_left_out = everywhere->may_be_left_out.contains(platform);
      out.targets.push_back(std::move(target));
    }
  }
  return out;
}

Target linux_target(std::string_view python) { return target_on("linux_x86_64", python); }

Target target_on(std::string_view platform, std::string_view python) {
  const bool free_threaded = python.ends_with('t');
  if (free_threaded) python.remove_suffix(1);
  const Version full = version(python);
  const auto minor = static_cast<unsigned>(full.release_at(1).as_uint64().value());
  const std::string two = full.release_at(0).to_string() + "." + full.release_at(1).to_string();
  Target target{.environment = {.os_name = "posix",
                                .sys_platform = "linux",
                                .platform_machine = "x86_64",
                                .platform_python_implementation = "CPython",
                                .platform_release = "6.1.0",
                                .platform_system = "Linux",
                                .platform_version = "#1 SMP",
                                .python_version = two,
                                .python_full_version = std::string(python),
                                .implementation_name = "cpython",
                                .implementation_version = std::string(python)},
                .tags = {},
                .python = Version::of({full.release_at(0), full.release_at(1), full.release_at(2)}),
                .description = ""};
  std::vector<std::string> platforms;
  if (platform == "linux_x86_64") {
    platforms = linux_platforms("x86_64", Libc::Glibc, 2, 36);
    target.description = "CPython " + std::string(python) + " on linux x86_64";
  } else {
    platforms = *platforms_of(platform);
    target.description = "CPython " + std::string(python) + " on " + std::string(platform);
  }
  if (platform.starts_with("win")) {
    target.environment.os_name = "nt";
    target.environment.sys_platform = "win32";
    target.environment.platform_system = "Windows";
    target.environment.platform_machine = "AMD64";
  } else if (platform.starts_with("macosx")) {
    target.environment.sys_platform = "darwin";
    target.environment.platform_system = "Darwin";
    target.environment.platform_machine = platform.ends_with("arm64") ? "arm64" : "x86_64";
  }
  target.tags = TagSet(compatible_tags({.implementation = "cpython",
                                        .major = 3,
                                        .minor = minor,
                                        .free_threaded = free_threaded,
                                        .debug = false,
                                        .interpreter_abi = "",
                                        .platforms = std::move(platforms)}));
  return target;
}

std::vector<std::string> packages_of(const Resolution& resolution) {
  std::vector<std::string> out;
  for (const ResolvedPackage& package : resolution.packages) {
    std::vector<std::string> extras;
    for (const ExtraName& extra : package.extras) extras.push_back(extra.normalized());
    out.push_back(package.name.normalized() + (extras.empty() ? "" : "[" + join(extras, ",") + "]") + " " +
                  package.version.to_string());
  }
  return out;
}

}  // namespace moat::testing
