// Reads the format that page_summary.cpp writes.
#include "fetch/index/page_summary.h"
#include "fetch/index/page_summary_format.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"
#include "resolver/pep/tag.h"

#include <algorithm>
#include <deque>
#include <span>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

using namespace page_summary;

BuildTag build_tag(std::string_view text) {
  BuildTag out;
  if (text.empty()) return out;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits > 0) out.number = VersionNumber::from_digits(text.substr(0, digits));
  out.rest = text.substr(digits);
  return out;
}

// The part before the versions. The texts are views of the bytes.
struct Head {
  std::string_view made_of;  // the validator of the page
  std::string_view status, status_reason, newer_api, unknown_charset, prefix;
  std::uint64_t skipped = 0;
  std::vector<std::string_view> tags, pythons;
  std::vector<std::string> algorithms;
};

std::vector<std::string_view> read_table(ByteReader& in) {
  std::vector<std::string_view> texts(in.count());
  for (std::string_view& text : texts) text = in.text();
  return texts;
}

// nullopt if the bytes have another format or belong to another project.
std::optional<Head> read_head(ByteReader& in, const PackageName& project) {
  Head head;
  if (!in.literal(kMagic)) return std::nullopt;
  head.made_of = in.text();
  if (in.text() != project.normalized()) return std::nullopt;
  head.status = in.text();
  head.status_reason = in.text();
  head.newer_api = in.text();
  head.unknown_charset = in.text();
  head.skipped = in.number();
  head.prefix = in.text();
  head.tags = read_table(in);
  head.pythons = read_table(in);
  for (const std::string_view name : read_table(in)) head.algorithms.push_back(ascii_lower(name));
  return head;
}

// The traits of one file, with its tags and Python as indices into the tables.
struct NumberedTraits {
  std::uint64_t flags = 0, tags = 0, python = 0, time = 0;
};

NumberedTraits read_traits(ByteReader& in) {
  NumberedTraits out;
  out.flags = in.number();
  if ((out.flags & kIsWheel) != 0) out.tags = in.number();
  out.python = in.number();
  if ((out.flags & kHasTime) != 0) out.time = in.number();
  return out;
}

// The releases of a summary; lives as long as one of them is in use.
class KeptPage final : public FilesBehind {
 public:
  KeptPage(std::shared_ptr<const void> owner, Head head, PackageName project)
      : owner_(std::move(owner)), head_(std::move(head)), project_(std::move(project)) {}

  // Returns false if the bytes are invalid.
  bool read(ByteReader& in) {
    for (const std::string_view text : head_.tags) {
      auto tags = parse_tags(text);
      if (!tags) return false;
      tags_.push_back(std::move(*tags));
    }
    struct Read {
      Version version;
      std::size_t files;
    };
    std::vector<Read> versions;
    std::size_t end = 0;  // of the rests, from where they begin
    for (std::size_t left = in.count(); left > 0; --left) {
      auto version = Version::parse(in.text());
      if (!version) return false;
      const std::size_t files = in.count();
      for (std::size_t i = 0; i < files; ++i)
        if (!keep_traits(read_traits(in))) return false;
      rests_.push_back(end);
      end += in.count();
      versions.push_back({std::move(*version), files});
    }
    rests_.push_back(end);
    rest_ = in.rest();
    if (in.failed() || rest_.size() != end) return false;
    std::size_t first = 0;
    for (std::size_t i = 0; i < versions.size(); first += versions[i++].files)
      releases_.emplace_back(std::move(versions[i].version),
                             std::span(traits_).subspan(first, versions[i].files), i, *this);
    return true;
  }

  const std::deque<Release>& releases() const { return releases_; }

  std::vector<ReleaseFile> files_of(const Version& version, std::span<const FileTraits> traits,
                                    std::size_t place) const override {
    ByteReader in(rest_.substr(rests_[place], rests_[place + 1] - rests_[place]));
    std::vector<ReleaseFile> files;
    files.reserve(traits.size());
    for (const FileTraits& file : traits) {
      std::optional<ReleaseFile> read = read_file(in, file, version);
      if (!read) throw damaged();
      files.push_back(std::move(*read));
    }
    if (in.failed() || !in.at_end()) throw damaged();
    return files;
  }

 private:
  Error damaged() const {
    return {ErrorKind::Disk,
            "what the store keeps of the index's page of " + quote(project_.display()) + " is damaged",
            {"`--refresh-package " + project_.normalized() + "` asks the index again"}};
  }

  bool keep_traits(const NumberedTraits& read) {
    const bool is_wheel = (read.flags & kIsWheel) != 0;
    if (read.python >= head_.pythons.size() || (is_wheel && read.tags >= tags_.size())) return false;
    FileTraits& file = traits_.emplace_back();
    if (is_wheel) file.tags = &tags_[static_cast<std::size_t>(read.tags)];
    file.requires_python = head_.pythons[static_cast<std::size_t>(read.python)];
    if ((read.flags & kHasTime) != 0) file.upload_time = static_cast<UnixTime>(read.time);
    file.yanked = (read.flags & kIsYanked) != 0;
    return true;
  }

