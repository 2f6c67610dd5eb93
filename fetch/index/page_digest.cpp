#include "fetch/index/page_digest.h"

#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/tag.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

constexpr std::string_view kMagic = "moat page 2\n";

enum FileFlag : std::uint32_t {
  kIsWheel = 1U << 0U,
  kHasSize = 1U << 1U,
  kHasTime = 1U << 2U,
  kIsYanked = 1U << 3U,
  kHasMetadata = 1U << 4U,
  kHasMetadataDigest = 1U << 5U,
  kUrlEndsInName = 1U << 6U,  // the rest of the URL is not repeated
  kUrlHasPrefix = 1U << 7U,   // the page's common prefix is not repeated
};

// Integers are varints (7 bits a byte, lowest first), texts a length and their bytes.
class ByteWriter {
 public:
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>((value & 0x7fU) | 0x80U);
      value >>= 7U;
    }
    bytes_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) return fail();
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::string_view text() {
    const std::uint64_t length = number();
    if (length > bytes_.size() - at_) {
      fail();
      return {};
    }
    const std::string_view value = bytes_.substr(at_, static_cast<std::size_t>(length));
    at_ += value.size();
    return value;
  }
  bool literal(std::string_view expected) {
    if (bytes_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  // A count of things that take at least a byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    return static_cast<std::size_t>(value > bytes_.size() - at_ ? fail() : value);
  }
  bool failed() const { return failed_; }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::uint64_t fail() {
    failed_ = true;
    at_ = bytes_.size();
    return 0;
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Texts given numbers in the order they were first seen.
class TextTable {
 public:
  std::size_t number_of(std::string_view text) {
    const auto [entry, is_new] = numbers_.try_emplace(text, texts_.size());
    if (is_new) texts_.push_back(text);
    return entry->second;
  }
  void write(ByteWriter& out) const {
    out.number(texts_.size());
    for (const std::string_view text : texts_) out.text(text);
  }

 private:
  std::unordered_map<std::string_view, std::size_t> numbers_;
  std::vector<std::string_view> texts_;
};

// The components of a wheel's name that is known to be valid.
struct WheelParts {
  std::string_view version, build, tags;

  explicit WheelParts(std::string_view filename) {
    const std::string_view stem = filename.substr(0, filename.rfind('.'));
    const std::size_t first = stem.find('-');
    const std::size_t second = stem.find('-', first + 1);
    version = stem.substr(first + 1, second - first - 1);
    std::size_t tags_at = stem.size();
    for (int i = 0; i < 3; ++i) tags_at = stem.rfind('-', tags_at - 1);
    tags = stem.substr(tags_at + 1);
    if (tags_at > second) build = stem.substr(second + 1, tags_at - second - 1);
  }
};

BuildTag build_tag(std::string_view text) {
  BuildTag out;
  if (text.empty()) return out;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 0) out.number = VersionNumber::from_digits(text.substr(0, digits));
  out.rest = text.substr(digits);
  return out;
}

// A file that is one of the project's, and where it goes.
struct Placed {
  const PageFile* file = nullptr;
  bool is_wheel = false;
  std::string url;
};

struct Group {
  Version version;
  std::string_view text;      // as first written
  std::vector<Placed> files;  // in the page's order
};

bool is_wheel_name(std::string_view filename) {
  return filename.size() > 4 && iequals_ascii(filename.substr(filename.size() - 4), ".whl");
}

class Digester {
 public:
  Digester(const ProjectPage& page, const PackageName& project) : page_(page), project_(project) {}

  std::string digest(std::string_view validator) {
    for (const PageFile& file : page_.files) place(file);
    merge_equal_versions();
    find_prefix();
    ByteWriter records;
    for (const Group& group : groups_) {
      records.text(group.text);
      records.number(group.files.size());
      for (const Placed& placed : group.files) write(placed, records);
    }
    ByteWriter out;
    out.raw(kMagic);
    out.text(validator);
    out.text(project_.normalized());
    out.text(page_.status);
    out.text(page_.status_reason);
    out.text(page_.newer_api.value_or(""));
    out.text(page_.unknown_charset);
    out.number(page_.skipped + left_out_);
    out.text(prefix_);
    tags_.write(out);
    pythons_.write(out);
    algorithms_.write(out);
    out.number(groups_.size());
    out.raw(records.take());
    return out.take();
  }

 private:
  void place(const PageFile& file) {
    std::string url = absolute_url(file);
    const bool is_wheel = is_wheel_name(file.filename);
    Group* group = url.empty() ? nullptr
                   : is_wheel  ? group_of_wheel(file.filename)
                               : group_of_sdist(file.filename);
    if (group == nullptr)
      ++left_out_;
    else
      group->files.push_back({&file, is_wheel, std::move(url)});
  }

  // Most pages give absolute URLs on one host that need no work; "" where there is none to be made.
  std::string absolute_url(const PageFile& file) {
    const std::string_view url = file.url;
    const bool is_plain = std::none_of(url.begin(), url.end(), [](char c) {
      return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '#' || c == '@';
    });
    if (is_plain && !known_origin_.empty() && url.starts_with(known_origin_)) return std::string(url);
    const std::optional<Url> joined = page_.url_of(file);
    if (!joined) return {};
    if (joined->scheme() != "file") known_origin_ = joined->origin() + "/";
    return joined->to_string();
  }

  Group* group_of_wheel(std::string_view filename) {
    const auto wheel = WheelFilename::parse(filename);
    if (!wheel || wheel->name != project_) return nullptr;
    const WheelParts parts(filename);
    return &group_of(parts.version, wheel->version);
  }

  Group* group_of_sdist(std::string_view filename) {
    const auto sdist = SdistFilename::parse(filename, project_);
    if (!sdist || sdist->name != project_) return nullptr;
    const std::size_t at = filename.rfind(sdist->version_text);
    if (at == std::string_view::npos) return nullptr;
    return &group_of(filename.substr(at, sdist->version_text.size()), sdist->version);
  }

  Group& group_of(std::string_view text, const Version& version) {
    const auto [entry, is_new] = by_text_.try_emplace(text, groups_.size());
    if (is_new) groups_.push_back({version, text, {}});
    return groups_[entry->second];
  }

  // 1.0 and 1.0.0 are one release; the files keep the page's order.
  void merge_equal_versions() {
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const Group& a, const Group& b) { return a.version < b.version; });
    std::vector<Group> merged;
    for (Group& group : groups_) {
      if (merged.empty() || merged.back().version != group.version) {
        merged.push_back(std::move(group));
        continue;
      }
      std::vector<Placed>& files = merged.back().files;
      std::move(group.files.begin(), group.files.end(), std::back_inserter(files));
      std::sort(files.begin(), files.end(), [](const Placed& a, const Placed& b) { return a.file < b.file; });
    }
    groups_ = std::move(merged);
  }

  // What the first URLs of the newest and the oldest version share: "https://host/packages/".
  void find_prefix() {
    if (groups_.empty()) return;
    const std::string& a = groups_.front().files.front().url;
    const std::string& b = groups_.back().files.back().url;
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    prefix_ = a.substr(0, static_cast<std::size_t>(differs - a.begin()));
    prefix_.resize(prefix_.rfind('/') + 1);  // 0 where there is none
  }

  void write(const Placed& placed, ByteWriter& out) {
    const PageFile& file = *placed.file;
    std::string_view url = placed.url;
    std::uint32_t flags = placed.is_wheel ? kIsWheel : 0U;
    if (!prefix_.empty() && url.starts_with(prefix_)) {
      flags |= kUrlHasPrefix;
      url.remove_prefix(prefix_.size());
    }
    if (url.ends_with(file.filename)) {
      flags |= kUrlEndsInName;
      url.remove_suffix(file.filename.size());
    }
    if (file.size) flags |= kHasSize;
    if (file.upload_time && *file.upload_time >= 0) flags |= kHasTime;
    if (file.yanked) flags |= kIsYanked;
    if (file.has_metadata_file) flags |= kHasMetadata;
    if (!file.metadata_hash.hex.empty()) flags |= kHasMetadataDigest;

    out.number(flags);
    out.text(file.filename);
    out.text(url);
    if (placed.is_wheel) out.number(tags_.number_of(WheelParts(file.filename).tags));
    out.number(pythons_.number_of(file.requires_python));
    if (file.size) out.number(*file.size);
    if ((flags & kHasTime) != 0) out.number(static_cast<std::uint64_t>(*file.upload_time));
    if (file.yanked) out.text(*file.yanked);
    if ((flags & kHasMetadataDigest) != 0) write(file.metadata_hash, out);
    out.number(file.hash_count);
    for (const PageHash& hash : page_.hashes_of(file)) write(hash, out);
  }

  // Only what is a digest; "" for anything else.
  void write(const PageHash& hash, ByteWriter& out) {
    const auto digest = Digest::parse(hash.algorithm, hash.hex);
    out.number(algorithms_.number_of(digest ? hash.algorithm : std::string_view()));
    out.text(digest ? std::string_view(digest->hex) : std::string_view());
  }

  const ProjectPage& page_;
  const PackageName& project_;
  std::vector<Group> groups_;
  std::unordered_map<std::string_view, std::size_t> by_text_;
  std::uint64_t left_out_ = 0;
  std::string known_origin_;  // of a URL that parsed: "https://host/"
  std::string prefix_;
  TextTable tags_, pythons_, algorithms_;
};

