#include "fetch/index/page_summary.h"

#include "fetch/index/page_summary_format.h"
#include "resolver/base/base64.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace moat {
namespace {

using namespace page_summary;

// Texts, numbered in the order in which they were first seen.
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

// A file of the project, and its place.
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
    ByteWriter traits, rests;
    for (const Group& group : groups_) {
      traits.text(group.text);
      traits.number(group.files.size());
      for (const Placed& placed : group.files) write_traits(placed, traits);
      ByteWriter rest;
      for (const Placed& placed : group.files) write_rest(placed, rest);
      traits.number(rest.size());
      rests.raw(rest.take());
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
    out.raw(traits.take());
    out.raw(rests.take());
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

  // Most pages give absolute URLs on one host that need no work; "" if no URL can be made.
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

  // The common beginning of the first URLs of the newest and the oldest version: "https://host/packages/".
  void find_prefix() {
    if (groups_.empty()) return;
    const std::string& a = groups_.front().files.front().url;
    const std::string& b = groups_.back().files.back().url;
    const auto differs = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
    prefix_ = a.substr(0, static_cast<std::size_t>(differs - a.begin()));
    prefix_.resize(prefix_.rfind('/') + 1);  // 0 where there is none
  }

  void write_traits(const Placed& placed, ByteWriter& out) {
    const PageFile& file = *placed.file;
    const bool has_time = file.upload_time && *file.upload_time >= 0;
    std::uint32_t flags = placed.is_wheel ? kIsWheel : 0U;
    if (has_time) flags |= kHasTime;
    if (file.yanked) flags |= kIsYanked;
    out.number(flags);
    if (placed.is_wheel) out.number(tags_.number_of(WheelParts(file.filename).tags));
    out.number(pythons_.number_of(file.requires_python));
    if (has_time) out.number(static_cast<std::uint64_t>(*file.upload_time));
  }

  void write_rest(const Placed& placed, ByteWriter& out) {
    const PageFile& file = *placed.file;
    std::string_view url = placed.url;
    std::uint32_t flags = 0;
    if (!prefix_.empty() && url.starts_with(prefix_)) {
      flags |= kUrlHasPrefix;
      url.remove_prefix(prefix_.size());
    }
    if (url.ends_with(file.filename)) {
      flags |= kUrlEndsInName;
      url.remove_suffix(file.filename.size());
    }
    if (file.size) flags |= kHasSize;
    if (file.has_metadata_file) flags |= kHasMetadata;
    if (!file.metadata_hash.hex.empty()) flags |= kHasMetadataDigest;

    out.number(flags);
    out.text(file.filename);
    out.text(url);
    if (file.size) out.number(*file.size);
    if (file.yanked) out.text(*file.yanked);
    if ((flags & kHasMetadataDigest) != 0) write(file.metadata_hash, out);
    out.number(file.hash_count);
    for (const PageHash& hash : page_.hashes_of(file)) write(hash, out);
  }

  // The text if it is a valid digest; "" for anything else.
  void write(const PageHash& hash, ByteWriter& out) {
    const auto digest = Digest::parse(hash.algorithm, hash.hex);
    out.number(algorithms_.number_of(digest ? hash.algorithm : std::string_view()));
    out.text(digest ? from_hex(digest->hex) : std::string());
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

}  // namespace

std::string summarize_page(const ProjectPage& page, const PackageName& project, std::string_view validator) {
  return Digester(page, project).digest(validator);
}

}  // namespace moat
