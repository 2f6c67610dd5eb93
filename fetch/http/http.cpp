#include "fetch/http/http.h"

#include "fetch/http/curl_library.h"
#include "fetch/http/failure.h"
#include "fetch/http/http_policy.h"
#include "fetch/http/transfer.h"
#include "fetch/http/transfer_end.h"
#include "fetch/os/guarded.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/memory_out.h"
#include "fetch/os/open_files.h"
#include "fetch/os/workers.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

namespace moat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRedirects = 20;
constexpr std::chrono::milliseconds kLookForSignal{50};

// nullopt: nothing speaks against it.
std::optional<Error> why_not_sent(const Url& url, const HttpOptions& options) {
  const std::string shown = quote(url.display());
  if (options.offline)
    return Error(ErrorKind::Offline, shown + " is needed, but moat is offline",
                 {"run the command once without --offline"});
  if (url.scheme() != "http" && url.scheme() != "https")
    return Error(ErrorKind::BadInput, shown + " is neither an http nor an https URL");
  return std::nullopt;
}

Error unprotected(const Url& url) {
  return Error(ErrorKind::Refused,
               quote(url.display()) +
                   " is plain http: anybody on the way could change what comes, and no hash vouches for it",
               {"use https, or `#sha256=…` at the end of a file's URL",
                "if that is meant: --trusted-host " + url.host()});
}

HttpClient::Result outcome_of(Transfer& transfer) {
  try {
    return take_response(transfer);
  } catch (...) {
    return error_from(std::current_exception(), transfer.request.url);
  }
}

// Each request may have a connection and a file open.
HttpOptions within_limits(HttpOptions options) {
  const auto bounded = [](int most) {
    return static_cast<int>(at_once(static_cast<std::size_t>(std::max(most, 1)), 2));
  };
  options.requests_at_once = bounded(options.requests_at_once);
  options.connections_per_host = std::min(options.connections_per_host, options.requests_at_once);
  return options;
}

}  // namespace

