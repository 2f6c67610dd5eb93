#include "fetch/download/arriving_wheel.h"

#include "fetch/archive/zip_directory.h"
#include "fetch/http/http_policy.h"
#include "fetch/os/file.h"
#include "fetch/store/wheel_addition.h"
#include "resolver/base/text.h"

#include <fcntl.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace moat {

namespace {

// The longest tail, directory included, that is worth waiting for.
constexpr std::uint64_t kLongestEnd = 16ULL << 20U;

// The first guess at where the directory and .dist-info begin: about a hundred bytes a file, and RECORD.
std::uint64_t usual_end(std::uint64_t size) {
  constexpr std::uint64_t kLeast = 256U << 10U, kMost = 2U << 20U;
  return std::min(size, std::clamp(size / 64, kLeast, kMost));
}

bool is_dist_info(const ZipEntry& entry) {
  const std::size_t slash = entry.name.find('/');
  return slash != std::string::npos && std::string_view(entry.name).substr(0, slash).ends_with(".dist-info");
}

bool says_the_same(const ZipEntry& a, const ZipEntry& b) {
  const auto fields = [](const ZipEntry& entry) {
    return std::tie(entry.name, entry.method, entry.flags, entry.crc32, entry.compressed_size, entry.size,
                    entry.header_offset, entry.record_size, entry.mode, entry.mtime);
  };
  return fields(a) == fields(b);
}

}  // namespace

// Tasks of the pool hold it. `mutex_` guards everything except what belongs to the tasks themselves.
class ArrivingWheel::State : public std::enable_shared_from_this<State> {
 public:
  State(WheelToAdd wheel, std::uint64_t size, const Store& store, Workers& workers)
      : wheel_(std::move(wheel)), size_(size), store_(store), workers_(workers) {}

  ByteRange end_to_ask_for() const {
    const std::uint64_t first = size_ - usual_end(size_);
    return {.first = first, .last = size_ - 1};
  }

  std::optional<ByteRange> take_end(const HttpClient::Result& result) {
    const auto* response = std::get_if<HttpResponse>(&result);
    const std::lock_guard lock(mutex_);
    if (phase_ != Phase::AsksForEnd) return std::nullopt;
    if (response == nullptr || !add_to_end(*response)) return give_up();
    const auto missing = find_entries();
    if (!missing || *missing == end_first_) return start_or_give_up(missing.has_value());
    if (size_ - *missing > kLongestEnd) return give_up();
    return ByteRange{.first = *missing, .last = end_first_ - 1};
  }

  void bytes_came(std::uint64_t count) {
    const std::lock_guard lock(mutex_);
    came_ = count;
    submit_ready();
    changed_.notify_all();
  }

  void finish(std::function<void(std::optional<StoredWheel>)> done) {
    std::unique_lock lock(mutex_);
    came_ = size_;
    if (phase_ == Phase::AsksForEnd) give_up();  // its end would come too late
    done_ = std::move(done);
    submit_ready();
    changed_.notify_all();
    conclude(lock);
  }

  void cancel() {
    std::unique_lock lock(mutex_);
    done_ = nullptr;
    give_up();
    changed_.wait(lock, [this] { return running_ == 0; });
    drop(lock);
  }

 private:
  enum class Phase {
    AsksForEnd,
    Begins,   // a task checks what the end says
    Unpacks,  // slice after slice
    Stores,   // the last task compares, and publishes
    Failed,
  };

  std::optional<ByteRange> give_up() {
    phase_ = Phase::Failed;
    changed_.notify_all();
    return std::nullopt;
  }

  // --- the end ---

  bool add_to_end(const HttpResponse& response) {
    const std::string* text = response.header("content-range");
    const auto range = text != nullptr ? parse_content_range(*text) : std::nullopt;
    if (response.status != 206 || !range || range->total != size_ || range->last < range->first) return false;
    const std::uint64_t end = end_.empty() ? size_ : end_first_;
    if (range->last + 1 != end || response.body.size() != end - range->first) return false;
    end_.insert(0, response.body);
    end_first_ = range->first;
    return true;
  }

  // The offset from which the tail is needed: end_first_ if it is enough; nullopt if the tail is invalid.
  std::optional<std::uint64_t> find_entries() {
    const auto zip_end = find_zip_end(end_, size_);
    if (!zip_end) return std::nullopt;
    constexpr std::uint64_t kUsualDistInfo = 256U << 10U;
    if (zip_end->directory_offset < end_first_)
      return zip_end->directory_offset - std::min(zip_end->directory_offset, kUsualDistInfo);
    const std::string_view directory =
        std::string_view(end_).substr(static_cast<std::size_t>(zip_end->directory_offset - end_first_),
                                      static_cast<std::size_t>(zip_end->directory_size));
    auto entries = parse_central_directory(directory, *zip_end);
    if (!entries) return std::nullopt;
    std::uint64_t first = end_first_;
    for (const ZipEntry& entry : *entries)
      if (is_dist_info(entry)) first = std::min(first, entry.header_offset);
    entries_ = std::move(*entries);
    return first;
  }

  std::optional<ByteRange> start_or_give_up(bool makes_sense) {
    if (!makes_sense || workers_.size() < 2) return give_up();
    phase_ = Phase::Begins;
    submit([this] {
      addition_.emplace(store_.layout(), wheel_, static_cast<std::int64_t>(::time(nullptr)));
      addition_->begin_arriving(
          [this](std::uint64_t offset, std::span<std::byte> into) { return read(offset, into); }, entries_);
      const std::lock_guard lock(mutex_);
      if (phase_ == Phase::Begins) phase_ = Phase::Unpacks;
      submit_ready();
    });
    return std::nullopt;
  }

