#include "resolver/files/requirements_txt.h"

#include "resolver/base/text.h"
#include "resolver/base/url.h"
#include "resolver/files/requirements_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

namespace moat {
namespace {

using Options = std::vector<RequirementsOption>;

// Deeper than anyone nests on purpose; a folder linked into itself would never end.
constexpr std::size_t kMostOpenFiles = 100;
// A chain of files that each include the next one twice would read 2ⁿ of them.
constexpr std::size_t kMostReads = 1000;

bool is_url(std::string_view text) {
  const std::string begin = ascii_lower(text.substr(0, 6));
  return begin.substr(0, 5) == "http:" || begin == "https:" || begin.substr(0, 5) == "file:";
}

// A file's name for messages, without credentials.
std::string shown(const std::string& path) {
  const Expected<Url> url = is_url(path) ? Url::parse(path) : parse_error("");
  return url ? url->display() : path;
}

// Resolves a path that `including` names: relative to it, or against its URL.
std::string beside(const std::string& including, const std::string& path) {
  if (is_url(including)) {
    const Expected<Url> url =
        Url::parse(including).and_then([&](const Url& base) { return base.join(path); });
    if (!url) throw Error(ErrorKind::BadInput, quote(path) + ": " + url.error().message);
    return url->to_string();
  }
  if (is_url(path)) return path;
  return (std::filesystem::path(including).parent_path() / path).lexically_normal().native();
}

Expected<Digest> parse_hash_option(std::string_view value) {
  if (value.find(':') == std::string_view::npos)
    return parse_error("`--hash` is written `--hash=sha256:…`, with a colon");
  const Expected<Digest> digest = Digest::parse(value);
  if (!digest) return digest;
  if (!digest->is_strong())
    return parse_error("`--hash` takes sha256, sha384 or sha512, not " + digest->algorithm);
  return digest;
}

// One line, taken apart.
struct Line {
  std::string file;   // as it was named, for what is relative to it
  std::string where;  // "requirements.txt:4"
  std::string text;   // the requirement; empty on a line of options
  Options options;
  bool constraint = false;

  bool has(std::string_view name) const {
    return std::any_of(options.begin(), options.end(),
                       [&](const RequirementsOption& option) { return option.name == name; });
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::BadInput, where + ": " + why);
  }
};

class FileReader {
 public:
  explicit FileReader(const RequirementsReader& reader) : reader_(reader) {}

  // named_at: the line that includes it; empty for the first file.
  void read(const std::string& path, bool constraint, const std::string& named_at = {}) {
    const std::string text = open(path, named_at);
    for (const LogicalLine& line : logical_lines(text)) read_line(path, line, constraint);
    open_.pop_back();
  }

  RequirementsFile take() && { return std::move(file_); }

 private:
  // Reads the file and marks it as open. An error in opening the file itself names the line that includes
  // it.
  std::string open(const std::string& path, const std::string& named_at) {
    const std::string normal = is_url(path) ? path : std::filesystem::path(path).lexically_normal().native();
    try {
      refuse_endless(normal);
      Expected<std::string> text = decode_requirements(reader_.read(path));
      if (!text) throw Error(ErrorKind::BadInput, fmt::format("{}: {}", shown(path), text.error().message));
      open_.push_back(normal);
      return std::move(*text);
    } catch (const Error& error) {
      if (named_at.empty()) throw;
      throw error.with_context(named_at);
    }
  }

  void refuse_endless(const std::string& path) {
    if (++reads_ > kMostReads)
      throw Error(ErrorKind::BadInput, fmt::format("{} includes more than {} files, repeated ones counted",
                                                   shown(open_.front()), kMostReads));
    if (open_.size() == kMostOpenFiles)
      throw Error(ErrorKind::BadInput,
                  fmt::format("{} is included by {} files, one by the other", shown(path), open_.size()));
    if (std::find(open_.begin(), open_.end(), path) == open_.end()) return;
    std::vector<std::string> files;
    for (const std::string& file : open_) files.push_back(shown(file));
    throw Error(ErrorKind::BadInput,
                fmt::format("{0} includes itself: {1} -> {0}", shown(path), fmt::join(files, " -> ")));
  }

  void read_line(const std::string& path, const LogicalLine& logical, bool constraint) {
    Line line{.file = path,
              .where = fmt::format("{}:{}", shown(path), logical.number),
              .text = {},
              .options = {},
              .constraint = constraint};
    const std::string text = expanded(logical.text, line);
    // The requirement ends before the first word that begins with '-'; the rest is options.
    const std::size_t cut = text.front() != '-' ? text.find(" -") : 0;
    line.text = trim(std::string_view(text).substr(0, cut));
    if (cut != std::string::npos) {
      Expected<RequirementsOptionLine> options =
          parse_requirements_options(std::string_view(text).substr(cut));
      if (!options) line.fail(options.error().message);
      line.options = std::move(options->options);
      for (const std::string& word : options->ignored)
        warn(line, fmt::format("{} is not part of an option and is ignored", quote(word)));
    }
    apply_for_packages(line);
    if (!line.text.empty())
      add_requirement(line);
    else if (line.has("editable"))
      add_editables(line);
    else
      apply_options(line);
  }

  std::string expanded(const std::string& text, const Line& at) const {
    return expand_variables(text, [&](const std::string& name) {
      std::optional<std::string> value = reader_.variable ? reader_.variable(name) : std::nullopt;
      try {
        // A relative path in a remote file is requested from its server, so the variable is sent there too.
        if (value && !value->empty() && reader_.check_variable)
          reader_.check_variable(name, is_url(at.file) ? text + " " + at.file : text);
      } catch (const Error& error) {
        throw error.with_context(at.where);
      }
      return value;
    });
  }

