#include "fetch/index/find_links.h"

#include "fetch/index/index_pages.h"
#include "fetch/index/simple_api_html.h"
#include "fetch/os/file.h"
#include "fetch/os/guarded.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"
#include "resolver/pep/dist_filename.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

namespace moat {
namespace {

bool is_archive(std::string_view filename) {
  return ascii_lower(filename).ends_with(".whl") || archive_kind(filename).has_value();
}

// As names are compared, for any text: foo_Bar-1.0.whl is foo-bar-1-0-whl.
std::string normalized_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_separator = c == '-' || c == '_' || c == '.';
    if (!is_separator)
      out += ascii_lower(c);
    else if (out.empty() || out.back() != '-')
      out += '-';
  }
  return out;
}

// "file:///x", "/x" or "x"; nullopt for http and https.
std::optional<std::filesystem::path> local_place(const std::string& place) {
  if (place.starts_with("http://") || place.starts_with("https://")) return std::nullopt;
  if (!place.starts_with("file:")) return std::filesystem::absolute(place);
  const auto url = Url::parse(place);
  if (!url) throw Error(ErrorKind::BadInput, "--find-links " + quote(place) + ": " + url.error().message);
  return std::filesystem::path(url->file_path());
}

// A page made here: the last segment of each URL is the file name, and its fragment may be the hash.
ProjectPage page_of_urls(const std::vector<Url>& urls) {
  auto memory = std::make_shared<std::deque<std::string>>();
  ProjectPage page(Url::from_path("/"));
  for (const Url& url : urls) {
    PageFile file;
    file.filename = memory->emplace_back(url.last_segment());
    file.url = memory->emplace_back(url.without_fragment().to_string());
    file.first_hash = page.hashes.size();
    if (const auto digest = Digest::parse(url.fragment())) {
      page.hashes.push_back({memory->emplace_back(digest->algorithm), memory->emplace_back(digest->hex)});
      file.hash_count = 1;
    }
    page.files.push_back(file);
  }
  page.memory = std::move(memory);
  return page;
}

ProjectPage read_page(const HttpResponse& response, const std::string& place) {
  if (response.status != 200)
    throw Error(ErrorKind::Network, "--find-links " + quote(response.final_url.display()) +
                                        ": the server answered " + std::to_string(response.status));
  const std::string* type = response.header("content-type");
  auto page = parse_simple_page(response.body, type != nullptr ? *type : "", response.final_url);
  if (!page) throw Error(ErrorKind::Network, "--find-links " + quote(place) + ": " + page.error().message);
  return std::move(*page);
}

}  // namespace

LinkedFiles::LinkedFiles(ProjectPage page) : page_(std::move(page)) {
  normalized_.reserve(page_.files.size());
  for (const PageFile& file : page_.files) normalized_.push_back(normalized_text(file.filename));
}

ProjectPage LinkedFiles::of(const PackageName& project) const {
  ProjectPage out(page_.base);
  out.memory = page_.memory;
  out.hashes = page_.hashes;
  const std::string beginning = project.normalized() + "-";
  for (std::size_t i = 0; i < normalized_.size(); ++i)
    if (normalized_[i].starts_with(beginning)) out.files.push_back(page_.files[i]);
  return out;
}

ProjectPage list_local_links(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = status_of(path);
  if (std::filesystem::is_regular_file(status)) {
    if (is_archive(path.filename().string())) return page_of_urls({Url::from_path(path.string())});
    auto page = parse_simple_html(read_file(path), Url::from_path(path.string()));
    if (!page)
      throw Error(ErrorKind::BadInput, "--find-links " + quote(path.string()) + ": " + page.error().message);
    return std::move(*page);
  }
  if (!std::filesystem::is_directory(status))
    throw Error(ErrorKind::BadInput,
                "--find-links " + quote(path.string()) + ": there is no such folder or file");
  std::vector<Url> files;
  for (const auto& entry : std::filesystem::directory_iterator(path, error))
    if (is_archive(entry.path().filename().string()) && entry.is_regular_file(error))
      files.push_back(Url::from_path(entry.path().string()));
  if (error) throw_errno("read", path, error.value());
  std::sort(files.begin(), files.end());
  return page_of_urls(files);
}

struct FindLinks::State : std::enable_shared_from_this<State> {
  struct Loading {
    bool begun = false;
    std::size_t missing = 0;
    std::vector<std::function<void()>> waiting;
  };