  // --- the bytes ---

  // On a thread of the pool, without the lock. Blocks until the bytes arrive.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) {
    if (offset >= end_first_) {
      const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset - end_first_, end_.size()));
      const auto bytes = std::as_bytes(std::span(end_)).subspan(from);
      const std::size_t count = std::min(bytes.size(), into.size());
      std::copy_n(bytes.begin(), count, into.begin());
      return count;
    }
    const std::uint64_t end = std::min<std::uint64_t>(offset + into.size(), size_);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return came_ >= end || phase_ == Phase::Failed; });
    if (phase_ == Phase::Failed) throw Error(ErrorKind::Interrupted, "interrupted");
    open_the_file();
    lock.unlock();
    return read_file_(offset, into);
  }

  void open_the_file() {
    if (file_) return;
    file_ = open_file(wheel_.file, O_RDONLY);
    read_file_ = reader_of(file_.get(), wheel_.filename);
  }

  // --- the work ---

  // With the lock. A slice with all its bytes starts at once. A large member starts with its first bytes and
  // waits for the rest; only one may wait, since others need the threads of the pool.
  void submit_ready() {
    if (phase_ != Phase::Unpacks) return;
    for (; next_ < addition_->slices(); ++next_) {
      const ZipUnpacking::Span span = addition_->span_of(next_);
      const bool is_here = span.end <= came_ || span.first >= end_first_;
      if (!is_here && (!span.in_pieces || span.first >= came_ || waits_)) return;
      if (!is_here) waits_ = true;
      submit([this, slice = next_, is_here] {
        addition_->unpack(slice);
        if (is_here) return;
        const std::lock_guard lock(mutex_);
        waits_ = false;
        submit_ready();
      });
    }
  }

  // With the lock.
  template <class Work>
  void submit(Work work) {
    ++running_;
    workers_.submit([self = shared_from_this(), work = std::move(work)] {
      bool fine = false;
      try {
        if (!self->has_failed()) {
          work();
          fine = true;
        }
      } catch (const std::exception&) {  // the normal way reports the fault
      }
      std::unique_lock lock(self->mutex_);
      if (!fine) self->give_up();
      --self->running_;
      self->changed_.notify_all();
      self->conclude(lock);
    });
  }

  bool has_failed() {
    const std::lock_guard lock(mutex_);
    return phase_ == Phase::Failed;
  }

  // If the owner is waiting and no task is running any more: reports the result.
  void conclude(std::unique_lock<std::mutex>& lock) {
    if (!done_ || running_ != 0) return;
    std::optional<StoredWheel> stored;
    if (phase_ == Phase::Unpacks && next_ == addition_->slices()) {
      phase_ = Phase::Stores;
      ++running_;
      lock.unlock();
      stored = store();
      lock.lock();
      --running_;
    }
    const auto done = std::exchange(done_, nullptr);
    drop(lock);
    changed_.notify_all();
    lock.unlock();
    if (done) done(std::move(stored));
  }

  // Removes its files before anybody is told of the end.
  void drop(std::unique_lock<std::mutex>&) {
    addition_.reset();
    file_.reset();
  }

  // Without the lock: nothing else runs.
  std::optional<StoredWheel> store() {
    try {
      open_the_file();
      if (!is_what_was_gone_by()) return std::nullopt;
      StoredWheel stored = addition_->finish();
      return admit_wheel(addition_->entry(), std::move(stored), store_);
    } catch (const std::exception&) {  // as above
      return std::nullopt;
    }
  }

  bool is_what_was_gone_by() const {
    std::string end(end_.size(), '\0');
    if (read_file_(end_first_, std::as_writable_bytes(std::span(end))) != end.size() || end != end_)
      return false;
    const auto entries = read_zip_directory(read_file_, size_);
    return entries && std::ranges::equal(*entries, entries_, says_the_same);
  }

  const WheelToAdd wheel_;
  const std::uint64_t size_;
  const Store& store_;
  Workers& workers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::AsksForEnd;
  std::string end_;  // of the file, from end_first_ on; unchanged once it begins
  std::uint64_t end_first_ = 0;
  std::vector<ZipEntry> entries_;  // likewise
  std::uint64_t came_ = 0;
  std::size_t next_ = 0;     // slice
  std::size_t running_ = 0;  // tasks of the pool
  bool waits_ = false;       // one of them, for bytes
  std::function<void(std::optional<StoredWheel>)> done_;
  UniqueFd file_;
  ReadAt read_file_;
  std::optional<WheelAddition> addition_;
};

ArrivingWheel::ArrivingWheel(WheelToAdd wheel, std::uint64_t size, const Store& store, Workers& workers)
    : state_(std::make_shared<State>(std::move(wheel), size, store, workers)) {}
ArrivingWheel::~ArrivingWheel() = default;

ByteRange ArrivingWheel::end_to_ask_for() const { return state_->end_to_ask_for(); }
std::optional<ByteRange> ArrivingWheel::take_end(const HttpClient::Result& result) {
  return state_->take_end(result);
}
void ArrivingWheel::bytes_came(std::uint64_t count) { state_->bytes_came(count); }
void ArrivingWheel::finish(std::function<void(std::optional<StoredWheel>)> done) {
  state_->finish(std::move(done));
}
void ArrivingWheel::cancel() { state_->cancel(); }

}  // namespace moat