  void warn(const Line& line, const std::string& what) { file_.warnings.push_back(line.where + ": " + what); }

  // An option of one requirement; false for others.
  static bool add_to(RequirementsEntry& entry, const RequirementsOption& option, const Line& line) {
    if (option.name == "hash") {
      Expected<Digest> digest = parse_hash_option(option.value);
      if (!digest) line.fail(digest.error().message);
      entry.hashes.push_back(std::move(*digest));
      return true;
    }
    if (option.name != "config-settings") return false;
    const std::size_t equals = option.value.find('=');
    if (equals == std::string::npos) line.fail("`--config-settings` is written KEY=VALUE");
    entry.config_settings.emplace_back(option.value.substr(0, equals), option.value.substr(equals + 1));
    return true;
  }

  // The requirement's own options; options of the whole file have no effect on its line.
  RequirementsEntry entry_of(const Line& line) {
    RequirementsEntry entry{.text = line.text, .where = line.where, .constraint = line.constraint};
    for (const RequirementsOption& option : line.options)
      if (!add_to(entry, option, line) && option.name != "editable" && !is_for_packages(option))
        warn(line, fmt::format("`--{}` has no effect on a requirement's line", option.name));
    return entry;
  }

  void add_requirement(const Line& line) {
    RequirementsEntry entry = entry_of(line);
    if (line.has("editable")) make_editable(entry, line);  // `foo -e .`: as pip has it
    file_.entries.push_back(std::move(entry));
  }

  void make_editable(RequirementsEntry& entry, const Line& line) {
    entry.editable = true;
    if (!entry.hashes.empty()) warn(line, "`--hash` has no effect on an editable requirement");
    entry.hashes.clear();
  }

  void add_editables(const Line& line) {
    RequirementsEntry entry = entry_of(line);
    make_editable(entry, line);
    for (const RequirementsOption& option : line.options) {
      if (option.name != "editable") continue;
      entry.text = trim(option.value);
      file_.entries.push_back(entry);
    }
  }

  static bool is_for_packages(const RequirementsOption& option) {
    return option.name == "no-binary" || option.name == "only-binary" || option.name == "all-releases" ||
           option.name == "only-final";
  }

  // Options that refer to packages by name, and apply on every line.
  void apply_for_packages(const Line& line) {
    for (const RequirementsOption& option : line.options) {
      if (!is_for_packages(option)) continue;
      if (option.value.substr(0, 1) == "-") line.fail(fmt::format("`--{}` needs a value", option.name));
      const bool binary = option.name == "no-binary" || option.name == "only-binary";
      (binary ? file_.options.binary : file_.options.releases).emplace_back(option.name, option.value);
    }
  }

  void apply_options(const Line& line) {
    apply_indexes(line);
    for (const RequirementsOption& option : line.options) apply(option, line);
  }

  // An index-url replaces all indexes so far, extra ones included; `--no-index` removes them for good.
  void apply_indexes(const Line& line) {
    RequirementsOptions& to = file_.options;
    if (line.has("no-index")) {
      to.no_index = true;
      to.index_url.reset();
      to.extra_index_urls.clear();
    }
    if (to.no_index) return;
    const bool replaces =
        std::any_of(line.options.begin(), line.options.end(),
                    [](const RequirementsOption& o) { return o.name == "index-url" && !o.value.empty(); });
    if (replaces && !to.extra_index_urls.empty()) {
      warn(line, "`--index-url` takes the place of the indexes named above it, `--extra-index-url` included");
      to.extra_index_urls.clear();
    }
    for (const RequirementsOption& option : line.options) {
      if (option.value.empty()) continue;  // none is meant
      if (option.name == "index-url") to.index_url = option.value;
      if (option.name == "extra-index-url") to.extra_index_urls.push_back(option.value);
    }
  }

  void apply(const RequirementsOption& option, const Line& line) {
    RequirementsOptions& to = file_.options;
    const std::string& name = option.name;
    if (name == "requirement" || name == "constraint") {
      read(beside(line.file, option.value), name == "constraint", line.where);
    } else if (name == "find-links") {
      const std::string near = is_url(line.file) ? option.value : beside(line.file, option.value);
      to.find_links.push_back(reader_.exists && reader_.exists(near) ? near : option.value);
    } else if (name == "trusted-host") {
      to.trusted_hosts.push_back(option.value);
      to.trusted_hosts_at.push_back(line.where);
    } else if (name == "pre") {
      to.releases.emplace_back("pre", "");
    } else if (name == "prefer-binary") {
      to.prefer_binary = true;
    } else if (name == "require-hashes" || name == "no-require-hashes") {
      const bool on = name == "require-hashes";
      if (to.require_hashes && *to.require_hashes != on)
        line.fail("`--require-hashes` and `--no-require-hashes` cannot be used together");
      to.require_hashes = on;
    } else if (name == "hash" || name == "config-settings") {
      RequirementsEntry nowhere;
      add_to(nowhere, option, line);
      warn(line, fmt::format("`--{}` does not belong to a requirement and is ignored", name));
    }
  }

  const RequirementsReader& reader_;
  RequirementsFile file_;
  std::size_t reads_ = 0;
  std::vector<std::string> open_;  // files being read, outermost first
};

}  // namespace

RequirementsFile read_requirements(const std::string& path, bool constraint,
                                   const RequirementsReader& reader) {
  FileReader files(reader);
  files.read(path, constraint);
  return std::move(files).take();
}

}  // namespace moat
