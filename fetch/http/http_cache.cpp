#include "fetch/http/http_cache.h"

#include "fetch/bytes/hasher.h"
#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace moat {
namespace {

constexpr std::int64_t kMissingLifetime = 60;
constexpr std::int64_t kLongestLifetime = 365LL * 24 * 3600;
constexpr std::string_view kFormat = "moat-page 1";

// Everything known about a page except its body.
struct Head {
  int status = 200;
  std::string final_url;
  std::string content_type;
  std::string etag;
  std::string last_modified;
  std::int64_t stored = 0;
  std::int64_t lifetime = 0;
  std::uint64_t size = 0;
  std::string sha256;  // of the body
};

bool is_missing(int status) { return status == 404 || status == 410; }

// One field a line in fixed order; `end` shows that nothing was cut off. Header values hold no line ends.
std::string to_text(const Head& head) {
  return fmt::format(
      "{}\nstatus {}\nfinal-url {}\ncontent-type {}\netag {}\nlast-modified {}\nstored {}\nlifetime {}\nsize "
      "{}\n"
      "sha256 {}\nend\n",
      kFormat, head.status, head.final_url, head.content_type, head.etag, head.last_modified, head.stored,
      head.lifetime, head.size, head.sha256);
}

class HeadReader {
 public:
  explicit HeadReader(std::string_view text) : lines_(split(text, '\n')) {}

  bool is_whole() const { return lines_.size() == 12 && lines_.front() == kFormat && lines_[10] == "end"; }

  std::string text(std::string_view name) {
    const std::string_view line = lines_[next_++];
    const bool fits =
        line.size() > name.size() && line.substr(0, name.size()) == name && line[name.size()] == ' ';
    good_ = good_ && fits;
    return fits ? std::string(line.substr(name.size() + 1)) : "";
  }
  std::uint64_t number(std::string_view name) {
    const auto value = parse_unsigned(text(name));
    good_ = good_ && value && *value <= (1ULL << 62U);
    return value.value_or(0);
  }
  bool good() const { return good_; }

 private:
  std::vector<std::string_view> lines_;
  std::size_t next_ = 1;
  bool good_ = true;
};

std::optional<Head> parse_head(std::string_view text) {
  HeadReader reader(text);
  if (!reader.is_whole()) return std::nullopt;
  Head head;
  head.status = static_cast<int>(std::min<std::uint64_t>(reader.number("status"), 999));
  head.final_url = reader.text("final-url");
  head.content_type = reader.text("content-type");
  head.etag = reader.text("etag");
  head.last_modified = reader.text("last-modified");
  head.stored = static_cast<std::int64_t>(reader.number("stored"));
  head.lifetime = static_cast<std::int64_t>(reader.number("lifetime"));
  head.size = reader.number("size");
  head.sha256 = reader.text("sha256");
  const bool known = head.status == 200 || is_missing(head.status);
  if (!reader.good() || !known || !Digest::parse("sha256", head.sha256)) return std::nullopt;
  return head;
}

std::string header_or_empty(const HttpResponse& response, std::string_view name) {
  const std::string* value = response.header(name);
  return value == nullptr ? "" : *value;
}

}  // namespace

class HttpCache::State : public std::enable_shared_from_this<HttpCache::State> {
 public:
  State(fs::path directory, HttpClient& http, Workers& workers, HttpCacheOptions options)
      : directory_(std::move(directory)), http_(http), workers_(workers), options_(std::move(options)) {
    if (!options_.now) {
      options_.now = [] {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration_cast<std::chrono::seconds>(now).count();
      };
    }
  }

  void begin(CacheRequest request, std::function<void(Result)> done) {
    const auto job = std::make_shared<Job>();
    job->request = std::move(request);
    job->done = std::move(done);
    const Url& url = job->request.url;
    const std::string key =
        hash_bytes(url.without_credentials().without_fragment().to_string() + "\n" + job->request.accept).hex;
    job->directory = directory_ / key.substr(0, 2);
    job->name = key.substr(2);
    on_worker([this, job] { look_up(*job, job); });
  }