const CurlLibrary& curl() {
  static const CurlLibrary library = [] {
    CurlLibrary loaded;
    // Thread-safe since 7.84. Never undone, because other users of the library may be alive.
    if (loaded.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error(ErrorKind::Network, "cannot start the network library");
    return loaded;
  }();
  return library;
}

// The network thread and its data. Other threads use only `inbox_` and curl_multi_wakeup.
//
// One state machine, each of whose steps may complete a transfer or send it on, so it stays one class: a
// transfer is admitted, arrives at each of its hops, waits in the queue, is started, finished, perhaps
// embargoed, and completed. What is decided on the way (attempt.h, transfer_end.h) and in which order
// requests are sent (request_queue.h) is not decided here.
class HttpClient::Loop {
 public:
  explicit Loop(HttpOptions options)
      : options_(within_limits(std::move(options))),
        queue_(options_.requests_at_once, options_.connections_per_host) {}

  ~Loop() {
    if (!thread_.joinable()) return;
    inbox_.with([](Inbox& inbox) { inbox.stopping = true; });
    wake();
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void send(HttpRequest request, std::function<void(Result)> done) {
    std::call_once(begun_, [&] { begin(); });
    // Made here, so that the network thread needs no memory to take it.
    Transfers order;
    const std::uint64_t sequence = next_sequence_++;
    order.emplace(sequence, std::make_unique<Transfer>(std::move(request), std::move(done), sequence));
    inbox_.with([&](Inbox& inbox) { inbox.orders.merge(order); });
    wake();
  }

  std::uint64_t requests_sent() const { return requests_sent_; }
  std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  using Transfers = std::map<std::uint64_t, std::unique_ptr<Transfer>>;  // by sequence
  struct Answer {                                                        // to the question for credentials
    Transfer* transfer;
    std::variant<std::optional<std::string>, Error> credentials;
  };
  struct Inbox {
    Transfers orders;
    std::vector<Answer> answers;
    bool stopping = false;
  };

  // At the first request: many commands make an HttpClient and never use it.
  void begin() {
    static_cast<void>(out_of_memory());  // when that happens, it is there
    multi_.reset(curl().multi_init());
    if (!multi_) throw std::bad_alloc();
    curl().multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    curl().multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                        static_cast<long>(options_.connections_per_host));
    curl().multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options_.requests_at_once) * 2);
    try {
      thread_ = std::jthread([this] { run(); });
    } catch (const std::system_error& error) {
      throw Error(ErrorKind::Disk,
                  fmt::format("cannot start a thread for the network: {}", error.code().message()),
                  {"raise the limit of processes and threads: `ulimit -u`, or pids.max of the container"});
    }
  }

  void wake() { curl().multi_wakeup(multi_.get()); }

  void run() {
    // Without signals libcurl leaves SIGPIPE to us.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    bool goes_on = true;
    while (goes_on) {
      try {
        goes_on = take_turn();
      } catch (const std::exception&) {  // out of memory; no caller may wait for it for ever
        fail_all(std::current_exception());
      }
    }
    cancel_all();
  }

  bool take_turn() {
    if (!take_inbox()) return false;
    end_embargoes();
    start_waiting();
    int running = 0;
    check(curl().multi_perform(multi_.get(), &running));
    if (take_finished()) return true;  // there may be room for others now
    check(curl().multi_poll(multi_.get(), nullptr, 0, poll_timeout_ms(), nullptr));
    return true;
  }

  // Out of memory the library may have forgotten a transfer, for whose end somebody would wait for ever.
  static void check(CURLMcode code) {
    if (code == CURLM_OUT_OF_MEMORY) throw std::bad_alloc();
  }

  bool take_inbox() {
    std::vector<Answer> answers;
    std::optional<std::uint64_t> first;
    const bool stopping = inbox_.with([&](Inbox& inbox) {
      if (!inbox.orders.empty()) first = inbox.orders.begin()->first;
      transfers_.merge(inbox.orders);
      std::swap(answers, inbox.answers);
      return inbox.stopping;
    });
    if (first) admit_from(*first);
    for (Answer& answer : answers) take_answer(answer);
    return !stopping;
  }

  // Senders may overtake each other, so higher numbers may have come before.
  void admit_from(std::uint64_t first) {
    for (auto at = transfers_.lower_bound(first); at != transfers_.end();) {
      Transfer& transfer = *(at++)->second;  // it may be over at once
      if (!std::exchange(transfer.admitted, true)) admit(transfer);
    }
  }

  void admit(Transfer& transfer) {
    if (auto error = why_not_sent(transfer.url, options_))
      complete(transfer, std::move(*error));
    else
      arrive_at(transfer, transfer.url);
  }

  // The beginning of a hop: the first one, or the one after a redirect.
  void arrive_at(Transfer& transfer, const Url& url) {
    const bool stays =
        transfer.hops > 0 && same_origin(transfer.url, url) && transfer.url.userinfo() == url.userinfo();
    transfer.url = url;
    if (!transfer.request.vouched && !is_protected(url, options_.trusted_hosts))
      return complete(transfer, unprotected(url));
    if (!stays) {
      transfer.asked_again = false;
      transfer.credentials.reset();
      if (!url.userinfo().empty()) {
        transfer.credentials = decode_userinfo(url.userinfo());
      } else if (may_ask_for_credentials(transfer)) {
        try {
          transfer.credentials = options_.credentials(url, false);
        } catch (...) {
          return complete(transfer, error_from(std::current_exception(), transfer.request.url));
        }
      }
    }
    enqueue(transfer);
  }

  void enqueue(Transfer& transfer) {
    transfer.origin = &queue_.add(transfer.url, transfer.request.priority, transfer.sequence);
  }

  void start_waiting() {
    while (const auto next = queue_.take()) {
      Transfer& transfer = *transfers_.at(*next);
      try {
        start(transfer);
      } catch (...) {
        complete(transfer, error_from(std::current_exception(), transfer.request.url));
      }
    }
  }

  void start(Transfer& transfer) {
    transfer.easy.reset(curl().easy_init());
    if (!transfer.easy) throw std::bad_alloc();
    transfer.error_text.fill('\0');
    transfer.status = 0;
    transfer.connect_status = 0;
    transfer.headers.clear();
    transfer.body_begun = false;
    transfer.unpacked = 0;
    transfer.sent = 0;
    transfer.failure = nullptr;
    configure(transfer, options_);
    if (curl().multi_add_handle(multi_.get(), transfer.easy.get()) != CURLM_OK)
      throw Error(ErrorKind::Network, fmt::format("cannot begin to {} {}", doing(transfer.request),
                                                  quote(transfer.request.url.display())));
    queue_.count_started(*transfer.origin);
  }

  void detach(Transfer& transfer) {
    curl().multi_remove_handle(multi_.get(), transfer.easy.get());
    transfer.easy.reset();
    transfer.header_lines.reset();
    queue_.count_ended(*transfer.origin);
  }

  bool take_finished() {
    bool any = false;
    int left = 0;
    while (const CURLMsg* message = curl().multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* user = nullptr;
      curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
      Transfer& transfer = *static_cast<Transfer*>(user);
      const CURLcode code = message->data.result;
      count(message->easy_handle);
      curl().easy_getinfo(message->easy_handle, CURLINFO_HTTP_CONNECTCODE, &transfer.connect_status);
      detach(transfer);
      finish_attempt(transfer, code);
      any = true;
    }
    return any;
  }

  void count(CURL* easy) {
    long request_size = 0;
    curl_off_t received = 0;
    curl().easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_size);
    curl().easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    if (request_size > 0) ++requests_sent_;
    bytes_received_ += static_cast<std::uint64_t>(received);
  }

  void finish_attempt(Transfer& transfer, CURLcode code) {
    if (transfer.failure) return complete(transfer, error_from(transfer.failure, transfer.request.url));
    try {
      switch (next_step(transfer.request, end_of(transfer, code, may_ask_again(transfer)))) {
        case NextStep::Respond:
          return respond(transfer);
        case NextStep::Fail:
          return complete(transfer, break_error(transfer, code, options_));
        case NextStep::RefuseProxy:
          return complete(transfer, proxy_refuses(transfer, options_));
        case NextStep::Retry:
          return retry(transfer, code);
        case NextStep::Redirect:
          return redirect(transfer);
        case NextStep::AskAgain:
          return ask_again(transfer);
        case NextStep::StartOver:
          transfer.sink.forget_resuming();
          return enqueue(transfer);
      }
    } catch (...) {
      complete(transfer, error_from(std::current_exception(), transfer.request.url));
    }
  }

  void retry(Transfer& transfer, CURLcode code) {
    const bool is_broken = code != CURLE_OK;
    const std::string why =
        is_broken ? reason_of_break(transfer, code) : fmt::format("status {}", transfer.status);
    if (embargo(transfer, is_broken ? std::nullopt : retry_after(transfer), why)) return;
    if (is_broken) return complete(transfer, break_error(transfer, code, options_));
    respond(transfer);
  }

  // Returns false if no attempt is left.
  bool embargo(Transfer& transfer, std::optional<std::chrono::seconds> retry_after, std::string_view why) {
    const double jitter = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    const auto delay = transfer.attempts.next(options_.retry, transfer.sink.stored(), jitter, retry_after);
    if (!delay) return false;
    if (options_.told_of_retry)
      options_.told_of_retry(fmt::format("{}: {}; attempt {} of {} in {:.1f} s",
                                         quote(transfer.request.url.display()), why,
                                         transfer.attempts.number(), options_.retry.attempts,
                                         std::chrono::duration<double>(*delay).count()));
    embargoed_.emplace(Clock::now() + *delay, &transfer);
    return true;
  }

  void end_embargoes() {
    const auto now = Clock::now();
    while (!embargoed_.empty() && embargoed_.begin()->first <= now) {
      Transfer& transfer = *embargoed_.begin()->second;
      embargoed_.erase(embargoed_.begin());
      // The target of a redirect may be broken, or no longer valid: start from the original URL.
      if (transfer.hops == 0) {
        enqueue(transfer);
      } else {
        transfer.hops = 0;
        arrive_at(transfer, transfer.request.url);
      }
    }
  }

  int poll_timeout_ms() const {
    constexpr std::chrono::milliseconds kLong{60'000};  // libcurl's own timers and wake-ups come sooner
    if (embargoed_.empty()) return static_cast<int>(kLong.count());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(embargoed_.begin()->first - Clock::now());
    return static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), kLong).count());
  }

  void redirect(Transfer& transfer) {
    if (++transfer.hops > kMostRedirects)
      throw Error(ErrorKind::Network, fmt::format("{} redirects more than {} times",
                                                  quote(transfer.request.url.display()), kMostRedirects));
    arrive_at(transfer, redirect_target(transfer, options_.trusted_hosts));
  }

  // Not for a host that somebody on the way could impersonate.
  bool may_ask_for_credentials(const Transfer& transfer) const {
    return options_.credentials && !has_own_authorization(transfer) &&
           is_protected(transfer.url, options_.trusted_hosts);
  }

  bool may_ask_again(const Transfer& transfer) const {
    return transfer.status == 401 && !transfer.asked_again && may_ask_for_credentials(transfer);
  }

  // Looking for credentials may start programs: not on this thread.
  void ask_again(Transfer& transfer) {
    transfer.asked_again = true;
    if (!asker_) asker_ = std::make_unique<Workers>(1);
    asker_->submit([this, &transfer, url = transfer.url] {
      Answer answer{&transfer, std::optional<std::string>()};
      try {
        answer.credentials = options_.credentials(url, true);
      } catch (...) {
        answer.credentials = error_from(std::current_exception(), url);
      }
      try {
        inbox_.with([&](Inbox& inbox) { inbox.answers.push_back(std::move(answer)); });
      } catch (const std::bad_alloc&) {
        stop_for_memory();
      }
      wake();
    });
  }

  void take_answer(Answer& answer) {
    Transfer& transfer = *answer.transfer;
    if (Error* error = std::get_if<Error>(&answer.credentials)) return complete(transfer, std::move(*error));
    auto& found = std::get<std::optional<std::string>>(answer.credentials);
    if (!found || found == transfer.credentials) return respond(transfer);
    transfer.credentials = std::move(found);
    enqueue(transfer);
  }

  void respond(Transfer& transfer) { complete(transfer, outcome_of(transfer)); }

  // The transfer is gone afterwards.
  void complete(Transfer& transfer, Result result) noexcept {
    const auto owned = transfers_.extract(transfer.sequence);
    try {
      transfer.done(std::move(result));
    } catch (...) {  // memory is out; whoever waits must hear of it
      tell_failure(transfer, std::current_exception());
    }
  }

  static void tell_failure(Transfer& transfer, const std::exception_ptr& failure) noexcept {
    try {
      transfer.done(error_from(failure, transfer.request.url));
    } catch (const std::bad_alloc&) {
      stop_for_memory();
    } catch (...) {  // `done` failed twice: there is nobody else to tell
    }
  }

  void cancel_all() {
    asker_.reset();  // its answers are no longer wanted
    const auto cancelled = [](const Transfer& transfer) {
      return Error(ErrorKind::Interrupted, fmt::format("cancelled: {}", quote(transfer.url.display())));
    };
    end_all([&](const Transfer& transfer) {
      try {
        return cancelled(transfer);
      } catch (const std::bad_alloc&) {
        return out_of_memory();
      }
    });
  }

  void fail_all(const std::exception_ptr& failure) {
    asker_.reset();
    inbox_.with([](Inbox& inbox) { inbox.answers.clear(); });  // to transfers that are over in a moment
    embargoed_.clear();
    queue_.clear();
    end_all([&](const Transfer& transfer) { return error_from(failure, transfer.url); });
  }

  template <class F>
  void end_all(const F& error) {
    for (auto& [sequence, transfer] : transfers_)
      if (transfer->easy) detach(*transfer);
    while (!transfers_.empty()) {
      Transfer& transfer = *transfers_.begin()->second;
      complete(transfer, error(transfer));
    }
  }

  const HttpOptions options_;
  std::once_flag begun_;
  Multi multi_;
  Guarded<Inbox> inbox_;
  std::atomic<std::uint64_t> requests_sent_ = 0;
  std::atomic<std::uint64_t> bytes_received_ = 0;
  std::atomic<std::uint64_t> next_sequence_ = 0;

  // Used by the network thread only.
  Transfers transfers_;
  RequestQueue queue_;
  std::multimap<Clock::time_point, Transfer*> embargoed_;
  std::unique_ptr<Workers> asker_;
  std::minstd_rand random_{std::random_device{}()};

  std::jthread thread_;
};

