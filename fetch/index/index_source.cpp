#include "fetch/index/index_source.h"

#include "fetch/index/direct_project.h"
#include "fetch/index/find_links.h"
#include "fetch/index/index_pages.h"
#include "fetch/index/kept_metadata.h"
#include "fetch/index/release_metadata.h"
#include "fetch/index/remote_metadata.h"
#include "fetch/os/background.h"
#include "fetch/os/guarded.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace moat {
namespace {

constexpr std::string_view kCannotBuild =
    "it is there only as a source distribution, which would have to be built";

// The same project from several places: files of equal versions are merged, in the order of the
// places.
std::vector<std::shared_ptr<const Release>> merge(std::vector<PageSummary> pages) {
  std::vector<std::shared_ptr<const Release>> all;
  for (PageSummary& page : pages) {
    const auto middle = static_cast<std::ptrdiff_t>(all.size());
    std::move(page.releases.begin(), page.releases.end(), std::back_inserter(all));
    std::inplace_merge(all.begin(), all.begin() + middle, all.end(),
                       [](const auto& a, const auto& b) { return a->version < b->version; });
  }
  if (pages.size() < 2) return all;
  std::vector<std::shared_ptr<const Release>> unique;
  for (std::shared_ptr<const Release>& release : all) {
    if (unique.empty() || unique.back()->version != release->version) {
      unique.push_back(std::move(release));
      continue;
    }
    std::vector<ReleaseFile> files = unique.back()->files();
    files.insert(files.end(), release->files().begin(), release->files().end());
    unique.back() = std::make_shared<Release>(release->version, std::move(files));
  }
  return unique;
}

// One result that the background hands over.
struct Delivery {
  PackageName name;
  const Release* release = nullptr;
  // monostate: nothing had to be fetched
  std::variant<std::monostate, Project, DirectProject, ReleaseMetadata, Error> what;
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

// Looks up one project in the indexes and find-links.
class LookUp : public std::enable_shared_from_this<LookUp> {
 public:
  LookUp(PackageName name, std::vector<Index> indexes, IndexStrategy strategy, bool refresh,
         IndexPages& pages, FindLinks& links, std::shared_ptr<Inbox> inbox)
      : name_(std::move(name)),
        indexes_(std::move(indexes)),
        strategy_(strategy),
        refresh_(refresh),
        pages_(pages),
        links_(links),
        inbox_(std::move(inbox)),
        answers_(indexes_.size()) {}

  void start() {
    if (indexes_.empty()) return ask_links();
    if (strategy_ == IndexStrategy::FirstIndex) return ask(0);
    missing_ = indexes_.size();
    for (std::size_t i = 0; i < indexes_.size(); ++i) ask(i);
  }

 private:
  void ask(std::size_t i) {
    pages_.fetch(indexes_[i], name_, refresh_, [self = shared_from_this(), i](IndexPages::Answer answer) {
      if (self->strategy_ == IndexStrategy::FirstIndex)
        self->take_first(i, std::move(answer));
      else
        self->take_one_of_all(i, std::move(answer));
    });
  }

  void take_first(std::size_t i, IndexPages::Answer answer) {
    const bool goes_on = std::holds_alternative<NoSuchProject>(answer) ||
                         std::holds_alternative<ForbiddenProject>(answer) || is_unknown_offline(answer);
    answers_[i] = std::move(answer);
    if (goes_on && i + 1 < indexes_.size()) return ask(i + 1);
    ask_links();
  }

  void take_one_of_all(std::size_t i, IndexPages::Answer answer) {
    {
      const std::lock_guard lock(mutex_);
      answers_[i] = std::move(answer);
      if (--missing_ > 0) return;
    }
    ask_links();
  }

  // Offline, an index without a stored page is ignored if another one has the project; if none has it, this
  // is the reason.
  static bool is_unknown_offline(const IndexPages::Answer& answer) {
    const auto* error = std::get_if<Error>(&answer);
    return error != nullptr && error->kind() == ErrorKind::Offline;
  }

  void ask_links() {
    links_.look_up(
        name_, [self = shared_from_this()](FindLinks::Answer answer) { self->finish(std::move(answer)); });
  }