class DigestReader {
 public:
  DigestReader(std::string_view bytes, const PackageName& project) : in_(bytes), project_(project) {}

  std::optional<DigestedPage> read(std::string_view validator) {
    DigestedPage page;
    const auto made_of = read_head(page);
    if (!made_of || *made_of != validator) return std::nullopt;
    for (const std::string_view text : tag_texts_) {
      auto tags = parse_tags(text);
      if (!tags) return std::nullopt;
      tags_.push_back(std::move(*tags));
    }
    const std::size_t versions = in_.count();
    page.releases.reserve(versions);
    for (std::size_t i = 0; i < versions; ++i) {
      std::shared_ptr<const Release> release = read_release();
      if (release == nullptr) return std::nullopt;
      page.releases.push_back(std::move(release));
    }
    if (in_.failed() || !in_.at_end()) return std::nullopt;
    return page;
  }

  // File name → sha256, of whatever page; empty where the bytes make no sense.
  std::unordered_map<std::string_view, std::string_view> read_sha256s() {
    std::unordered_map<std::string_view, std::string_view> found;
    DigestedPage page;
    if (!read_head(page)) return found;
    for (std::size_t versions = in_.count(); versions > 0; --versions) {
      in_.text();
      for (std::size_t files = in_.count(); files > 0; --files) skim_file(found);
    }
    if (in_.failed() || !in_.at_end()) found.clear();
    return found;
  }

