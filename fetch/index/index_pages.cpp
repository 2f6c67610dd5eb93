#include "fetch/index/index_pages.h"

#include "fetch/bytes/hasher.h"
#include "fetch/http/http_cache.h"
#include "fetch/http/http_policy.h"
#include "fetch/index/simple_api.h"
#include "fetch/index/simple_api_html.h"
#include "fetch/os/file.h"
#include "fetch/os/mapped_file.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

namespace moat {
namespace {

std::string shown(const Index& index) {
  return index.name.empty() ? quote(index.url.display())
                            : quote(index.name) + " (" + index.url.display() + ")";
}

std::string looking_up(const Index& index, const PackageName& project) {
  return "cannot look up " + quote(project.display()) + " on the index " + shown(index);
}

Error bad_status(const Index& index, const PackageName& project, int status) {
  std::vector<std::string> hints;
  if (status == 401 || status == 403)
    hints.push_back("give credentials for " + index.url.origin() + " in the URL of the index or in ~/.netrc");
  if (status == 403)
    hints.push_back("where 403 means that a project is not there: `moat config set skip-forbidden " +
                    index.url.host() + "`");
  if (status == 406)
    hints.push_back("the server has neither the JSON nor the HTML form of a Simple index there");
  return Error(ErrorKind::Network,
               looking_up(index, project) + ": the server answered " + std::to_string(status),
               std::move(hints));
}

}  // namespace

void require_protected(const Url& url, std::string_view what, const std::vector<std::string>& trusted_hosts) {
  if (is_protected(url, trusted_hosts)) return;
  throw Error(ErrorKind::Refused,
              std::string(what) + " " + quote(url.display()) +
                  " is plain http: anybody on the way could change what it says, so it is not asked",
              {"if that is meant: --trusted-host " + url.host()});
}

Url page_url(const Index& index, const PackageName& project) {
  // The root may come with or without a trailing slash; a query is not passed on to pages.
  std::string root = index.url.to_string();
  root.resize(std::min(root.find_first_of("?#"), root.size()));
  while (root.ends_with('/')) root.pop_back();
  const std::string page = index.url.scheme() == "file" ? "index.html" : "";
  return Url::parse(root + "/" + project.normalized() + "/" + page).value();
}

std::string unknown_charset(std::string_view page, std::string_view charset) {
  return std::string(page) + " has an unknown charset, " + quote(charset) + ": it was read as UTF-8";
}

std::vector<std::string> seen_projects(const Store& store) {
  std::vector<std::string> names;
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(store.layout().index() / "pages", failed), end;
       !failed && entry != end; entry.increment(failed)) {
    std::string head(1024, '\0');
    std::ifstream file(entry->path(), std::ios::binary);
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(file.gcount()));
    if (std::string name = project_of_page_summary(head); !name.empty()) names.push_back(std::move(name));
  }
  return names;
}

struct IndexPages::Shared {
  Shared(HttpClient& http, Store& wheel_store, Workers& workers, Reporter& teller,
         std::shared_ptr<Background> owner, bool offline)
      : store(wheel_store),
        reporter(teller),
        background(std::move(owner)),
        cache(wheel_store.layout().index() / "http", http, workers,
              {.offline = offline, .refresh = false, .now = {}}) {}

  std::filesystem::path digest_file(const Url& url) const {
    return store.layout().index() / "pages" / hash_bytes(url.without_credentials().to_string()).hex;
  }

  void keep(const Url& url, const std::string& digest) const {
    try {
      const std::filesystem::path file = digest_file(url);
      make_directories(file.parent_path());
      write_file_atomically(file, digest);
    } catch (const Error& error) {
      // A cache that cannot be written only costs time.
      reporter.note(error.what());
    }
  }

  // Warn if the digest of a known file name changes.
  void compare_with_kept(std::string_view now, const Index& index, const PackageName& project,
                         const Url& url) const {
    std::optional<std::string> bytes;
    try {
      bytes = read_file_if_exists(digest_file(url));
    } catch (const Error&) {  // an unreadable entry counts as absent
    }
    if (!bytes) return;
    const std::vector<ChangedFile> changed = changed_files(*bytes, now, project);
    if (changed.empty()) return;
    const ChangedFile& one = changed.front();
    reporter.warn("the index " + shown(index) + " gives another hash for " + quote(one.filename) +
                  " than it did before: " + one.now.to_string() + ", not " + one.before.to_string() +
                  (changed.size() > 1 ? "; and so for " + std::to_string(changed.size() - 1) + " other files"
                                      : std::string()));
  }