  // After this no callback runs, and none will begin.
  void stop() {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    idle_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  struct Job {
    CacheRequest request;
    std::function<void(Result)> done;
    fs::path directory;
    std::string name;
    std::optional<Head> head;  // the stored head, while it is usable

    fs::path head_file() const { return directory / (name + ".head"); }
    // Named by its contents, so that a head never gets another head's body.
    fs::path body_file(const Head& of) const { return directory / (name + "." + of.sha256.substr(0, 16)); }
  };

  // Runs work for a cache that still exists; stop() waits for it.
  class Running {
   public:
    explicit Running(State& state) : state_(state) {
      const std::lock_guard lock(state_.mutex_);
      entered_ = !state_.stopped_;
      if (entered_) ++state_.running_;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      if (!entered_) return;
      const std::lock_guard lock(state_.mutex_);
      if (--state_.running_ == 0) state_.idle_.notify_all();
    }
    explicit operator bool() const { return entered_; }

   private:
    State& state_;
    bool entered_ = false;
  };

  void on_worker(std::function<void()> work) {
    workers_.submit([self = shared_from_this(), work = std::move(work)] {
      const Running running(*self);
      if (running) work();
    });
  }

  // The response, or nullopt if the network has been asked. An exception is the answer.
  template <class F>
  void answer(Job& job, F&& find) {
    std::optional<Result> result;
    try {
      result = find();
    } catch (const Error& error) {
      result = error;
    }
    if (result) job.done(std::move(*result));
  }

  void look_up(Job& job, const std::shared_ptr<Job>& shared) {
    answer(job, [&]() -> std::optional<Result> {
      job.head = load_head(job);
      const bool may_use = options_.offline || (!options_.refresh && !job.request.refresh && is_fresh(job));
      if (job.head && may_use) {
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

  static std::optional<Head> load_head(const Job& job) {
    try {
      const auto text = read_file_if_exists(job.head_file());
      return text ? parse_head(*text) : std::nullopt;
    } catch (const Error&) {  // an unreadable entry counts as absent
      return std::nullopt;
    }
  }

  bool is_fresh(const Job& job) const {
    if (!job.head) return false;
    const std::int64_t age = options_.now() - job.head->stored;
    return age >= 0 && age < std::min(job.head->lifetime, kLongestLifetime);
  }

  // nullopt if the body is missing or damaged.
  std::optional<Result> stored_page(const Job& job) const {
    const Head& head = *job.head;
    CachedPage page;
    page.status = head.status;
    page.from_cache = true;
    page.content_type = head.content_type;
    auto final_url = Url::parse(head.final_url);
    if (!final_url) return std::nullopt;
    page.final_url = std::move(*final_url);
    if (is_missing(head.status)) return page;
    page.validator = "sha256:" + head.sha256;
    page.body_skipped = job.request.has_digested && job.request.has_digested(page.validator);
    if (!page.body_skipped) {
      try {
        page.body = read_file_if_exists(job.body_file(head)).value_or("");
      } catch (const Error&) {
        return std::nullopt;
      }
      if (page.body.size() != head.size || hash_bytes(page.body).hex != head.sha256) return std::nullopt;
    }
    return page;
  }

  static bool has_body(const Job& job) {
    struct stat status {};
    return ::stat(job.body_file(*job.head).c_str(), &status) == 0 &&
           static_cast<std::uint64_t>(status.st_size) == job.head->size;
  }

  void ask_network(const std::shared_ptr<Job>& job) {
    HttpRequest request;
    request.url = job->request.url;
    request.priority = job->request.priority;
    request.max_size = job->request.max_size;
    if (!job->request.accept.empty()) request.headers.emplace_back("Accept", job->request.accept);
    if (job->head && job->head->status == 200 && has_body(*job)) {
      if (!job->head->etag.empty()) request.headers.emplace_back("If-None-Match", job->head->etag);
      if (!job->head->last_modified.empty())
        request.headers.emplace_back("If-Modified-Since", job->head->last_modified);
    }
    http_.send(std::move(request), [self = shared_from_this(), job](HttpClient::Result result) {
      const Running running(*self);  // so the workers are still there
      if (!running) return;
      const auto arrived = std::make_shared<HttpClient::Result>(std::move(result));
      self->on_worker([state = self.get(), job, arrived] { state->take_arrived(job, *arrived); });
    });
  }

  void take_arrived(const std::shared_ptr<Job>& job, HttpClient::Result& result) {
    answer(*job, [&]() -> std::optional<Result> {
      if (Error* error = std::get_if<Error>(&result)) return std::move(*error);
      auto& response = std::get<HttpResponse>(result);
      if (response.status == 304) return confirmed(job, response);
      return new_page(*job, response);
    });
  }

  std::optional<Result> confirmed(const std::shared_ptr<Job>& job, const HttpResponse& response) {
    if (!job->head)
      throw Error(ErrorKind::Network, fmt::format("{} answers that nothing changed, though nothing was known",
                                                  quote(job->request.url.display())));
    Head& head = *job->head;
    const CacheRules rules = cache_rules(response.headers, options_.now());
    if (rules.says_lifetime) head.lifetime = rules.lifetime;
    if (response.header("etag") != nullptr) head.etag = *response.header("etag");
    head.stored = options_.now();
    head.final_url = response.final_url.to_string();
    if (auto page = stored_page(*job)) {
      store_head(*job, head);
      return page;
    }
    // The body is damaged, or another process removed it: request all of it.
    job->head.reset();
    ask_network(job);
    return std::nullopt;
  }

  std::optional<Result> new_page(const Job& job, HttpResponse& response) {
    CachedPage page;
    page.status = response.status;
    page.final_url = response.final_url;
    page.content_type = header_or_empty(response, "content-type");
    page.body = std::move(response.body);
    const Digest digest = hash_bytes(page.body);
    if (page.status == 200) page.validator = digest.to_string();
    if (page.status != 200 && !is_missing(page.status)) return page;

    const CacheRules rules = cache_rules(response.headers, options_.now());
    Head head;
    head.status = page.status;
    head.final_url = page.final_url.to_string();
    head.content_type = page.content_type;
    head.etag = header_or_empty(response, "etag");
    head.last_modified = header_or_empty(response, "last-modified");
    head.stored = options_.now();
    head.lifetime = page.status == 200 ? rules.lifetime : kMissingLifetime;
    head.size = page.status == 200 ? page.body.size() : 0;
    head.sha256 = digest.hex;
    store(job, head, rules.may_store, page.body);
    return page;
  }

  // Body before head, so that a head in place always has its body. If the cache cannot be written, the page
  // is simply not stored.
  static void store(const Job& job, const Head& head, bool may_store, std::string_view body) noexcept {
    try {
      if (may_store) {
        make_directories(job.directory.parent_path());
        make_directories_beneath(job.directory);
        if (head.status == 200) write_file_atomically(job.body_file(head), body);
        write_file_atomically(job.head_file(), to_text(head));
      } else {
        ::unlink(job.head_file().c_str());
      }
      const bool replaces_body =
          job.head && job.head->status == 200 &&
          !(may_store && head.status == 200 && job.body_file(*job.head) == job.body_file(head));
      if (replaces_body) ::unlink(job.body_file(*job.head).c_str());
    } catch (const std::exception&) {
    }
  }

  static void store_head(const Job& job, const Head& head) noexcept {
    try {
      write_file_atomically(job.head_file(), to_text(head));
    } catch (const std::exception&) {
    }
  }

  const fs::path directory_;
  HttpClient& http_;
  Workers& workers_;
  HttpCacheOptions options_;

  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
  bool stopped_ = false;
};

HttpCache::HttpCache(fs::path directory, HttpClient& http, Workers& workers, HttpCacheOptions options)
    : state_(std::make_shared<State>(std::move(directory), http, workers, std::move(options))) {}

HttpCache::~HttpCache() { state_->stop(); }

void HttpCache::fetch(CacheRequest request, std::function<void(Result)> done) {
  state_->begin(std::move(request), std::move(done));
}

}  // namespace moat
