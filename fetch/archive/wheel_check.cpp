#include "fetch/archive/wheel_check.h"

#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"
#include "resolver/pep/name.h"
#include "resolver/pep/tag.h"
#include "resolver/pep/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

namespace moat {

namespace {

const ZipEntry* find_entry(const std::vector<ZipEntry>& entries, std::string_view name) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const ZipEntry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

// The one top-level .dist-info directory.
Expected<std::string> find_dist_info(const std::vector<ZipEntry>& entries, const WheelFilename& name) {
  constexpr std::string_view kSuffix = ".dist-info";
  std::set<std::string> found;
  for (const ZipEntry& entry : entries) {
    const std::string_view top = std::string_view(entry.name).substr(0, entry.name.find('/'));
    if (top.size() < entry.name.size() && top.ends_with(kSuffix)) found.emplace(top);
  }
  if (found.empty()) return parse_error("it has no .dist-info directory");
  if (found.size() > 1)
    return parse_error(
        fmt::format("it has several .dist-info directories: {}", listing({found.begin(), found.end()})));
  const std::string& directory = *found.begin();
  const std::string_view stem = std::string_view(directory).substr(0, directory.size() - kSuffix.size());
  const std::size_t dash = stem.find('-');
  const auto project = PackageName::parse(stem.substr(0, dash));
  const auto version = Version::parse(dash == stem.npos ? "" : stem.substr(dash + 1));
  if (!project || *project != name.name || !version || *version != name.version)
    return parse_error(fmt::format("its {} belongs to another project or version", quote(directory)));
  return directory;
}

Expected<void> check_metadata(std::string_view text, const WheelFilename& name) {
  const MetadataFields fields = parse_metadata_fields(text);
  const auto project_text = fields.find("Name"), version_text = fields.find("Version");
  const auto project = PackageName::parse(project_text.value_or(""));
  if (!project || *project != name.name)
    return parse_error(fmt::format("its METADATA is that of project {}", quote(project_text.value_or(""))));
  const auto version = Version::parse(version_text.value_or(""));
  if (!version || *version != name.version)
    return parse_error(fmt::format("its METADATA is that of version {}", quote(version_text.value_or(""))));
  return {};
}

// "1.0" and the like: {major, minor}.
std::optional<std::pair<unsigned, unsigned>> wheel_version(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() < 2) return std::nullopt;
  std::pair<unsigned, unsigned> version;
  for (const auto& [part, number] :
       {std::pair{parts[0], &version.first}, std::pair{parts[1], &version.second}}) {
    if (part.empty() || part.size() > 4 || !std::all_of(part.begin(), part.end(), is_ascii_digit))
      return std::nullopt;
    for (const char c : part) *number = *number * 10 + static_cast<unsigned>(c - '0');
  }
  return version;
}

void check_tags(const MetadataFields& fields, const WheelFilename& name, std::vector<std::string>& warnings) {
  std::set<Tag> promised(name.tags.begin(), name.tags.end()), listed;
  for (const std::string_view line : fields.find_all("Tag"))
    if (const auto tags = parse_tags(line)) listed.insert(tags->begin(), tags->end());
  if (promised != listed) warnings.emplace_back("the tags in its WHEEL file are not those of its name");
}

Expected<void> check_wheel_file(std::string_view text, const WheelFilename& name, WheelContents& contents) {
  const MetadataFields fields = parse_metadata_fields(text);
  const std::string_view version_text = fields.find("Wheel-Version").value_or("");
  const auto version = wheel_version(version_text);
  if (!version)
    return parse_error(fmt::format("its WHEEL file has no usable Wheel-Version ({})", quote(version_text)));
  if (version->first > 1)
    return parse_error(fmt::format("it is of wheel version {}, and moat supports version 1", version_text));
  if (version->first == 1 && version->second > 0)
    contents.warnings.push_back(fmt::format("it is of wheel version {}, newer than 1.0", version_text));
  contents.root_is_purelib = iequals_ascii(trim(fields.find("Root-Is-Purelib").value_or("")), "true");
  check_tags(fields, name, contents.warnings);
  return {};
}

// As RECORD means it: "./a" is a, and writers on Windows had backslashes.
std::string normal_path(std::string_view path) {
  std::string out(path);
  std::replace(out.begin(), out.end(), '\\', '/');
  while (out.starts_with("./")) out.erase(0, 2);
  return out;
}

std::string without_control_characters(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text;
}

class RecordCheck {
 public:
  RecordCheck(const std::vector<ZipEntry>& entries, std::string_view dist_info)
      : entries_(entries), record_(std::string(dist_info) + "/RECORD") {
    for (const ZipEntry& entry : entries_) known_.emplace(entry.name, &entry);
  }

  void run(std::string_view text, WheelContents& contents) {
    auto rows = parse_record(text);
    if (!rows) add(record_fault::kUnreadable, record_);
    if (rows)
      for (RecordEntry& row : *rows) take(std::move(row));
    for (const ZipEntry& entry : entries_) {
      if (entry.is_directory()) continue;
      const auto row = rows_.find(entry.name);
      if (row == rows_.end() && rows && !needs_no_row(entry.name)) add(record_fault::kUnlisted, entry.name);
      contents.rows.push_back(row != rows_.end()
                                  ? std::move(row->second)
                                  : RecordEntry{.path = entry.name, .algorithm = {}, .hash = {}, .size = {}});
    }
    contents.faults = std::move(faults_);
  }