 private:
  // All that comes before the versions. → the validator of what it was made of
  std::optional<std::string_view> read_head(DigestedPage& page) {
    if (!in_.literal(kMagic)) return std::nullopt;
    const std::string_view made_of = in_.text();
    if (in_.text() != project_.normalized()) return std::nullopt;
    page.status = in_.text();
    page.status_reason = in_.text();
    if (const std::string_view newer = in_.text(); !newer.empty()) page.newer_api = newer;
    page.unknown_charset = in_.text();
    page.skipped = in_.number();
    prefix_ = in_.text();
    tag_texts_ = read_table();
    pythons_ = read_table();
    for (const std::string_view name : read_table()) algorithms_.push_back(ascii_lower(name));
    return made_of;
  }

  // As read_file reads it, of which it has to keep the order.
  void skim_file(std::unordered_map<std::string_view, std::string_view>& found) {
    const std::uint64_t flags = in_.number();
    const std::string_view filename = in_.text();
    in_.text();                                 // the URL
    if ((flags & kIsWheel) != 0) in_.number();  // the tags
    in_.number();                               // the Pythons
    if ((flags & kHasSize) != 0) in_.number();
    if ((flags & kHasTime) != 0) in_.number();
    if ((flags & kIsYanked) != 0) in_.text();
    if ((flags & kHasMetadataDigest) != 0) skim_digest();
    for (std::size_t hashes = in_.count(); hashes > 0; --hashes)
      if (const std::string_view hex = skim_digest(); !hex.empty()) found.emplace(filename, hex);
  }

  // "" where it is no sha256.
  std::string_view skim_digest() {
    const std::uint64_t algorithm = in_.number();
    const std::string_view hex = in_.text();
    return algorithm < algorithms_.size() && algorithms_[static_cast<std::size_t>(algorithm)] == "sha256"
               ? hex
               : std::string_view();
  }

  std::vector<std::string_view> read_table() {
    std::vector<std::string_view> texts(in_.count());
    for (std::string_view& text : texts) text = in_.text();
    return texts;
  }

