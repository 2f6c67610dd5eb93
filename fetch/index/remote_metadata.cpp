#include "fetch/index/remote_metadata.h"

#include "fetch/archive/zip_directory.h"
#include "fetch/bytes/hasher.h"
#include "fetch/download/wheels.h"
#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "fetch/os/guarded.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

namespace moat {
namespace {

// The first request: end records, directory, RECORD and METADATA of a wheel of some hundred files.
constexpr std::uint64_t kSmallestTail = std::uint64_t{32} << 10U;
constexpr std::uint64_t kLargestTail = std::uint64_t{64} << 10U;
// Wheel builders put METADATA near the end, with little but RECORD after it, and RECORD, whose hashes do not
// deflate, is somewhat shorter than the directory. This many bytes are read together with the rest of a long
// directory.
constexpr std::uint64_t before_directory(std::uint64_t directory_size) {
  return (std::uint64_t{16} << 10U) + std::min(directory_size / 4 * 3, std::uint64_t{128} << 10U);
}
// A directory longer than this belongs to a wheel of 100,000 files.
constexpr std::uint64_t kLongestDirectory = std::uint64_t{16} << 20U;
constexpr std::uint64_t kLongestMetadata = std::uint64_t{16} << 20U;
// How much a response may exceed the request: a server that ignores ranges sends a small wheel whole.
constexpr std::uint64_t kSlack = std::uint64_t{64} << 10U;

// The one NAME-VERSION.dist-info/METADATA at the top.
Expected<const ZipEntry*> find_metadata(const std::vector<ZipEntry>& entries, const WheelFilename& name) {
  constexpr std::string_view kSuffix = ".dist-info";
  std::set<std::string_view> folders;
  const ZipEntry* found = nullptr;
  for (const ZipEntry& entry : entries) {
    const std::string_view path = entry.name;
    const std::size_t slash = path.find('/');
    const std::string_view folder = path.substr(0, slash);
    if (slash == std::string_view::npos || !folder.ends_with(kSuffix)) continue;
    folders.insert(folder);
    if (path.substr(slash + 1) == "METADATA") found = &entry;
  }
  if (folders.empty()) return parse_error("it has no .dist-info folder");
  if (folders.size() > 1)
    return parse_error("it has several .dist-info folders: " + quote(*folders.begin()) + ", " +
                       quote(*folders.rbegin()));
  const std::string_view stem = folders.begin()->substr(0, folders.begin()->size() - kSuffix.size());
  const auto project = PackageName::parse(stem.substr(0, stem.find('-')));
  if (!project || *project != name.name)
    return parse_error("its folder " + quote(*folders.begin()) + " belongs to another project");
  if (found == nullptr) return parse_error("it has no METADATA");
  return found;
}

// The pieces of a remote file that have been read.
class Pieces {
 public:
  void add(std::uint64_t offset, std::string bytes) { pieces_.emplace_back(offset, std::move(bytes)); }

  // The bytes, if one piece or several adjacent ones hold all of them.
  std::optional<std::string> read(std::uint64_t offset, std::uint64_t size) const {
    std::string out;
    while (out.size() < size) {
      const std::uint64_t at = offset + out.size();
      const auto holds = [at](const auto& piece) {
        return piece.first <= at && at - piece.first < piece.second.size();
      };
      const auto piece = std::find_if(pieces_.begin(), pieces_.end(), holds);
      if (piece == pieces_.end()) return std::nullopt;
      out += std::string_view(piece->second)
                 .substr(static_cast<std::size_t>(at - piece->first),
                         static_cast<std::size_t>(size - out.size()));
    }
    return out;
  }

