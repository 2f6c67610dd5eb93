#include "fetch/download/wheels.h"

#include "fetch/archive/wheel_check.h"
#include "fetch/download/arriving_wheel.h"
#include "fetch/download/download.h"
#include "fetch/os/guarded.h"
#include "fetch/os/open_files.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace moat {

namespace {

// Work that other threads hand to the thread in obtain_wheels().
class Inbox {
 public:
  void post(std::function<void()> letter) {
    {
      const std::lock_guard lock(mutex_);
      letters_.push_back(std::move(letter));
    }
    arrived_.notify_one();
  }
  std::function<void()> take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !letters_.empty(); });
    std::function<void()> letter = std::move(letters_.front());
    letters_.pop_front();
    return letter;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> letters_;
};

std::vector<Digest> wanted_digests(const WheelOrder& order) {
  return moat::wanted_digests(order.artifact, order.accepted);
}

bool is_local(const WheelOrder& order) { return order.artifact.url.scheme() == "file"; }

// The wheel in the store that matches the order without doubt.
std::optional<StoredWheel> find_promised(const Store& store, const WheelOrder& order) {
  const std::vector<Digest> wanted = wanted_digests(order);
  for (const Digest& digest : wanted) {
    const auto sha256 =
        digest.algorithm == "sha256" ? std::optional(digest) : store.linked(digest.to_string());
    auto found = sha256 ? store.find_wheel(*sha256) : std::nullopt;
    // The hashes a user accepts are often those of all files of a release.
    if (found && (order.accepted.empty() || found->filename == order.artifact.filename)) return found;
  }
  return std::nullopt;
}

bool is_vouched_for(const WheelOrder& order) {
  const std::vector<Digest> wanted = wanted_digests(order);
  return std::any_of(wanted.begin(), wanted.end(), [](const Digest& digest) {
    return digest.algorithm != "md5" && digest.algorithm != "sha1";
  });
}

// Is the URL all that identifies the file?
bool known_by_url_alone(const WheelOrder& order) { return wanted_digests(order).empty() && !is_local(order); }

// One file to get. The same file may be ordered twice; it comes once.
struct Job {
  const WheelOrder* order = nullptr;
  std::optional<StoredWheel> stored = {};
  std::optional<StoredWheel> doubted = {};  // what its URL gave before, and may no longer give
  HttpHeaders condition = {};               // for the request that checks this
};

struct Jobs {
  std::vector<Job> all;
  std::vector<std::size_t> of_order;  // the job of each order

  const StoredWheel& result(std::size_t order) const { return *all[of_order[order]].stored; }
};

Jobs jobs_for(const std::vector<WheelOrder>& orders) {
  Jobs out;
  std::map<std::string, std::size_t> known;
  for (const WheelOrder& order : orders) {
    const auto [place, is_new] = known.emplace(order.artifact.url.to_string(), out.all.size());
    if (is_new) out.all.push_back({.order = &order});
    out.of_order.push_back(place->second);
  }
  return out;
}

void find_stored(Job& job, Store& store) {
  job.stored = find_promised(store, *job.order);
  if (job.stored || !known_by_url_alone(*job.order)) return;
  auto known = store.urls().find(job.order->artifact);
  if (!known) return;
  auto wheel = store.find_wheel(known->sha256);
  if (known->confirmed) {
    job.stored = std::move(wheel);
  } else if (wheel) {
    job.doubted = std::move(wheel);
    job.condition = std::move(known->condition);
  }
}

// Biggest first: the last to arrive should be small.
std::vector<std::size_t> missing_jobs(const std::vector<Job>& jobs) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (!jobs[i].stored) missing.push_back(i);
  const auto size = [&](std::size_t i) { return jobs[i].order->artifact.size.value_or(0); };
  std::stable_sort(missing.begin(), missing.end(), [&](auto a, auto b) { return size(a) > size(b); });
  return missing;
}

Error bad_record(const WheelOrder& order, const std::string& wrong) {
  const auto name = WheelFilename::parse(order.artifact.filename);
  return {ErrorKind::BadArchive,
          fmt::format("cannot use {}: {}, and no hash vouches for the file", quote(order.artifact.filename),
                      wrong),
          {fmt::format("if you trust the file, add --allow-bad-record {}",
                       name ? name->name.normalized() : ":all:"),
           "or give its hash: a line with --hash=sha256:… in a requirements file"}};
}