  std::shared_ptr<const Release> read_release() {
    auto version = Version::parse(in_.text());
    if (!version) return nullptr;
    auto release = std::make_shared<Release>(Release{std::move(*version), {}});
    const std::size_t count = in_.count();
    release->files.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      if (!read_file(*release)) return nullptr;
    return release;
  }

  // False where the bytes make no sense.
  bool read_file(Release& release) {
    const std::uint64_t flags = in_.number();
    ReleaseFile& file = release.files.emplace_back();
    Artifact& artifact = file.artifact;
    artifact.filename = in_.text();
    const std::string_view path = in_.text();
    url_.assign((flags & kUrlHasPrefix) != 0 ? prefix_ : std::string_view()).append(path);
    if ((flags & kUrlEndsInName) != 0) url_ += artifact.filename;
    auto parsed = Url::parse(url_);
    if (!parsed) return false;
    artifact.url = std::move(*parsed);
    if ((flags & kIsWheel) != 0) {
      const std::uint64_t tags = in_.number();
      if (tags >= tags_.size()) return false;
      const WheelParts parts(artifact.filename);
      file.wheel = WheelFilename{project_, release.version, std::string(parts.version),
                                 build_tag(parts.build), tags_[static_cast<std::size_t>(tags)]};
    }
    const std::uint64_t python = in_.number();
    if (python >= pythons_.size()) return false;
    artifact.requires_python = pythons_[static_cast<std::size_t>(python)];
    if ((flags & kHasSize) != 0) artifact.size = in_.number();
    if ((flags & kHasTime) != 0) artifact.upload_time = static_cast<UnixTime>(in_.number());
    if ((flags & kIsYanked) != 0) artifact.yanked = std::string(in_.text());
    artifact.has_metadata_file = (flags & kHasMetadata) != 0;
    if ((flags & kHasMetadataDigest) != 0) artifact.metadata_digest = read_digest();
    const std::size_t hashes = in_.count();
    artifact.digests.reserve(hashes);
    for (std::size_t i = 0; i < hashes; ++i)
      if (auto digest = read_digest()) artifact.digests.push_back(std::move(*digest));
    return !in_.failed();
  }

  // nullopt where the page promised what is not a digest. What it is was checked when it was written;
  // that it is hex at all is looked at again, because paths are made of it.
  std::optional<Digest> read_digest() {
    const std::uint64_t algorithm = in_.number();
    const std::string_view hex = in_.text();
    const auto is_hex = [](char c) { return is_ascii_digit(c) || (c >= 'a' && c <= 'f'); };
    if (algorithm >= algorithms_.size() || hex.empty() || !std::all_of(hex.begin(), hex.end(), is_hex))
      return std::nullopt;
    return Digest{algorithms_[static_cast<std::size_t>(algorithm)], std::string(hex)};
  }

  ByteReader in_;
  const PackageName& project_;
  std::string_view prefix_;
  std::string url_;  // of the file that is being read: its room serves all of them
  std::vector<std::vector<Tag>> tags_;
  std::vector<std::string_view> tag_texts_, pythons_;
  std::vector<std::string> algorithms_;
};

}  // namespace

std::string project_of_page_digest(std::string_view bytes) {
  ByteReader in(bytes);
  if (!in.literal(kMagic)) return "";
  in.text();  // the validator
  const std::string_view name = in.text();
  return in.failed() ? "" : std::string(name);
}

std::string digest_page(const ProjectPage& page, const PackageName& project, std::string_view validator) {
  return Digester(page, project).digest(validator);
}

std::optional<DigestedPage> read_page_digest(std::string_view bytes, const PackageName& project,
                                             std::string_view validator) {
  return DigestReader(bytes, project).read(validator);
}

std::vector<ChangedFile> changed_files(std::string_view before, const PackageName& project,
                                       const DigestedPage& now) {
  const auto known = DigestReader(before, project).read_sha256s();
  std::vector<ChangedFile> changed;
  for (const auto& release : now.releases)
    for (const ReleaseFile& file : release->files) {
      const auto found = known.find(file.artifact.filename);
      if (found == known.end()) continue;
      for (const Digest& digest : file.artifact.digests)
        if (digest.algorithm == "sha256" && digest.hex != found->second)
          changed.push_back({file.artifact.filename, {"sha256", std::string(found->second)}, digest});
    }
  return changed;
}

}  // namespace moat