 private:
  std::vector<std::pair<std::uint64_t, std::string>> pieces_;
};

// The offset of a 206's body in its file; nullopt if the response gives none, or an inconsistent one.
struct RangePlace {
  std::uint64_t first = 0;
  std::uint64_t total = 0;
};
std::optional<RangePlace> place_of(const HttpResponse& response) {
  const std::string* header = response.header("content-range");
  if (response.status != 206 || header == nullptr) return std::nullopt;
  const auto range = parse_content_range(*header);
  if (!range || !range->total || range->last < range->first || range->last >= *range->total)
    return std::nullopt;
  if (response.body.size() != range->last - range->first + 1) return std::nullopt;
  return RangePlace{range->first, *range->total};
}

bool is_gone(int status) { return status == 404 || status == 410; }

// It is METADATA, and not some other page.
bool is_metadata(std::string_view text) {
  return parse_metadata_fields(text.substr(0, 4096)).find("Metadata-Version").has_value();
}

MetadataAnswer unusable(const Url& url, const ParseError& error) {
  return UnusableWheel{"its wheel " + quote(url.last_segment()) + " cannot be read: " + error.message};
}

}  // namespace

std::string_view metadata_header(std::string_view text) {
  std::size_t end = text.size();
  for (const std::string_view blank : {"\n\n", "\n\r\n"})
    if (const std::size_t at = text.find(blank); at != std::string_view::npos)
      end = std::min(end, at + blank.size());
  return text.substr(0, end);
}

MetadataAnswer read_wheel_metadata(const std::filesystem::path& wheel_file, const WheelFilename& name) {
  const UniqueFd fd = open_file(wheel_file, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno("read", wheel_file, errno);
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          ::pread(fd.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("read", wheel_file, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  };
  const Url url = Url::from_path(wheel_file.string());
  const auto entries = read_zip_directory(read, static_cast<std::uint64_t>(status.st_size));
  if (!entries) return unusable(url, entries.error());
  const auto entry = find_metadata(*entries, name);
  if (!entry) return unusable(url, entry.error());
  if ((*entry)->size > kLongestMetadata) return UnusableWheel{"its METADATA is too long"};
  std::string text;
  const auto inflated = MemberReader(read).read(**entry, [&](std::string_view bytes) { text += bytes; });
  if (!inflated) return unusable(url, inflated.error());
  return std::string(metadata_header(text));
}

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
  Guarded<std::map<std::string, bool>> ranges_work;  // by origin, as far as it was tried
  std::once_flag downloads_made;
  // Downloads of whole wheels block, so they must not run in the pool. Made on first use.
  std::unique_ptr<Workers> downloads;
};

// The look-up of one wheel's metadata. Each step runs on the pool and ends in finish() or in another request.
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
      if (auto text = read_stored()) return finish(std::move(*text));
      // Only its URL identifies the wheel, and that may give another one by now: the stored one is
      // revalidated, or a new one read.
      const bool doubted = artifact_.digests.empty() && shared_->store.urls().doubts();
      if (doubted && shared_->store.urls().find(artifact_)) return download_whole();
      if (auto text = read_file_if_exists(cache_file()); text && !doubted) return finish(std::move(*text));
      if (shared_->offline)
        return finish(Error(ErrorKind::Offline,
                            "the metadata of " + quote(artifact_.filename) + " is not in the cache"));
      if (artifact_.has_metadata_file)
        ask_for_sidecar();
      else
        ask_for_tail();
    });
  }

 private:
  using Step = void (Job::*)(HttpResponse);

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

  void send(HttpRequest request, Step answered, Step failed = nullptr) {
    shared_->http.send(
        std::move(request), [self = shared_from_this(), answered, failed](HttpClient::Result result) {
          self->shared_->background->run([&] {
            if (const auto* error = std::get_if<Error>(&result)) {
              // If ranges have worked before, the network failed. Else the server may not support ranges
              // (it sends the whole wheel, which is too much, or other bytes than requested). Over plain
              // http only the whole wheel can be verified, by its hash.
              const bool is_about_ranges =
                  error->kind() == ErrorKind::Network || error->kind() == ErrorKind::Refused;
              const bool is_final = failed == nullptr || !is_about_ranges ||
                                    (failed != &Job::do_without_sidecar && self->ranges_work() == true);
              if (is_final) return self->finish(*error);
              return self->step([self, failed] { (self.get()->*failed)({}); });
            }
            // std::function requires copies; the body should not be copied.
            auto response = std::make_shared<HttpResponse>(std::move(std::get<HttpResponse>(result)));
            self->step([self, answered, response] { (self.get()->*answered)(std::move(*response)); });
          });
        });
  }

  void finish(MetadataAnswer answer) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
  }

  void finish_with_text(std::string_view text) { finish(kept(text)); }

  // The header of METADATA; also writes it to the cache.
  std::string kept(std::string_view text) const {
    std::string header(metadata_header(text));
    try {
      make_directories(cache_file().parent_path());
      write_file_atomically(cache_file(), header);
    } catch (const Error& error) {
      // If the cache cannot be written, the next run only has to ask again.
      shared_->reporter.note(error.what());
    }
    return header;
  }

  // Not keyed by digest alone: an index may promise a hash that nobody has verified for another file's URL.
  std::filesystem::path cache_file() const {
    std::string key = artifact_.url.without_credentials().to_string();
    if (const Digest* digest = artifact_.strongest_digest()) key += "\n" + digest->to_string();
    // A new promise of the index does not match an old entry.
    if (artifact_.metadata_digest) key += "\n" + artifact_.metadata_digest->to_string();
    return shared_->store.layout().metadata() / hash_bytes(key).hex;
  }

  std::optional<std::string> read_stored() const {
    for (const Digest& digest : artifact_.digests) {
      if (digest.algorithm != "sha256") continue;
      const std::filesystem::path tree = shared_->store.layout().wheel(digest) / "tree";
      std::error_code missing;
      for (const auto& entry : std::filesystem::directory_iterator(tree, missing)) {
        if (entry.path().extension() != ".dist-info") continue;
        if (auto text = read_file_if_exists(entry.path() / "METADATA"))
          return std::string(metadata_header(*text));
      }
    }
    return std::nullopt;
  }

  void ask_for_sidecar() {
    // As pip does it: appended to the whole URL, after a query too.
    const auto url = Url::parse(artifact_.url.to_string() + ".metadata");
    const bool vouched = artifact_.metadata_digest && artifact_.metadata_digest->is_strong();
    if (!url || (!vouched && !is_protected(*url, {}))) return ask_for_tail();
    HttpRequest request{.url = *url};
    request.vouched = vouched;
    request.max_size = kLongestMetadata;
    send(std::move(request), &Job::take_sidecar, &Job::do_without_sidecar);
  }

  // It redirects in a circle, for example, or is far too large.
  void do_without_sidecar(HttpResponse) {
    shared_->reporter.note("cannot get the metadata file of " + quote(artifact_.filename) +
                           "; reading the wheel instead");
    ask_for_tail();
  }

  void take_sidecar(HttpResponse response) {
    // The wheel itself has the same metadata, and is authoritative.
    if (response.status != 200 || !is_metadata(response.body)) {
      shared_->reporter.note("the index promises a metadata file for " + quote(artifact_.filename) +
                             ", and its server has none: " +
                             (response.status == 200 ? "it answered with something else"
                                                     : "it answered " + std::to_string(response.status)));
      return ask_for_tail();
    }
    if (const auto& promised = artifact_.metadata_digest) {
      const Digest found = hash_bytes(response.body, promised->algorithm);
      if (found != *promised)
        return finish(Error(ErrorKind::HashMismatch, "the metadata file of " + quote(artifact_.filename) +
                                                         " is not what the index promises: its hash is " +
                                                         found.to_string() + ", not " +
                                                         promised->to_string()));
    }
    finish_with_text(response.body);
  }

  void ask_for_tail() {
    if (ranges_work() == false) return download_whole();
    // Larger wheels hold more files, so their directories are longer.
    const std::uint64_t size = artifact_.size.value_or(0);
    asked_ = std::clamp(size / 256, kSmallestTail, kLargestTail);
    HttpRequest request{.url = artifact_.url};
    // An explicit range if the size is known: some servers refuse suffix ranges.
    if (size > 0) {
      asked_ = std::min(asked_, size);
      request.range = ByteRange{.first = size - asked_, .last = size - 1};
    } else {
      request.range = ByteRange{.first = asked_, .suffix = true};
    }
    request.max_size = asked_ + kSlack;
    send(std::move(request), &Job::take_tail, &Job::give_up_on_ranges);
  }

  void take_tail(HttpResponse response) {
    // The file is gone, or the server does not support this range.
    if (is_gone(response.status)) return download_whole();
    if (response.status == 200) {  // the whole file, and a small one
      remember_ranges(false);
      total_ = response.body.size();
    } else {
      const auto place = place_of(response);
      if (!place || place->first + response.body.size() != place->total) return give_up_on_ranges({});
      total_ = place->total;
      remember_ranges(true);
    }
    const std::uint64_t first = total_ - response.body.size();
    const auto end = find_zip_end(response.body, total_);
    if (!end || end->directory_size > kLongestDirectory) return download_whole();
    end_ = *end;
    pieces_.add(first, std::move(response.body));
    if (end_.directory_offset >= first) return read_directory();
    const std::uint64_t from =
        end_.directory_offset - std::min(end_.directory_offset, before_directory(end_.directory_size));
    ask_for_piece(from, first - from, &Job::take_directory);
  }

  void take_directory(HttpResponse response) {
    if (take_piece(std::move(response))) read_directory();
  }

  void read_directory() {
    const auto bytes = pieces_.read(end_.directory_offset, end_.directory_size);
    if (!bytes) return download_whole();
    const auto entries = parse_central_directory(*bytes, end_);
    if (!entries) return finish(unusable(artifact_.url, entries.error()));
    const auto entry = find_metadata(*entries, name_);
    if (!entry) return finish(unusable(artifact_.url, entry.error()));
    entry_ = **entry;
    if (entry_.record_size > kLongestMetadata) return download_whole();
    if (pieces_.read(entry_.header_offset, entry_.record_size)) return read_member();
    ask_for_piece(entry_.header_offset, entry_.record_size, &Job::take_member);
  }

  void take_member(HttpResponse response) {
    if (take_piece(std::move(response))) read_member();
  }

  void read_member() {
    const auto record = pieces_.read(entry_.header_offset, entry_.record_size);
    if (!record) return download_whole();
    const auto text = inflate_member(entry_, *record, kLongestMetadata);
    if (!text) return finish(unusable(artifact_.url, text.error()));
    finish_with_text(*text);
  }

  void ask_for_piece(std::uint64_t first, std::uint64_t size, Step answered) {
    HttpRequest request{.url = artifact_.url};
    request.range = ByteRange{.first = first, .last = first + size - 1};
    request.max_size = size + kSlack;
    asked_first_ = first;
    asked_ = size;
    send(std::move(request), answered, &Job::give_up_on_ranges);
  }

  // Returns false if the response is not what was requested; the job then goes on without ranges.
  bool take_piece(HttpResponse response) {
    const auto place = place_of(response);
    const bool is_it =
        place && place->first == asked_first_ && place->total == total_ && response.body.size() == asked_;
    if (is_it)
      pieces_.add(asked_first_, std::move(response.body));
    else
      give_up_on_ranges({});
    return is_it;
  }

  std::optional<bool> ranges_work() const {
    return shared_->ranges_work.with([this](const auto& origins) {
      const auto found = origins.find(artifact_.url.origin());
      return found == origins.end() ? std::nullopt : std::optional(found->second);
    });
  }
  void remember_ranges(bool work) {
    shared_->ranges_work.with([&](auto& origins) { origins[artifact_.url.origin()] = work; });
  }

  void give_up_on_ranges(HttpResponse) {
    remember_ranges(false);
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
      return kept(read_file(wheel.tree / wheel.dist_info / "METADATA"));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::BadArchive) return UnusableWheel{error.what()};
      return error;
    }
  }

  std::shared_ptr<Shared> shared_;
  Artifact artifact_;
  WheelFilename name_;
  std::function<void(MetadataAnswer)> done_;

  std::uint64_t asked_first_ = 0, asked_ = 0, total_ = 0;
  Pieces pieces_;
  ZipEnd end_;
  ZipEntry entry_;
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