// The wheels have the promised bytes; are their RECORDs right?
void judge_records(const std::vector<WheelOrder>& orders, const Jobs& jobs, Reporter& reporter) {
  std::set<std::string> told;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const WheelOrder& order = orders[i];
    const StoredWheel& wheel = jobs.result(i);
    const std::string wrong = wheel.faults.empty() ? "" : wrong_record(wheel.faults);
    if (wrong.empty() || order.bad_record == BadRecord::Ignored) continue;
    const bool vouched = is_vouched_for(order);
    if (!vouched && order.bad_record == BadRecord::NeedsHash) throw bad_record(order, wrong);
    if (told.insert(order.artifact.filename).second)
      reporter.warn(fmt::format("{}: {}{}", order.artifact.filename, wrong,
                                vouched ? "; the hash of the file is right, so it is used" : ""));
  }
}

// Goes before all files: it is small, and much waits for it. The answer may come after its owner is gone.
void ask_for_end(HttpClient& http, const Url& url, const std::shared_ptr<ArrivingWheel>& wheel,
                 const ByteRange& range) {
  constexpr int kBeforeFiles = 1'000'000;
  HttpRequest request{.url = url, .range = range};
  request.max_size = *range.last + 1 - range.first;
  request.priority = kBeforeFiles;
  request.vouched = true;  // it is compared with the file, whose hash is promised
  http.send(std::move(request), [&http, url, wheel](const HttpClient::Result& result) {
    if (const auto more = wheel->take_end(result)) ask_for_end(http, url, wheel, *more);
  });
}

// The way of each missing job from a request to a stored wheel. One machine with one loop, and not a value at
// each step, because the jobs share what limits them: how many are unpacked at once, the first failure that
// ends all, and the wait for those that use the store when it does.
//
//   begin → downloaded → arrived → add_next → added → finished
//                          └ finish_arriving ─────────┘  unpacked while it came; else as the others
//
// Other threads hand over letters; each step runs on the caller's thread, but for the pieces named "on …".
class Obtaining {
 public:
  Obtaining(std::vector<Job>& jobs, HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
            const std::function<void(const StoredWheel&)>& obtained)
      : jobs_(jobs), http_(http), store_(store), workers_(workers), reporter_(reporter), obtained_(obtained) {
    told_->with([&](Reporter*& told) { told = &reporter; });
  }
  Obtaining(const Obtaining&) = delete;
  Obtaining& operator=(const Obtaining&) = delete;
  // Downloads that are cancelled may end later: they hold the inbox, their files and this pointer only.
  ~Obtaining() {
    for (auto& [job, wheel] : arriving_) wheel->cancel();
    told_->with([](Reporter*& told) { told = nullptr; });
  }

  // `missing`: jobs, the most urgent first.
  void run(const std::vector<std::size_t>& missing, const std::stop_token& stop) {
    const Phase phase(reporter_, "download");
    files_ = std::make_shared<TempDir>(store_.make_temp("download"));
    const std::stop_callback interrupted(
        stop, [inbox = inbox_] { inbox->post([] { throw Error(ErrorKind::Interrupted, "interrupted"); }); });
    waiting_ = missing.size();
    try {
      for (std::size_t rank = 0; rank < missing.size(); ++rank)
        begin(missing[rank], static_cast<int>(missing.size() - rank));
      while (waiting_ != 0) inbox_->take()();
    } catch (...) {
      cancel();
      throw;
    }
    if (unreachable_.empty()) return;
    throw Error(ErrorKind::Offline,
                fmt::format("{} not in the store, and moat is offline: {}",
                            unreachable_.size() == 1 ? "one file is"
                                                     : fmt::format("{} files are", unreachable_.size()),
                            join(unreachable_, ", ")),
                {"run it once without --offline"});
  }

 private:
  // No more pieces, no more slices; wait for the running ones, because they use the store.
  void cancel() {
    cancelled_.request_stop();
    for (auto& [job, wheel] : arriving_) wheel->cancel();
    while (adding_ != 0) {
      try {
        inbox_->take()();
      } catch (...) {  // the first failure is the one that is told
      }
    }
  }

  void begin(std::size_t job, int priority) {
    const WheelOrder& order = *jobs_[job].order;
    if (is_local(order))
      begin_hashing(job);
    else
      begin_download(job, priority);
  }

