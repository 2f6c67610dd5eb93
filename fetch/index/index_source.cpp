#include "fetch/index/index_source.h"

#include "fetch/index/direct_project.h"
#include "fetch/index/find_links.h"
#include "fetch/index/index_pages.h"
#include "fetch/index/project_look_up.h"
#include "fetch/index/release_metadata.h"
#include "fetch/index/remote_metadata.h"
#include "fetch/index/sdist_metadata.h"
#include "fetch/os/background.h"
#include "fetch/os/guarded.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace moat {
namespace {

constexpr std::string_view kCannotBuild =
    "it is there only as a source distribution, which would have to be built";

// What the background found. monostate: nothing had to be fetched
using Findings = std::variant<std::monostate, Project, DirectProject, ReleaseMetadata, Error>;

Findings findings(FoundProject found) {
  return std::visit([](auto&& one) { return Findings(std::forward<decltype(one)>(one)); }, std::move(found));
}

Findings findings(const MetadataAnswer& answer, const PackageName& name, const WheelFilename& wheel) {
  if (const auto* text = std::get_if<std::string>(&answer))
    return release_metadata(*text, wheel.name, &wheel.version);
  if (const auto* broken = std::get_if<UnusableWheel>(&answer)) return unusable_release(broken->reason);
  return std::get<Error>(answer).with_context("cannot learn what " + quote(name.display()) + " " +
                                              wheel.version.to_string() + " needs");
}

// One result that the background hands over.
struct Delivery {
  PackageName name;
  const Release* release = nullptr;
  Findings what;
  std::string pinned_to = {};  // the URL that this answers
};

class Inbox {
 public:
  void put(Delivery delivery) {
    const std::lock_guard lock(mutex_);
    deliveries_.push_back(std::move(delivery));
    arrived_.notify_one();
  }
  // nullopt when stopped.
  std::optional<Delivery> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait(lock, stop, [this] { return !deliveries_.empty(); })) return std::nullopt;
    Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    return delivery;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<Delivery> deliveries_;
};

// Threads for what may block for minutes, fetching and building sources. Made when first needed.
class SourceThreads {
 public:
  void submit(std::function<void()> work) {
    if (!background_) {
      workers_ = std::make_unique<Workers>();
      background_ = Background::make(*workers_);
    }
    background_->submit(std::move(work));
  }
  // Waits for what runs; nothing begins afterwards.
  void close() {
    if (background_) background_->close();
  }

 private:
  std::unique_ptr<Workers> workers_;
  std::shared_ptr<Background> background_;
};

// A project: what was asked for, and what has arrived.
struct ProjectSlot {
  bool requested = false;
  std::optional<std::string> pinned_to;
  std::optional<SourceUrl> source;  // what that names, unless it is a wheel
  std::unique_ptr<const Project> project;
  std::optional<Error> error;
};
using ProjectSlots = std::map<PackageName, ProjectSlot>;

struct MetadataSlot {
  bool requested = false;
  std::unique_ptr<const ReleaseMetadata> metadata;
  std::optional<Error> error;
};

// Pages are most of a command's memory, in a million small pieces; freeing them one by one takes a fifth of
// the time of a known resolution. The end of the process frees them at once. Only for the first sources:
// one command makes one or two, but builds may make hundreds.
void keep_pages(ProjectSlots pages) {
  constexpr int kMostKept = 4;
  static std::atomic<int> kept = 0;
  if (kept.fetch_add(1) >= kMostKept) return;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): only this function sees it
  static Guarded<std::vector<ProjectSlots>>& all =
      *new Guarded<std::vector<ProjectSlots>>;  // never destroyed
  all.with([&](std::vector<ProjectSlots>& kept_ones) { kept_ones.push_back(std::move(pages)); });
}

// The one release of a wheel's URL.
Project project_of_wheel(const PackageName& name, ReleaseFile wheel) {
  Version version = wheel.wheel->version;
  auto release = std::make_shared<Release>(std::move(version), std::vector{std::move(wheel)});
  return {name, {std::move(release)}, "", "", ""};
}

}  // namespace