  void finish(FindLinks::Answer from_links) {
    if (const auto* error = std::get_if<Error>(&from_links)) return deliver(*error);
    Project project{name_, {}, "", "", ""};
    std::vector<PageSummary> found;
    std::optional<Error> otherwise;  // reported if no index has the project
    for (std::size_t i = 0; i < answers_.size(); ++i) {
      if (is_unknown_offline(answers_[i])) {
        if (!otherwise) otherwise = std::get<Error>(answers_[i]);
      } else if (const auto* forbidden = std::get_if<ForbiddenProject>(&answers_[i])) {
        if (!otherwise) otherwise = forbidden->error;
      } else if (const auto* error = std::get_if<Error>(&answers_[i])) {
        return deliver(*error);
      } else if (auto* page = std::get_if<PageSummary>(&answers_[i])) {
        if (project.index.empty()) {
          project.index = indexes_[i].url.display();
          project.status = page->status;
          project.status_reason = page->status_reason;
        }
        found.push_back(std::move(*page));
      }
    }
    auto& linked = std::get<std::vector<PageSummary>>(from_links);
    std::move(linked.begin(), linked.end(), std::back_inserter(found));
    if (found.empty() && otherwise) return deliver(*otherwise);
    project.releases = merge(std::move(found));
    inbox_->put({name_, nullptr, std::move(project)});
  }

  void deliver(const Error& error) { inbox_->put({name_, nullptr, error}); }