  void begin_hashing(std::size_t job) {
    const WheelOrder& order = *jobs_[job].order;
    workers_.submit([this, job, inbox = inbox_, cancelled = cancelled_.get_token(),
                     file = fs::path(order.artifact.url.file_path()), wanted = wanted_digests(order)] {
      std::function<void()> letter;
      try {
        if (!is_there(file))
          throw Error(ErrorKind::BadInput, fmt::format("there is no {}", quote(file.native())));
        letter = [this, job, arrival = hash_fetched(file, wanted, cancelled)] { arrived(job, arrival); };
      } catch (...) {
        letter = [error = std::current_exception()] { std::rethrow_exception(error); };
      }
      inbox->post(std::move(letter));
    });
  }

  void begin_download(std::size_t job, int priority) {
    const Artifact& artifact = jobs_[job].order->artifact;
    const fs::path file = files_->path() / fmt::format("{}.whl", job);
    const std::vector<Digest> wanted = wanted_digests(*jobs_[job].order);
    const auto hashes = std::make_shared<Hashes>(wanted);
    HttpRequest request{.url = artifact.url.without_fragment(), .headers = jobs_[job].condition};
    request.to_file = file;
    request.vouched = vouch(wanted);
    request.priority = priority;
    const std::shared_ptr<ArrivingWheel> arriving = begin_arriving(job, file, wanted);
    // On the network thread. An Error thrown here ends the request.
    request.on_data = [hashes, arriving, cancelled = cancelled_.get_token()](std::string_view piece) {
      if (cancelled.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
      hashes->update(piece);
      if (arriving) arriving->bytes_came(hashes->size());
    };
    request.on_progress = [told = told_, name = artifact.filename](std::uint64_t done, std::uint64_t total) {
      told->with([&](Reporter* reporter) {
        if (reporter) reporter->progress("download", name, done, total);
      });
    };
    http_.send(std::move(request),
               [this, job, file, hashes, inbox = inbox_, files = files_](HttpClient::Result result) {
                 inbox->post([this, job, file, hashes, result = std::move(result)] {
                   downloaded(job, file, *hashes, result);
                 });
               });
  }

  // For a big wheel with a promised hash: unpacks it while it arrives. nullptr for others.
  std::shared_ptr<ArrivingWheel> begin_arriving(std::size_t job, const fs::path& file,
                                                const std::vector<Digest>& wanted) {
    const Artifact& artifact = jobs_[job].order->artifact;
    auto name = WheelFilename::parse(artifact.filename);
    if (artifact.size.value_or(0) < ArrivingWheel::kWorthwhile || wanted.size() != 1 ||
        wanted.front().algorithm != "sha256" || !name || arriving_.size() >= most_arriving_)
      return nullptr;
    auto wheel =
        std::make_shared<ArrivingWheel>(WheelToAdd{file, std::move(*name), artifact.filename, wanted.front()},
                                        *artifact.size, store_, workers_);
    arriving_.emplace(job, wheel);
    ask_for_end(http_, artifact.url.without_fragment(), wheel, wheel->end_to_ask_for());
    return wheel;
  }

  void downloaded(std::size_t job, const fs::path& file, Hashes& hashes, const HttpClient::Result& result) {
    const Artifact& artifact = jobs_[job].order->artifact;
    if (const Error* error = std::get_if<Error>(&result)) {
      if (error->kind() != ErrorKind::Offline) throw *error;
      unreachable_.push_back(artifact.filename);
      --waiting_;
      return;
    }
    const HttpResponse& response = std::get<HttpResponse>(result);
    if (response.status == 304 && jobs_[job].doubted) {
      store_.urls().confirm(artifact);
      return finished(job, std::move(*jobs_[job].doubted));
    }
    if (response.status != 200) throw refused_status(artifact, response.status);
    arrived(job, {file, hashes.size(), hashes.finish(), condition_of(response)});
  }

  void arrived(std::size_t job, const FetchedFile& arrival) {
    const WheelOrder& order = *jobs_[job].order;
    check_fetched(order.artifact, wanted_digests(order), arrival);
    // From here on the file is verified.
    const Digest& sha256 = arrival.digests.at("sha256");
    remember(order, arrival);
    if (auto stored = is_local(order) ? store_.find_wheel(sha256) : std::nullopt)
      return finished(job, std::move(*stored));
    auto name = WheelFilename::parse(order.artifact.filename);
    if (!name)
      throw Error(ErrorKind::BadArchive, fmt::format("{} is not a wheel file name: {}",
                                                     quote(order.artifact.filename), name.error().message));
    WheelToAdd wheel{arrival.file, std::move(*name), order.artifact.filename, sha256};
    if (const auto arriving = arriving_.find(job); arriving != arriving_.end())
      return finish_arriving(job, *arriving->second, std::move(wheel));
    to_add_.push_back({job, std::move(wheel)});
    add_next();
  }

  void finish_arriving(std::size_t job, ArrivingWheel& arriving, WheelToAdd wheel) {
    arriving.finish([this, job, inbox = inbox_, wheel = std::move(wheel)](std::optional<StoredWheel> stored) {
      inbox->post([this, job, wheel, stored = std::move(stored)] {
        if (stored) {
          std::error_code still_there;  // the folder is removed in the end
          fs::remove(wheel.file, still_there);
          return finished(job, *stored);
        }
        to_add_.emplace_back(job, wheel);
        if (!cancelled_.stop_requested()) add_next();
      });
    });
  }

  // A few at once: each has files open until it is unpacked, and a few keep the pool busy.
  void add_next() {
    while (!to_add_.empty() && adding_ < most_added_) {
      auto [job, wheel] = std::move(to_add_.front());
      to_add_.pop_front();
      ++adding_;
      const fs::path file = wheel.file;
      store_.begin_add_wheel(
          std::move(wheel), workers_, cancelled_.get_token(),
          [this, job = job, inbox = inbox_, file](Store::Added added) {
            inbox->post([this, job, file, added = std::move(added)] { this->added(job, file, added); });
          });
    }
  }

  // So the same order needs no network next time, even if sha256 was not among its digests.
  void remember(const WheelOrder& order, const FetchedFile& arrival) const {
    const Digest& sha256 = arrival.digests.at("sha256");
    if (known_by_url_alone(order)) store_.urls().remember(order.artifact, sha256, arrival.condition);
    for (const Digest& digest : wanted_digests(order))
      if (digest.algorithm != "sha256" && arrival.digests.at(digest.algorithm) == digest)
        store_.link(digest.to_string(), sha256);
  }

  void added(std::size_t job, const fs::path& file, const Store::Added& added) {
    --adding_;
    if (!cancelled_.stop_requested()) add_next();
    if (const auto* failed = std::get_if<std::exception_ptr>(&added)) std::rethrow_exception(*failed);
    std::error_code still_there;  // the folder is removed in the end
    if (!is_local(*jobs_[job].order)) fs::remove(file, still_there);
    finished(job, std::get<StoredWheel>(added));
  }

  void finished(std::size_t job, StoredWheel stored) {
    for (const std::string& warning : stored.warnings) reporter_.warn(warning);
    jobs_[job].stored = std::move(stored);
    if (obtained_) obtained_(*jobs_[job].stored);
    --waiting_;
  }

  std::vector<Job>& jobs_;
  HttpClient& http_;
  Store& store_;
  Workers& workers_;
  Reporter& reporter_;
  const std::function<void(const StoredWheel&)>& obtained_;

  std::size_t waiting_ = 0;  // jobs not finished
  std::size_t adding_ = 0;   // of those, the ones the pool works on
  const std::size_t most_added_ = at_once(workers_.size() + 2, 3);
  std::deque<std::pair<std::size_t, WheelToAdd>> to_add_;
  std::map<std::size_t, std::shared_ptr<ArrivingWheel>> arriving_;  // by job
  const std::size_t most_arriving_ = at_once(16, 3);
  std::vector<std::string> unreachable_;
  std::stop_source cancelled_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::shared_ptr<TempDir> files_;
  std::shared_ptr<Guarded<Reporter*>> told_ = std::make_shared<Guarded<Reporter*>>();
};

}  // namespace

std::vector<StoredWheel> obtain_wheels(const std::vector<WheelOrder>& orders, HttpClient& http, Store& store,
                                       Workers& workers, Reporter& reporter, std::stop_token stop,
                                       const std::function<void(const StoredWheel&)>& obtained) {
  Jobs jobs = jobs_for(orders);
  workers.for_each(jobs.all.size(), [&](std::size_t i) { find_stored(jobs.all[i], store); });
  if (obtained)
    for (const Job& job : jobs.all)
      if (job.stored) obtained(*job.stored);
  if (const std::vector<std::size_t> missing = missing_jobs(jobs.all); !missing.empty())
    Obtaining(jobs.all, http, store, workers, reporter, obtained).run(missing, stop);
  judge_records(orders, jobs, reporter);
  std::vector<StoredWheel> results;
  for (std::size_t i = 0; i < orders.size(); ++i) results.push_back(jobs.result(i));
  return results;
}

}  // namespace moat