// The books of the resolver's thread, which alone touches them: what it asked for, what has arrived of that,
// and which URLs count. How projects and metadata are found is not known here; threads that find them know
// nothing of this, but put their findings into the inbox.
class IndexSource::State {
 public:
  State(IndexSourceOptions options, HttpClient& http, Store& store, Workers& workers, Reporter& reporter,
        std::stop_token stop)
      : options_(std::move(options)),
        source_policy_(std::make_shared<const SourcePolicy>(options_.source_policy)),
        store_(store),
        reporter_(reporter),
        stop_(std::move(stop)),
        background_(Background::make(workers)),
        pages_(http, store, workers, reporter, background_, options_.offline),
        links_(options_.indexes.find_links, options_.indexes.trusted_hosts, http, reporter, background_),
        metadata_texts_(http, store, workers, reporter, background_, options_.offline, stop_) {}

  ~State() {
    metadata_texts_.cancel();
    sources_stopped_.request_stop();
    source_threads_.close();
    background_->close();
    keep_pages(std::move(projects_));
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void pin_to_url(const PackageName& name, const std::string& url) {
    ProjectSlot& slot = projects_[name];
    if (slot.pinned_to == url) return;
    slot.pinned_to = url;
    slot.requested = false;
    // Objects handed out stay valid.
    if (slot.project) replaced_.push_back(std::move(slot.project));
    slot.error.reset();
    slot.source.reset();
    try {
      SourceUrl source = direct_source(name, url);
      if (source.kind != SourceKind::Wheel) {
        if (options_.sources == nullptr)
          throw bad_reference(name, source.display(), std::string(kCannotBuild));
        slot.source = std::move(source);
        return;
      }
      slot.project =
          std::make_unique<const Project>(project_of_wheel(name, direct_wheel(name, std::move(source))));
    } catch (const Error& error) {
      slot.error = error;
    }
  }

  void unpin(const PackageName& name) {
    ProjectSlot& slot = projects_[name];
    if (!slot.pinned_to) return;
    if (slot.project) replaced_.push_back(std::move(slot.project));
    slot = {};
  }

  void request_project(const PackageName& name) {
    ProjectSlot& slot = projects_[name];
    if (slot.requested) return;
    slot.requested = true;
    if (slot.source) return request_direct(name, *slot.pinned_to, *slot.source);
    if (slot.pinned_to) return inbox_->put({name, nullptr, std::monostate()});
    const bool refresh = options_.refresh || options_.refresh_packages.contains(name);
    try {
      look_up_project(name, indexes_for(name, options_.indexes), options_.indexes.strategy, refresh, pages_,
                      links_, [inbox = inbox_, name](FoundProject found) {
                        inbox->put({name, nullptr, findings(std::move(found))});
                      });
    } catch (const Error& error) {
      inbox_->put({name, nullptr, error});
    }
  }

  void request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) {
    MetadataSlot& slot = metadata_[&release];
    if (slot.requested) return;
    slot.requested = true;
    if (!file.wheel) return request_sdist_metadata(name, release, file);
    metadata_texts_.fetch(
        file.artifact, *file.wheel,
        [inbox = inbox_, name, &release, wheel = *file.wheel](const MetadataAnswer& answer) {
          inbox->put({name, &release, findings(answer, name, wheel)});
        });
  }

  const Project* find_project(const PackageName& name) const {
    const auto slot = projects_.find(name);
    if (slot == projects_.end()) return nullptr;
    if (slot->second.error) throw Error(*slot->second.error);
    return slot->second.project.get();
  }

  std::map<PackageName, std::string> pages() const {
    std::map<PackageName, std::string> out;
    for (const auto& [name, slot] : projects_)
      if (slot.project && !slot.pinned_to) out.emplace(name, slot.project->made_of);
    return out;
  }

  const ReleaseMetadata* find_metadata(const Release& release) const {
    throw_if_interrupted(stop_);
    const auto slot = metadata_.find(&release);
    if (slot == metadata_.end()) return nullptr;
    if (slot->second.error) throw Error(*slot->second.error);
    return slot->second.metadata.get();
  }

  // Threads that ask sources use the policy of the time they were started.
  void stop_building() {
    SourcePolicy policy = *source_policy_;
    policy.may_build = false;
    source_policy_ = std::make_shared<const SourcePolicy>(std::move(policy));
  }

  Arrival wait() {
    std::optional<Delivery> delivery = inbox_->take(stop_);
    if (!delivery) throw Error(ErrorKind::Interrupted, "interrupted");
    Arrival arrival{delivery->name, delivery->release};
    take(std::move(*delivery));
    return arrival;
  }

