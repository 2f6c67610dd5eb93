#include "fetch/http/http_cache.h"

#include "fetch/bytes/hasher.h"
#include "fetch/http/failure.h"
#include "fetch/http/http_policy.h"
#include "fetch/http/page_files.h"
#include "fetch/http/page_head.h"
#include "fetch/os/background.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <utility>

namespace moat {
namespace {

std::int64_t system_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

// The page without its body; nullopt if its URL is damaged.
std::optional<CachedPage> page_of(const PageHead& head) {
  auto final_url = Url::parse(head.final_url);
  if (!final_url) return std::nullopt;
  CachedPage page;
  page.status = head.status;
  page.from_cache = true;
  page.content_type = head.content_type;
  page.final_url = std::move(*final_url);
  if (head.status == 200) page.validator = "sha256:" + head.sha256;
  return page;
}

HttpRequest request_for(const CacheRequest& wanted) {
  HttpRequest request;
  request.url = wanted.url;
  request.priority = wanted.priority;
  request.max_size = wanted.max_size;
  if (!wanted.accept.empty()) request.headers.emplace_back("Accept", wanted.accept);
  return request;
}

}  // namespace

// The way of each request: stored page, network, stored again. What a page's head means is in page_head, and
// its files in page_files; what is left here is who asks whom, and on which thread.
class HttpCache::State {
 public:
  State(std::filesystem::path directory, HttpClient& http, Workers& workers, HttpCacheOptions options)
      : directory_(std::move(directory)),
        http_(http),
        background_(Background::make(workers)),
        options_(std::move(options)) {
    if (!options_.now) options_.now = system_now;
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // After this no callback runs, and none will begin.
  ~State() { background_->close(); }

  void begin(CacheRequest request, std::function<void(Result)> done) {
    const std::string key =
        request.url.without_credentials().without_fragment().to_string() + "\n" + request.accept;
    const auto job =
        std::make_shared<Job>(Job{std::move(request), std::move(done), PageFiles(directory_, key), {}});
    background_->submit([this, job] { look_up(job); });
  }

 private:
  struct Job {
    CacheRequest request;
    std::function<void(Result)> done;
    PageFiles files;
    std::optional<PageHead> head;  // the stored head, while it is usable
  };

  // The response, or nullopt if the network has been asked. An exception is the answer, whichever it is:
  // here, on the pool, nobody else would hear of it.
  template <class F>
  void answer(Job& job, F&& find) {
    std::optional<Result> result;
    try {
      result = find();
    } catch (...) {
      result = error_from(std::current_exception(), job.request.url);
    }
    if (result) job.done(std::move(*result));
  }

  void look_up(const std::shared_ptr<Job>& shared) {
    Job& job = *shared;
    answer(job, [&]() -> std::optional<Result> {
      job.head = job.files.load_head();
      if (job.head && may_use(job)) {
        if (auto page = stored_page(job)) return page;
        job.head.reset();
      }
      if (options_.offline)
        throw Error(ErrorKind::Offline,
                    fmt::format("{} is needed, but it is not stored and moat is offline",
                                quote(job.request.url.display())),
                    {"run the command once without --offline"});
      ask_network(shared);
      return std::nullopt;
    });
  }

  bool may_use(const Job& job) const {
    if (options_.offline) return true;
    return !options_.refresh && !job.request.refresh && is_fresh(*job.head, options_.now());
  }

  // nullopt if the body is missing or damaged.
  static std::optional<Result> stored_page(const Job& job) {
    auto page = page_of(*job.head);
    if (!page || is_missing(page->status)) return page;
    page->body_skipped = job.request.has_digested && job.request.has_digested(page->validator);
    if (page->body_skipped) return page;
    auto body = job.files.load_body(*job.head);
    if (!body) return std::nullopt;
    page->body = std::move(*body);
    return page;
  }

  void ask_network(const std::shared_ptr<Job>& job) {
    HttpRequest request = request_for(job->request);
    if (job->head && job->files.has_body(*job->head))
      for (auto& condition : conditions(*job->head)) request.headers.push_back(std::move(condition));
    http_.send(std::move(request), [this, job, background = background_](HttpClient::Result result) {
      background->run([&] {
        const auto arrived = std::make_shared<HttpClient::Result>(std::move(result));
        background->submit([this, job, arrived] { take_arrived(job, *arrived); });
      });
    });
  }

  void take_arrived(const std::shared_ptr<Job>& job, HttpClient::Result& result) {
    answer(*job, [&]() -> std::optional<Result> {
      if (Error* error = std::get_if<Error>(&result)) return std::move(*error);
      auto& response = std::get<HttpResponse>(result);
      if (response.status == 304) return unchanged_page(job, response);
      return new_page(*job, response);
    });
  }

  std::optional<Result> unchanged_page(const std::shared_ptr<Job>& job, const HttpResponse& response) {
    if (!job->head)
      throw Error(ErrorKind::Network, fmt::format("{} answers that nothing changed, though nothing was known",
                                                  quote(job->request.url.display())));
    job->head = confirmed(std::move(*job->head), response, options_.now());
    if (auto page = stored_page(*job)) {
      job->files.store_head(*job->head);
      return page;
    }
    // The body is damaged, or another process removed it: request all of it.
    job->head.reset();
    ask_network(job);
    return std::nullopt;
  }

  std::optional<Result> new_page(const Job& job, HttpResponse& response) const {
    CachedPage page;
    page.status = response.status;
    page.final_url = response.final_url;
    if (const std::string* type = response.header("content-type")) page.content_type = *type;
    page.body = std::move(response.body);
    if (page.status != 200 && !is_missing(page.status)) return page;
    const Digest digest = hash_bytes(page.body);
    if (page.status == 200) page.validator = digest.to_string();
    const std::int64_t now = options_.now();
    if (cache_rules(response.headers, now).may_store)
      job.files.store(head_of(response, page.body.size(), digest, now), page.body, job.head);
    else
      job.files.remove(job.head);
    return page;
  }

  const std::filesystem::path directory_;
  HttpClient& http_;
  const std::shared_ptr<Background> background_;
  HttpCacheOptions options_;
};

HttpCache::HttpCache(std::filesystem::path directory, HttpClient& http, Workers& workers,
                     HttpCacheOptions options)
    : state_(std::make_unique<State>(std::move(directory), http, workers, std::move(options))) {}

HttpCache::~HttpCache() = default;

void HttpCache::fetch(CacheRequest request, std::function<void(Result)> done) {
  state_->begin(std::move(request), std::move(done));
}

}  // namespace moat
