#include "fetch/index/remote_metadata.h"

#include "fetch/bytes/hasher.h"
#include "fetch/download/wheels.h"
#include "fetch/http/http_policy.h"
#include "fetch/index/kept_metadata.h"
#include "fetch/index/ranged_wheel.h"
#include "fetch/os/file.h"
#include "fetch/os/guarded.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace moat {
namespace {

// It is METADATA, and not some other page.
bool is_metadata(std::string_view text) {
  return parse_metadata_fields(text.substr(0, 4096)).find("Metadata-Version").has_value();
}

// Why what came in place of the sidecar file is none; nullopt if it is one.
std::optional<std::string> why_no_sidecar(const HttpResponse& response) {
  if (response.status != 200) return "it answered " + std::to_string(response.status);
  if (!is_metadata(response.body)) return "it answered with something else";
  return std::nullopt;
}

// Where it lies; nullopt if it may not be read from there.
std::optional<HttpRequest> request_for_sidecar(const Artifact& wheel) {
  // As pip does it: appended to the whole URL, after a query too.
  const auto url = Url::parse(wheel.url.to_string() + ".metadata");
  const bool vouched = wheel.metadata_digest && wheel.metadata_digest->is_strong();
  if (!url || (!vouched && !is_protected(*url, {}))) return std::nullopt;
  HttpRequest request{.url = *url};
  request.vouched = vouched;
  request.max_size = kLongestMetadata;
  return request;
}

// nullopt: the sidecar file is what the index promises.
std::optional<Error> broken_promise(const Artifact& wheel, std::string_view sidecar) {
  const auto& promised = wheel.metadata_digest;
  if (!promised) return std::nullopt;
  const Digest found = hash_bytes(sidecar, promised->algorithm);
  if (found == *promised) return std::nullopt;
  return Error(ErrorKind::HashMismatch, "the metadata file of " + quote(wheel.filename) +
                                            " is not what the index promises: its hash is " +
                                            found.to_string() + ", not " + promised->to_string());
}

// What servers have shown of ranges, by origin, as far as it was tried. Thread-safe.
class RangeMemory {
 public:
  std::optional<bool> work_at(const Url& url) {
    return by_origin_.with([&](const auto& origins) {
      const auto found = origins.find(url.origin());
      return found == origins.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void remember(const Url& url, bool work) {
    by_origin_.with([&](auto& origins) { origins[url.origin()] = work; });
  }

 private:
  Guarded<std::map<std::string, bool>> by_origin_;
};

}  // namespace

struct RemoteMetadata::Shared {
  Shared(HttpClient& client, Store& wheel_store, Workers& pool, Reporter& teller,
         std::shared_ptr<Background> owner, bool is_offline, const std::stop_token& stop)
      : http(client),
        store(wheel_store),
        workers(pool),
        reporter(teller),
        background(std::move(owner)),
        offline(is_offline),
        on_stop(stop, [this] { cancelled.request_stop(); }) {}

  HttpClient& http;
  Store& store;
  Workers& workers;
  Reporter& reporter;
  std::shared_ptr<Background> background;
  bool offline = false;
  std::stop_source cancelled;
  std::stop_callback<std::function<void()>> on_stop;
  RangeMemory ranges;
  std::once_flag downloads_made;
  // Downloads of whole wheels block, so they must not run in the pool. Made on first use.
  std::unique_ptr<Workers> downloads;
};

// The look-up of one wheel's metadata: which place is asked next, where one does not have it. Each step runs
// on the pool and ends in finish() or in another request.
class RemoteMetadata::Job : public std::enable_shared_from_this<Job> {
 public:
  Job(std::shared_ptr<Shared> shared, Artifact artifact, WheelFilename name,
      std::function<void(MetadataAnswer)> done)
      : shared_(std::move(shared)),
        artifact_(std::move(artifact)),
        name_(std::move(name)),
        done_(std::move(done)) {}

  void start() {
    step([this] {
      if (artifact_.url.scheme() == "file")
        return finish(read_wheel_metadata(artifact_.url.file_path(), name_));
      if (auto text = metadata_in_store(shared_->store, artifact_)) return finish(std::move(*text));
      // Only its URL identifies the wheel, and that may give another one by now: the stored one is
      // revalidated, or a new one read.
      const bool doubted = artifact_.digests.empty() && shared_->store.urls().doubts();
      if (doubted && shared_->store.urls().find(artifact_)) return download_whole();
      if (auto text = kept().find(); text && !doubted) return finish(std::move(*text));
      if (shared_->offline)
        return finish(Error(ErrorKind::Offline,
                            "the metadata of " + quote(artifact_.filename) + " is not in the cache"));
      if (artifact_.has_metadata_file)
        ask_for_sidecar();
      else
        read_by_ranges();
    });
  }

 private:
  using Step = void (Job::*)(HttpResponse&);
  using OtherWay = void (Job::*)();

  // Runs on the pool; an exception becomes the answer.
  template <class F>
  void step(F work) {
    shared_->background->submit([self = shared_from_this(), work = std::move(work)] {
      try {
        work();
      } catch (const Error& error) {
        self->finish(error);
      } catch (const std::exception& error) {
        self->finish(Error(ErrorKind::Network, "cannot read the metadata of " +
                                                   quote(self->artifact_.filename) + ": " + error.what()));
      }
    });
  }

  void send(HttpRequest request, Step answered, OtherWay otherwise) {
    shared_->http.send(
        std::move(request), [self = shared_from_this(), answered, otherwise](HttpClient::Result result) {
          self->shared_->background->run([&] {
            if (const auto* error = std::get_if<Error>(&result)) {
              if (self->is_final(*error, otherwise)) return self->finish(*error);
              return self->step([self, otherwise] { (self.get()->*otherwise)(); });
            }
            // std::function requires copies; the body should not be copied.
            auto response = std::make_shared<HttpResponse>(std::move(std::get<HttpResponse>(result)));
            self->step([self, answered, response] { (self.get()->*answered)(*response); });
          });
        });
  }

  // If ranges have worked before, the network failed. Else the server may not support ranges (it sends the
  // whole wheel, which is too much, or other bytes than requested). Over plain http only the whole wheel can
  // be verified, by its hash.
  bool is_final(const Error& error, OtherWay otherwise) const {
    if (error.kind() != ErrorKind::Network && error.kind() != ErrorKind::Refused) return true;
    return otherwise == &Job::give_up_on_ranges && shared_->ranges.work_at(artifact_.url) == true;
  }

  KeptMetadata kept() const { return KeptMetadata::of_wheel(shared_->store, artifact_); }

  void finish(MetadataAnswer answer) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
  }

  void finish_with_text(std::string_view text) { finish(kept().keep(text, shared_->reporter)); }

  void ask_for_sidecar() {
    auto request = request_for_sidecar(artifact_);
    if (!request) return read_by_ranges();
    send(std::move(*request), &Job::take_sidecar, &Job::do_without_sidecar);
  }

  // It redirects in a circle, for example, or is far too large.
  void do_without_sidecar() {
    shared_->reporter.note("cannot get the metadata file of " + quote(artifact_.filename) +
                           "; reading the wheel instead");
    read_by_ranges();
  }

  void take_sidecar(HttpResponse& response) {
    // The wheel itself has the same metadata, and is authoritative.
    if (const auto why = why_no_sidecar(response)) {
      shared_->reporter.note("the index promises a metadata file for " + quote(artifact_.filename) +
                             ", and its server has none: " + *why);
      return read_by_ranges();
    }
    if (auto error = broken_promise(artifact_, response.body)) return finish(std::move(*error));
    finish_with_text(response.body);
  }

  void read_by_ranges() {
    if (shared_->ranges.work_at(artifact_.url) == false) return download_whole();
    ask_for(ranged_.emplace(name_, artifact_.url.last_segment(), artifact_.size).begin());
  }

  void ask_for(const RangedWheel::Wanted& wanted) {
    HttpRequest request{.url = artifact_.url};
    request.range = wanted.range;
    request.max_size = wanted.max_size;
    send(std::move(request), &Job::take_bytes, &Job::give_up_on_ranges);
  }

  void take_bytes(HttpResponse& response) {
    RangedWheel::Step step = ranged_->take(std::move(response));
    if (step.ranges_work) shared_->ranges.remember(artifact_.url, *step.ranges_work);
    if (const auto* wanted = std::get_if<RangedWheel::Wanted>(&step.next)) return ask_for(*wanted);
    if (const auto* text = std::get_if<std::string>(&step.next)) return finish_with_text(*text);
    if (auto* broken = std::get_if<UnusableWheel>(&step.next)) return finish(std::move(*broken));
    download_whole();
  }

  void give_up_on_ranges() {
    shared_->ranges.remember(artifact_.url, false);
    download_whole();
  }

  void download_whole() {
    std::call_once(shared_->downloads_made, [&] { shared_->downloads = std::make_unique<Workers>(4); });
    shared_->downloads->submit([self = shared_from_this()] {
      self->shared_->background->run([&] { self->finish(self->obtain()); });
    });
  }

  MetadataAnswer obtain() {
    try {
      const std::vector<StoredWheel> wheels =
          obtain_wheels({{artifact_, {}, BadRecord::Ignored}}, shared_->http, shared_->store,
                        shared_->workers, shared_->reporter, shared_->cancelled.get_token());
      const StoredWheel& wheel = wheels.at(0);
      return kept().keep(read_file(wheel.tree / wheel.dist_info / "METADATA"), shared_->reporter);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::BadArchive) return UnusableWheel{error.what()};
      return error;
    }
  }

  const std::shared_ptr<Shared> shared_;
  const Artifact artifact_;
  const WheelFilename name_;
  std::function<void(MetadataAnswer)> done_;
  std::optional<RangedWheel> ranged_;  // once it is read by ranges
};

RemoteMetadata::RemoteMetadata(HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
                               std::shared_ptr<Background> background, bool offline, std::stop_token stop)
    : shared_(
          std::make_shared<Shared>(http, store, workers, reporter, std::move(background), offline, stop)) {}

RemoteMetadata::~RemoteMetadata() {
  // Destroyed here and not with the last job, which may run on one of these threads.
  shared_->downloads.reset();
}

void RemoteMetadata::cancel() { shared_->cancelled.request_stop(); }

void RemoteMetadata::fetch(Artifact wheel, WheelFilename name, std::function<void(MetadataAnswer)> done) {
  std::make_shared<Job>(shared_, std::move(wheel), std::move(name), std::move(done))->start();
}

}  // namespace moat