  // Throws Error(Network).
  PageSummary digest(ProjectPage page, const Index& index, const PackageName& project, const Url& url,
                     const std::string& validator) const {
    std::string bytes;
    {
      const ProjectPage read = std::move(page);  // freed before the summary takes its own memory
      bytes = summarize_page(read, project, validator);
    }
    if (!validator.empty()) {
      compare_with_kept(bytes, index, project, url);
      keep(url, bytes);
    }
    auto digested = read_page_summary(std::move(bytes), project, validator);
    if (!digested) throw Error(ErrorKind::Network, looking_up(index, project) + ": its page cannot be read");
    return std::move(*digested);
  }

  // On the pool.
  void read_local(const Index& index, const PackageName& project,
                  const std::function<void(Answer)>& done) const {
    const Url url = page_url(index, project);
    const std::filesystem::path file = url.file_path();
    const std::filesystem::path root = file.parent_path().parent_path();
    if (!std::filesystem::is_directory(status_of(root)))
      throw Error(ErrorKind::BadInput,
                  looking_up(index, project) + ": there is no folder " + quote(root.string()));
    auto body = read_file_if_exists(file);
    if (!body) return done(NoSuchProject{});
    auto page = parse_simple_html(std::move(*body), url);
    if (!page) throw Error(ErrorKind::Network, looking_up(index, project) + ": " + page.error().message);
    done(tell(digest(std::move(*page), index, project, url, ""), index, project));
  }

  // On the pool. `held`: the summary that has_digested found.
  Answer read(const Index& index, const PackageName& project, const Url& url, CachedPage page,
              std::optional<PageSummary> held) const {
    if (page.status == 404 || page.status == 410) return NoSuchProject{};
    if (page.status == 403 && index.forbids_absent)
      return ForbiddenProject{bad_status(index, project, page.status)};
    if (page.status != 200) return bad_status(index, project, page.status);
    if (page.body_skipped && held) return tell(std::move(*held), index, project);
    auto parsed = parse_simple_page(std::move(page.body), page.content_type, page.final_url);
    if (!parsed) return Error(ErrorKind::Network, looking_up(index, project) + ": " + parsed.error().message);
    return tell(digest(std::move(*parsed), index, project, url, page.validator), index, project);
  }

  // Passes the page on, and reports anything unusual.
  PageSummary tell(PageSummary page, const Index& index, const PackageName& project) const {
    if (page.newer_api)
      reporter.warn("the index " + shown(index) + " speaks version " + *page.newer_api +
                    " of the Simple index protocol, which is newer than moat supports");
    if (!page.unknown_charset.empty())
      reporter.warn(unknown_charset("a page of the index " + shown(index), page.unknown_charset));
    if (page.skipped > 0)
      reporter.note(std::to_string(page.skipped) + " files of " + quote(project.display()) +
                    " on the index " + shown(index) +
                    " were skipped: they are not wheels or source distributions of it");
    return page;
  }

  Store& store;
  Reporter& reporter;
  const std::shared_ptr<Background> background;
  HttpCache cache;
};

IndexPages::IndexPages(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
                       std::shared_ptr<Background> background, bool offline)
    : shared_(std::make_unique<Shared>(http, store, workers, reporter, std::move(background), offline)) {}

IndexPages::~IndexPages() = default;

void IndexPages::fetch(const Index& index, const PackageName& project, bool refresh,
                       std::function<void(Answer)> done) {
  Shared& shared = *shared_;  // outlives its callbacks: the background is closed first
  const auto guard = [index, project, done](const auto& work) {
    try {
      work();
    } catch (const Error& error) {
      done(error);
    } catch (const std::exception& error) {
      done(Error(ErrorKind::Network, looking_up(index, project) + ": " + error.what()));
    }
  };
  if (index.url.scheme() == "file")
    return shared.background->submit(
        [&shared, index, project, done, guard] { guard([&] { shared.read_local(index, project, done); }); });

  const Url url = page_url(index, project);
  auto held = std::make_shared<std::optional<PageSummary>>();
  CacheRequest request{.url = url, .accept = std::string(kSimpleAccept), .refresh = refresh};
  // A refresh makes the summary again, even for an unchanged page: the stored one may be damaged.
  if (!refresh)
    request.has_digested = [&shared, held, project,
                            file = shared.digest_file(url)](std::string_view validator) {
      shared.background->run([&] {
        try {
          const auto kept = std::make_shared<const MappedFile>(file);
          *held = read_page_summary(kept->bytes(), kept, project, validator);
        } catch (const Error&) {  // an unreadable entry counts as absent
        }
      });
      return held->has_value();
    };
  shared.cache.fetch(
      std::move(request), [&shared, held, index, project, url, done, guard](HttpCache::Result result) {
        shared.background->run([&] {
          guard([&] {
            if (const auto* error = std::get_if<Error>(&result))
              return done(error->with_context(looking_up(index, project)));
            done(shared.read(index, project, url, std::move(std::get<CachedPage>(result)), std::move(*held)));
          });
        });
      });
}

}  // namespace moat