  const PackageName name_;
  const std::vector<Index> indexes_;
  const IndexStrategy strategy_;
  const bool refresh_;
  IndexPages& pages_;
  FindLinks& links_;
  const std::shared_ptr<Inbox> inbox_;
  std::mutex mutex_;
  std::size_t missing_ = 0;
  std::vector<IndexPages::Answer> answers_;
};

}  // namespace

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
    if (source_background_) source_background_->close();
    background_->close();
    keep_pages();
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
      ReleaseFile file = direct_wheel(name, std::move(source));
      Version version = file.wheel->version;
      auto release = std::make_shared<Release>(std::move(version), std::vector{std::move(file)});
      slot.project = std::make_unique<const Project>(Project{name, {std::move(release)}, "", "", ""});
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
      std::make_shared<LookUp>(name, indexes_for(name), options_.indexes.strategy, refresh, pages_, links_,
                               inbox_)
          ->start();
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
        [inbox = inbox_, name, &release, wheel = *file.wheel](MetadataAnswer answer) {
          Delivery delivery{name, &release, {}};
          if (const auto* text = std::get_if<std::string>(&answer))
            delivery.what = release_metadata(*text, wheel.name, &wheel.version);
          else if (const auto* broken = std::get_if<UnusableWheel>(&answer))
            delivery.what = unusable_release(broken->reason);
          else
            delivery.what = std::get<Error>(answer).with_context(
                "cannot learn what " + quote(name.display()) + " " + release.version.to_string() + " needs");
          inbox->put(std::move(delivery));
        });
  }

  const Project* find_project(const PackageName& name) const {
    const auto slot = projects_.find(name);
    if (slot == projects_.end()) return nullptr;
    if (slot->second.error) throw Error(*slot->second.error);
    return slot->second.project.get();
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
    // A URL that was requested meanwhile wins.
    ProjectSlot& slot = projects_[delivery->name];
    const bool counts = slot.pinned_to.value_or("") == delivery->pinned_to;
    if (auto* project = std::get_if<Project>(&delivery->what)) {
      if (counts) slot.project = std::make_unique<const Project>(std::move(*project));
    } else if (auto* direct = std::get_if<DirectProject>(&delivery->what)) {
      if (counts) take(slot, std::move(*direct));
    } else if (auto* metadata = std::get_if<ReleaseMetadata>(&delivery->what)) {
      metadata_[delivery->release].metadata = std::make_unique<const ReleaseMetadata>(std::move(*metadata));
    } else if (const auto* error = std::get_if<Error>(&delivery->what)) {
      if (delivery->release != nullptr)
        metadata_[delivery->release].error = *error;
      else if (counts)
        slot.error = *error;
    }
    return {delivery->name, delivery->release};
  }

 private:
  struct ProjectSlot {
    bool requested = false;
    std::optional<std::string> pinned_to;
    std::optional<SourceUrl> source;  // what that names, unless it is a wheel
    std::unique_ptr<const Project> project;
    std::optional<Error> error;
  };
  using Pages = std::map<PackageName, ProjectSlot>;
  struct MetadataSlot {
    bool requested = false;
    std::unique_ptr<const ReleaseMetadata> metadata;
    std::optional<Error> error;
  };

  // Pages are most of a command's memory, in a million small pieces; freeing them one by one takes a fifth of
  // the time of a known resolution. The end of the process frees them at once. Only for the first sources:
  // one command makes one or two, but builds may make hundreds.
  void keep_pages() {
    constexpr int kMostKept = 4;
    static std::atomic<int> kept = 0;
    if (kept.fetch_add(1) >= kMostKept) return;
    static Guarded<std::vector<Pages>>& all = *new Guarded<std::vector<Pages>>;  // never destroyed
    all.with([&](std::vector<Pages>& pages) { pages.push_back(std::move(projects_)); });
  }

  void take(ProjectSlot& slot, DirectProject direct) {
    const Release* release = direct.project.releases.front().get();
    slot.project = std::make_unique<const Project>(std::move(direct.project));
    metadata_[release].metadata = std::make_unique<const ReleaseMetadata>(std::move(direct.metadata));
  }

  // Runs `work`, which may block for minutes, on a thread for sources, and delivers its result.
  template <class Work>
  void on_source_thread(Delivery delivery, Work work) {
    if (!source_background_) {
      source_workers_ = std::make_unique<Workers>();
      source_background_ = Background::make(*source_workers_);
    }
    source_background_->submit(
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
      return sdist_metadata(name, version, artifact, *policy, stop);
    });
  }

  // Blocks; on a thread for sources.
  ReleaseMetadata sdist_metadata(const PackageName& name, const Version& version, const Artifact& artifact,
                                 const SourcePolicy& policy, const std::stop_token& stop) const {
    const KeptMetadata kept = KeptMetadata::of_sdist(store_, artifact);
    if (const auto text = kept.find()) return release_metadata(*text, name, &version);
    const SourceOrder order{.artifact = artifact,
                            .direct = {},
                            .accepted = policy.accepted_for(name),
                            .label = name.display() + " " + version.to_string()};
    if (!policy.may_build && !options_.sources->has_archive(order, stop))
      throw Error(ErrorKind::Refused,
                  "what " + quote(order.label) + " needs is only known once its archive is here");
    const ObtainedSource& source = options_.sources->obtain(order, stop);
    if (const auto text = static_metadata(source.files)) {
      kept.keep(*text, reporter_);
      return release_metadata(*text, name, &version);
    }
    return release_metadata(
        source_metadata(source, name, version, policy.settings_for(name), policy.asker(name), stop), name,
        &version);
  }

  std::vector<Index> indexes_for(const PackageName& name) const {
    std::vector<Index> asked = named_for(name);
    for (const Index& index : asked)
      require_protected(index.url, "the index", options_.indexes.trusted_hosts);
    return asked;
  }

  std::vector<Index> named_for(const PackageName& name) const {
    const std::vector<Index>& all = options_.indexes.indexes;
    const auto pin = options_.indexes.pins.find(name);
    if (pin == options_.indexes.pins.end()) return all;
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Index& index) { return index.name == pin->second; });
    if (found == all.end())
      throw Error(ErrorKind::BadInput,
                  quote(name.display()) + " is pinned to the index " + quote(pin->second) +
                      ", but no index has that name",
                  {"`--index NAME=URL`, or the setting `index`, gives an index its name"});
    return {*found};
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
  Pages projects_;
  std::unordered_map<const Release*, MetadataSlot> metadata_;
  std::vector<std::unique_ptr<const Project>> replaced_;
  std::unique_ptr<Workers> source_workers_;  // made when first needed
  std::shared_ptr<Background> source_background_;
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

}  // namespace moat