HttpBody HttpBody::of(std::string bytes) {
  const std::uint64_t size = bytes.size();
  return {size, [bytes = std::move(bytes)](std::uint64_t offset, char* to, std::size_t room) {
            return bytes.copy(to, room, static_cast<std::size_t>(offset));
          }};
}

const std::string* HttpResponse::header(std::string_view lower_case_name) const {
  return find_header(headers, lower_case_name);
}

HttpClient::HttpClient(HttpOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}
HttpClient::~HttpClient() = default;

void HttpClient::send(HttpRequest request, std::function<void(Result)> done) {
  loop_->send(std::move(request), std::move(done));
}

namespace {

// Whether the caller still waits for a request. After that, the objects its callbacks use may be gone.
struct Waiting {
  std::mutex mutex;
  bool is_over = false;
};

template <class R, class... A>
void call_while_waited_for(std::function<R(A...)>& callback, const std::shared_ptr<Waiting>& waiting) {
  if (!callback) return;
  callback = [waiting, inner = std::move(callback)](A... arguments) -> R {
    const std::lock_guard lock(waiting->mutex);
    if (waiting->is_over) throw Error(ErrorKind::Interrupted, "interrupted");
    return inner(std::forward<A>(arguments)...);
  };
}

}  // namespace

HttpResponse HttpClient::exchange(HttpRequest request) {
  const auto waiting = std::make_shared<Waiting>();
  if (request.body) call_while_waited_for(request.body->read, waiting);
  call_while_waited_for(request.on_data, waiting);
  call_while_waited_for(request.on_progress, waiting);
  const auto promise = std::make_shared<std::promise<Result>>();
  send(std::move(request), [promise](Result result) { promise->set_value(std::move(result)); });
  std::future<Result> future = promise->get_future();
  try {
    while (future.wait_for(kLookForSignal) == std::future_status::timeout) throw_if_interrupted();
  } catch (...) {
    const std::lock_guard lock(waiting->mutex);
    waiting->is_over = true;
    throw;
  }
  Result result = future.get();
  if (Error* error = std::get_if<Error>(&result)) throw std::move(*error);
  return std::get<HttpResponse>(std::move(result));
}

std::uint64_t HttpClient::requests_sent() const { return loop_->requests_sent(); }
std::uint64_t HttpClient::bytes_received() const { return loop_->bytes_received(); }

}  // namespace moat