  // nullopt if the bytes are invalid.
  std::optional<ReleaseFile> read_file(ByteReader& in, const FileTraits& traits,
                                       const Version& version) const {
    const std::uint64_t flags = in.number();
    ReleaseFile file;
    Artifact& artifact = file.artifact;
    artifact.filename = in.text();
    const std::string_view path = in.text();
    std::string url((flags & kUrlHasPrefix) != 0 ? head_.prefix : std::string_view());
    url += path;
    if ((flags & kUrlEndsInName) != 0) url += artifact.filename;
    auto parsed = Url::parse(url);
    if (!parsed || !is_plain_filename(artifact.filename)) return std::nullopt;
    artifact.url = std::move(*parsed);
    if (traits.is_wheel()) {
      if (!WheelParts::fits(artifact.filename)) return std::nullopt;
      const WheelParts parts(artifact.filename);
      file.wheel =
          WheelFilename{project_, version, std::string(parts.version), build_tag(parts.build), *traits.tags};
    }
    artifact.requires_python = traits.requires_python;
    artifact.upload_time = traits.upload_time;
    if ((flags & kHasSize) != 0) artifact.size = in.number();
    if (traits.yanked) artifact.yanked = std::string(in.text());
    artifact.has_metadata_file = (flags & kHasMetadata) != 0;
    if ((flags & kHasMetadataDigest) != 0) artifact.metadata_digest = read_digest(in);
    const std::size_t hashes = in.count();
    artifact.digests.reserve(hashes);
    for (std::size_t i = 0; i < hashes; ++i)
      if (auto digest = read_digest(in)) artifact.digests.push_back(std::move(*digest));
    if (in.failed()) return std::nullopt;
    return file;
  }

  // nullopt if the page's hash is not a valid digest.
  std::optional<Digest> read_digest(ByteReader& in) const {
    const std::uint64_t algorithm = in.number();
    const std::string_view bytes = in.text();
    if (algorithm >= head_.algorithms.size() || bytes.empty()) return std::nullopt;
    return Digest{head_.algorithms[static_cast<std::size_t>(algorithm)], to_hex(bytes)};
  }

  const std::shared_ptr<const void> owner_;  // of the bytes
  const Head head_;
  const PackageName project_;
  std::vector<std::vector<Tag>> tags_;
  std::vector<FileTraits> traits_;  // of all files, release by release
  std::string_view rest_;
  std::vector<std::size_t> rests_;  // where each release's begin in rest_, and where the last one's end
  std::deque<Release> releases_;
};

// File name → sha256 in bytes, for any page; empty if the bytes are invalid.
std::unordered_map<std::string_view, std::string_view> sha256s(std::string_view bytes,
                                                               const PackageName& project) {
  std::unordered_map<std::string_view, std::string_view> found;
  ByteReader in(bytes);
  const std::optional<Head> head = read_head(in, project);
  if (!head) return found;
  std::vector<bool> yanked;
  for (std::size_t versions = in.count(); versions > 0; --versions) {
    in.text();
    for (std::size_t files = in.count(); files > 0; --files)
      yanked.push_back((read_traits(in).flags & kIsYanked) != 0);
    in.count();
  }
  // "" where it is no sha256.
  const auto skim_digest = [&] {
    const std::uint64_t algorithm = in.number();
    const std::string_view digest = in.text();
    return algorithm < head->algorithms.size() &&
                   head->algorithms[static_cast<std::size_t>(algorithm)] == "sha256"
               ? digest
               : std::string_view();
  };
  for (const bool has_reason : yanked) {
    const std::uint64_t flags = in.number();
    const std::string_view filename = in.text();
    in.text();  // the URL
    if ((flags & kHasSize) != 0) in.number();
    if (has_reason) in.text();
    if ((flags & kHasMetadataDigest) != 0) skim_digest();
    for (std::size_t hashes = in.count(); hashes > 0; --hashes)
      if (const std::string_view digest = skim_digest(); !digest.empty()) found.emplace(filename, digest);
  }
  if (in.failed() || !in.at_end()) found.clear();
  return found;
}

}  // namespace

std::string project_of_page_summary(std::string_view bytes) {
  ByteReader in(bytes);
  if (!in.literal(kMagic)) return "";
  in.text();  // the validator
  const std::string_view name = in.text();
  return in.failed() ? "" : std::string(name);
}

std::optional<PageSummary> read_page_summary(std::string_view bytes, std::shared_ptr<const void> owner,
                                             const PackageName& project, std::string_view validator) {
  ByteReader in(bytes);
  std::optional<Head> head = read_head(in, project);
  if (!head || head->made_of != validator) return std::nullopt;
  PageSummary page;
  page.status = head->status;
  page.status_reason = head->status_reason;
  if (!head->newer_api.empty()) page.newer_api = head->newer_api;
  page.unknown_charset = head->unknown_charset;
  page.skipped = head->skipped;
  page.made_of = head->made_of;
  const auto kept = std::make_shared<KeptPage>(std::move(owner), std::move(*head), project);
  if (!kept->read(in)) return std::nullopt;
  page.releases.reserve(kept->releases().size());
  for (const Release& release : kept->releases())
    page.releases.push_back(std::shared_ptr<const Release>(kept, &release));
  return page;
}

std::optional<PageSummary> read_page_summary(std::string bytes, const PackageName& project,
                                             std::string_view validator) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return read_page_summary(*owner, owner, project, validator);
}

std::vector<ChangedFile> changed_files(std::string_view before, std::string_view now,
                                       const PackageName& project) {
  const auto known = sha256s(before, project);
  std::vector<ChangedFile> changed;
  for (const auto& [filename, sha256] : sha256s(now, project))
    if (const auto found = known.find(filename); found != known.end() && found->second != sha256)
      changed.push_back(
          {std::string(filename), {"sha256", to_hex(found->second)}, {"sha256", to_hex(sha256)}});
  std::sort(changed.begin(), changed.end(),
            [](const ChangedFile& a, const ChangedFile& b) { return a.filename < b.filename; });
  return changed;
}

}  // namespace moat