 private:
  void add(std::string_view kind, const std::string& path) {
    faults_.push_back({std::string(kind), without_control_characters(path)});
  }

  bool needs_no_row(std::string_view path) const {
    return path == record_ || path == record_ + ".jws" || path == record_ + ".p7s";
  }

  void take(RecordEntry row) {
    row.path = normal_path(row.path);
    const auto entry = known_.find(row.path);
    if (entry == known_.end()) return add(record_fault::kMissing, row.path.empty() ? "?" : row.path);
    if (entry->second->is_directory()) return;
    if (needs_no_row(row.path)) {
      row.algorithm.clear();
    } else if (!strong(row)) {
      add(record_fault::kUnhashed, row.path);
      row.algorithm.clear();
    } else if (row.size && *row.size != entry->second->size) {
      add(record_fault::kOtherSize, row.path);
    }
    const auto [known, is_new] = rows_.emplace(row.path, row);
    if (is_new || (known->second.hash == row.hash && known->second.algorithm == row.algorithm)) return;
    add(record_fault::kTwoRows, row.path);
    known->second.algorithm.clear();
  }

  static bool strong(const RecordEntry& row) {
    return row.algorithm == "sha256" || row.algorithm == "sha384" || row.algorithm == "sha512";
  }

  const std::vector<ZipEntry>& entries_;
  std::string record_;
  std::unordered_map<std::string_view, const ZipEntry*> known_;
  std::unordered_map<std::string, RecordEntry> rows_;
  std::vector<RecordFault> faults_;
};

// Reserved characters, or a trailing dot or space; device names are not checked.
bool is_refused_by_windows(std::string_view path) {
  if (path.find_first_of("<>:\"|?*") != path.npos) return true;
  return std::ranges::any_of(split(path, '/'), [](std::string_view part) {
    return !part.empty() && (part.back() == '.' || part.back() == ' ');
  });
}

}  // namespace

std::string wrong_record(const std::vector<RecordFault>& faults) {
  struct Kind {
    std::string_view word, clause;
  };
  static constexpr std::array<Kind, 7> kKinds = {{
      {record_fault::kUnlisted, "its RECORD does not list"},
      {record_fault::kMissing, "its RECORD lists files that are not there:"},
      {record_fault::kUnhashed, "its RECORD has no hash of sha256 or better for"},
      {record_fault::kOtherSize, "its RECORD has a different size for"},
      {record_fault::kOtherHash, "its RECORD has a different hash for"},
      {record_fault::kTwoRows, "its RECORD has two different rows for"},
      {record_fault::kUnreadable, "it cannot be parsed:"},
  }};
  std::map<std::string_view, std::vector<std::string>> paths;
  for (const RecordFault& fault : faults)
    if (fault.kind != record_fault::kWindowsName) paths[fault.kind].push_back(fault.path);
  std::vector<std::string> clauses;
  for (const Kind& kind : kKinds)
    if (const auto found = paths.find(kind.word); found != paths.end()) {
      clauses.push_back(fmt::format("{} {}", kind.clause, listing(found->second)));
      paths.erase(found);
    }
  for (const auto& [word, of_it] : paths)  // of a later moat
    clauses.push_back(fmt::format("its RECORD has a fault, {}: {}", word, listing(of_it)));
  return join(clauses, "; ");
}

std::string listing(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  const std::size_t shown = names.size() <= kShown + 1 ? names.size() : kShown;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
    text += quote(names[i]);
  }
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

bool agrees(const RecordEntry& row, const Digest& digest) {
  std::string_view hash = row.hash;
  while (hash.ends_with('=')) hash.remove_suffix(1);
  return digest.algorithm == row.algorithm && digest.base64() == hash;
}

Expected<WheelContents> check_wheel(const std::vector<ZipEntry>& entries, const WheelFilename& name,
                                    const std::function<std::string(const ZipEntry&)>& read) {
  WheelContents contents;
  auto dist_info = find_dist_info(entries, name);
  if (!dist_info) return tl::unexpected(dist_info.error());
  contents.dist_info = std::move(*dist_info);
  std::optional<std::string> texts[3];
  const std::string_view names[3] = {"WHEEL", "METADATA", "RECORD"};
  for (std::size_t i = 0; i < 3; ++i) {
    const ZipEntry* entry = find_entry(entries, fmt::format("{}/{}", contents.dist_info, names[i]));
    if (!entry) return parse_error(fmt::format("it has no {} file", names[i]));
    texts[i] = read(*entry);
  }
  if (const auto fine = check_wheel_file(*texts[0], name, contents); !fine)
    return tl::unexpected(fine.error());
  if (const auto fine = check_metadata(*texts[1], name); !fine) return tl::unexpected(fine.error());
  RecordCheck(entries, contents.dist_info).run(*texts[2], contents);
  for (const ZipEntry& entry : entries)
    if (is_refused_by_windows(entry.name))
      contents.faults.push_back({std::string(record_fault::kWindowsName), entry.name});
  return contents;
}

}  // namespace moat