  State(std::vector<std::string> all_places, std::vector<std::string> trusted, HttpClient& client,
        Reporter& teller, std::shared_ptr<Background> owner)
      : places(std::move(all_places)),
        trusted_hosts(std::move(trusted)),
        http(client),
        reporter(teller),
        background(std::move(owner)),
        links(places.size()) {}

  void load() {
    for (std::size_t i = 0; i < places.size(); ++i) {
      background->submit([self = shared_from_this(), i] {
        self->guard(i, [&] {
          if (const auto path = local_place(self->places[i]))
            self->store(i, list_local_links(*path));
          else
            self->ask(i);
        });
      });
    }
  }

  void ask(std::size_t i) {
    const auto url = Url::parse(places[i]);
    if (!url)
      throw Error(ErrorKind::BadInput, "--find-links " + quote(places[i]) + ": " + url.error().message);
    require_protected(*url, "the page of --find-links", trusted_hosts);
    if (is_archive(url->last_segment())) return store(i, page_of_urls({*url}));
    HttpRequest request{.url = *url, .headers = {{"Accept", std::string(kSimpleAccept)}}};
    http.send(std::move(request), [self = shared_from_this(), i](HttpClient::Result result) {
      self->background->submit([self, i, result = std::make_shared<HttpClient::Result>(std::move(result))] {
        self->guard(i, [&] {
          if (const auto* error = std::get_if<Error>(result.get()))
            throw error->with_context("--find-links " + quote(self->places[i]));
          self->store(i, read_page(std::get<HttpResponse>(*result), self->places[i]));
        });
      });
    });
  }

  template <class F>
  void guard(std::size_t i, const F& work) {
    try {
      work();
    } catch (const Error& error) {
      fail(error);
      arrived();
    } catch (const std::exception& error) {
      fail(Error(ErrorKind::BadInput, "--find-links " + quote(places[i]) + ": " + error.what()));
      arrived();
    }
  }

  void fail(const Error& error) {
    const std::lock_guard lock(failure_mutex);
    if (!failure) failure = error;
  }

  void store(std::size_t i, ProjectPage page) {
    if (!page.unknown_charset.empty())
      reporter.warn(
          unknown_charset("the page --find-links " + quote(page.base.display()), page.unknown_charset));
    links[i] = std::make_unique<LinkedFiles>(std::move(page));
    arrived();
  }

  void arrived() {
    const auto waiting = loading.with([](Loading& state) {
      return --state.missing == 0 ? std::exchange(state.waiting, {}) : std::vector<std::function<void()>>();
    });
    for (const auto& go_on : waiting) go_on();
  }

  // REQUIRES: all places have arrived.
  Answer answer(const PackageName& project) {
    if (failure) return *failure;
    std::vector<PageSummary> found;
    for (const std::unique_ptr<LinkedFiles>& files : links) {
      const ProjectPage page = files->of(project);
      if (page.files.empty()) continue;
      auto digested = read_page_summary(summarize_page(page, project, ""), project, "");
      if (digested && !digested->releases.empty()) found.push_back(std::move(*digested));
    }
    return found;
  }

  const std::vector<std::string> places;
  const std::vector<std::string> trusted_hosts;
  HttpClient& http;
  Reporter& reporter;
  const std::shared_ptr<Background> background;
  std::vector<std::unique_ptr<LinkedFiles>> links;  // each written by one unit, read after all arrived
  std::mutex failure_mutex;
  std::optional<Error> failure;
  Guarded<Loading> loading;
};

FindLinks::FindLinks(std::vector<std::string> places, std::vector<std::string> trusted_hosts,
                     HttpClient& http, Reporter& reporter, std::shared_ptr<Background> background)
    : state_(std::make_shared<State>(std::move(places), std::move(trusted_hosts), http, reporter,
                                     std::move(background))) {}

void FindLinks::look_up(const PackageName& project, std::function<void(Answer)> done) {
  if (state_->places.empty()) return done(std::vector<PageSummary>());
  auto answer = [state = state_, project, done = std::move(done)] { done(state->answer(project)); };
  enum class Turn { First, Waiting, Ready };
  const Turn turn = state_->loading.with([&](State::Loading& loading) {
    if (loading.begun && loading.missing == 0) return Turn::Ready;
    loading.waiting.push_back(answer);
    if (loading.begun) return Turn::Waiting;
    loading.begun = true;
    loading.missing = state_->places.size();
    return Turn::First;
  });
  if (turn == Turn::First) state_->load();
  if (turn == Turn::Ready) answer();
}

}  // namespace moat
