#include "fetch/index/simple_api_html.h"

#include "fetch/index/charset.h"
#include "fetch/index/html_tags.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <array>
#include <deque>

namespace moat {
namespace {

struct HtmlMemory {
  std::deque<std::string> texts;  // stable addresses
  std::string_view keep(std::string text) { return texts.emplace_back(std::move(text)); }
};

constexpr std::array<std::string_view, 8> kAttributes = {"href",
                                                         "name",
                                                         "content",
                                                         "data-core-metadata",
                                                         "data-dist-info-metadata",
                                                         "data-requires-python",
                                                         "data-yanked",
                                                         "http-equiv"};

bool is_archive_name(std::string_view filename) {
  constexpr std::array<std::string_view, 9> kEndings = {".whl", ".gz",  ".zip", ".bz2", ".xz",
                                                        ".tgz", ".tar", ".egg", ".exe"};
  const std::string lower = ascii_lower(filename);
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return lower.ends_with(ending); });
}

// "sha256=abc…" as in fragments and data attributes.
PageHash hash_of(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

class PageReader {
 public:
  PageReader(ProjectPage& page, HtmlMemory& memory) : page_(page), memory_(memory) {}

  void read(std::string_view text) {
    HtmlTags tags(text, kAttributes);
    while (tags.next()) take(tags);
  }

  const std::string& api_version() const { return api_version_; }
  bool is_for_people() const { return is_for_people_; }

 private:
  void take(const HtmlTags& tag) {
    const std::string& name = tag.name();
    if (name == "a")
      take_anchor(tag);
    else if (name == "base")
      take_base(tag);
    else if (name == "meta")
      take_meta(tag);
    else if (name == "form" || name == "script" || name == "iframe")
      is_for_people_ = true;
  }

  void take_base(const HtmlTags& tag) {
    const auto href = tag.attribute("href");
    if (base_seen_ || !href) return;
    base_seen_ = true;  // the first one counts
    if (auto url = page_.resolve(*href)) page_.base = std::move(*url);
  }

  void take_meta(const HtmlTags& tag) {
    if (const auto equivalent = tag.attribute("http-equiv");
        equivalent && iequals_ascii(*equivalent, "refresh"))
      is_for_people_ = true;
    const auto name = tag.attribute("name");
    const auto content = tag.attribute("content");
    if (!name || !content) return;
    if (iequals_ascii(*name, "pypi:repository-version"))
      api_version_ = *content;
    else if (iequals_ascii(*name, "pypi:project-status"))
      page_.status = *content;
    else if (iequals_ascii(*name, "pypi:project-status-reason"))
      page_.status_reason = *content;
  }

  void take_anchor(const HtmlTags& tag) {
    const auto href = tag.attribute("href");
    const std::string_view target = href ? trim(*href) : std::string_view();
    if (target.empty()) return;
    const auto url = page_.resolve(target);
    // Decoded once: `%252F` is the three characters %2F, not a slash. A decoded slash makes the name invalid.
    std::string filename = url ? url->last_segment() : std::string();
    if (!is_plain_filename(filename)) {
      ++page_.skipped;
      return;
    }
    PageFile file;
    file.filename = memory_.keep(std::move(filename));
    file.url = memory_.keep(url->without_fragment().to_string());
    if (const auto python = tag.attribute("data-requires-python"))
      file.requires_python = memory_.keep(std::string(trim(*python)));
    if (const auto yanked = tag.attribute("data-yanked")) file.yanked = memory_.keep(std::string(*yanked));
    take_hash(url->fragment(), file);
    take_metadata(tag, file);
    page_.files.push_back(file);
  }

  // "#sha256=…", maybe among others: "#egg=foo&sha256=…".
  void take_hash(const std::string& fragment, PageFile& file) {
    file.first_hash = page_.hashes.size();
    for (const std::string_view part : split(fragment, '&')) {
      const PageHash hash = hash_of(part);
      if (!Digest::parse(hash.algorithm, hash.hex)) continue;
      page_.hashes.push_back(
          {memory_.keep(std::string(hash.algorithm)), memory_.keep(std::string(hash.hex))});
      ++file.hash_count;
    }
  }

  void take_metadata(const HtmlTags& tag, PageFile& file) {
    auto said = tag.attribute("data-core-metadata");
    if (!said) said = tag.attribute("data-dist-info-metadata");
    if (!said || iequals_ascii(trim(*said), "false")) return;
    file.has_metadata_file = true;
    const PageHash hash = hash_of(trim(*said));
    if (Digest::parse(hash.algorithm, hash.hex))
      file.metadata_hash = {memory_.keep(std::string(hash.algorithm)), memory_.keep(std::string(hash.hex))};
  }

  ProjectPage& page_;
  HtmlMemory& memory_;
  std::string api_version_;
  bool base_seen_ = false;
  bool is_for_people_ = false;
};

}  // namespace

Expected<ProjectPage> parse_simple_html(std::string body, const Url& final_url,
                                        std::string_view content_type) {
  ProjectPage page(final_url);
  std::string charset = charset_of_html(body, content_type);
  if (!decode_text(body, charset)) page.unknown_charset = std::move(charset);
  auto memory = std::make_shared<HtmlMemory>();
  PageReader reader(page, *memory);
  reader.read(body);
  auto newer = check_api_version(reader.api_version());
  if (!newer) return tl::unexpected(newer.error());
  // A link to a home page or to terms of use does not make a page an index.
  const bool lists_archives = std::any_of(page.files.begin(), page.files.end(), [](const PageFile& file) {
    return is_archive_name(file.filename);
  });
  if (!lists_archives && reader.api_version().empty() && reader.is_for_people())
    return parse_error(
        "the answer is a web page for people, not a page of a Simple index (a captive portal, or a login?)");
  page.newer_api = std::move(*newer);
  if (page.status == "active") page.status.clear();
  page.memory = std::move(memory);
  return page;
}

}  // namespace moat