 private:
  void take(Delivery delivery) {
    // A URL that was requested meanwhile wins.
    ProjectSlot& slot = projects_[delivery.name];
    const bool counts = slot.pinned_to.value_or("") == delivery.pinned_to;
    if (auto* project = std::get_if<Project>(&delivery.what)) {
      if (counts) slot.project = std::make_unique<const Project>(std::move(*project));
    } else if (auto* direct = std::get_if<DirectProject>(&delivery.what)) {
      if (counts) take(slot, std::move(*direct));
    } else if (auto* metadata = std::get_if<ReleaseMetadata>(&delivery.what)) {
      metadata_[delivery.release].metadata = std::make_unique<const ReleaseMetadata>(std::move(*metadata));
    } else if (const auto* error = std::get_if<Error>(&delivery.what)) {
      if (delivery.release != nullptr)
        metadata_[delivery.release].error = *error;
      else if (counts)
        slot.error = *error;
    }
  }

  void take(ProjectSlot& slot, DirectProject direct) {
    const Release* release = direct.project.releases.front().get();
    slot.project = std::make_unique<const Project>(std::move(direct.project));
    metadata_[release].metadata = std::make_unique<const ReleaseMetadata>(std::move(direct.metadata));
  }

  // Runs `work`, which may block for minutes, on a thread for sources, and delivers its result.
  template <class Work>
  void on_source_thread(Delivery delivery, Work work) {
    source_threads_.submit(
        [inbox = inbox_, delivery = std::move(delivery), work = std::move(work)]() mutable {
          try {
            delivery.what = work();
          } catch (const Error& error) {
            delivery.what = error;
          } catch (const std::exception& error) {
            delivery.what = Error(ErrorKind::Disk, error.what());
          }
          inbox->put(std::move(delivery));
        });
  }

  void request_direct(const PackageName& name, const std::string& url, const SourceUrl& source) {
    on_source_thread({name, nullptr, {}, url},
                     [this, name, source, policy = source_policy_, stop = sources_stopped_.get_token()] {
                       return obtain_direct(name, source, *options_.sources, *policy, stop);
                     });
  }

  void request_sdist_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) {
    if (metadata_[&release].metadata)
      return inbox_->put({name, &release, std::monostate()});  // came with the URL
    if (options_.sources == nullptr)
      return inbox_->put({name, &release, unusable_release(std::string(kCannotBuild))});
    on_source_thread({name, &release, {}}, [this, name, version = release.version, artifact = file.artifact,
                                            policy = source_policy_, stop = sources_stopped_.get_token()] {
      return sdist_metadata(name, version, artifact, *options_.sources, store_, *policy, reporter_, stop);
    });
  }

  const IndexSourceOptions options_;
  std::shared_ptr<const SourcePolicy> source_policy_;
  Store& store_;
  Reporter& reporter_;
  const std::stop_token stop_;
  std::stop_source sources_stopped_;
  const std::stop_callback<std::function<void()>> stop_sources_{stop_,
                                                                [this] { sources_stopped_.request_stop(); }};
  const std::shared_ptr<Background> background_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  IndexPages pages_;
  FindLinks links_;
  RemoteMetadata metadata_texts_;
  ProjectSlots projects_;
  std::unordered_map<const Release*, MetadataSlot> metadata_;
  std::vector<std::unique_ptr<const Project>> replaced_;
  SourceThreads source_threads_;
};

IndexSource::IndexSource(IndexSourceOptions options, HttpClient& http, Store& store, Workers& workers,
                         Reporter& reporter, std::stop_token stop)
    : state_(std::make_unique<State>(std::move(options), http, store, workers, reporter, std::move(stop))) {}

IndexSource::~IndexSource() = default;

void IndexSource::unpin(const PackageName& name) { state_->unpin(name); }

void IndexSource::pin_to_url(const PackageName& name, const std::string& url) {
  state_->pin_to_url(name, url);
}

void IndexSource::request_project(const PackageName& name) { state_->request_project(name); }

void IndexSource::request_metadata(const PackageName& name, const Release& release, const ReleaseFile& file) {
  state_->request_metadata(name, release, file);
}

const Project* IndexSource::find_project(const PackageName& name) { return state_->find_project(name); }

const ReleaseMetadata* IndexSource::find_metadata(const PackageName&, const Release& release) {
  return state_->find_metadata(release);
}

void IndexSource::stop_building() { state_->stop_building(); }

CandidateSource::Arrival IndexSource::wait() { return state_->wait(); }

std::map<PackageName, std::string> IndexSource::pages() const { return state_->pages(); }

}  // namespace moat
