#include "cli/output/progress.h"

#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <system_error>

namespace moat {
namespace {

std::string verb(std::string_view phase) {
  if (phase == "resolve") return "Resolving";
  if (phase == "download") return "Downloading";
  if (phase == "upload") return "Uploading";
  if (phase == "build") return "Building";
  if (phase == "install") return "Installing";
  if (phase == "compile") return "Compiling";
  if (phase == "snapshot") return "Preparing Python";
  return std::string(phase);
}

// Width on a terminal: code points, close enough for names and numbers.
std::string shortened(const std::string& text, std::size_t width) {
  std::size_t columns = 0, i = 0;
  for (; i < text.size() && columns < width; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) ++columns;
  while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) ++i;
  return text.substr(0, i);
}

std::string amount(std::uint64_t done, std::uint64_t total) {
  if (total == 0) return human_bytes(done);
  return fmt::format("{} of {}", human_bytes(done), human_bytes(total));
}

// "numpy 2.4.6" of a wheel's file name.
std::string package_of(const std::string& filename) {
  const std::vector<std::string_view> parts = split(filename, '-');
  return parts.size() < 3 ? filename : fmt::format("{} {}", parts[0], parts[1]);
}

std::string download_text(const PhaseProgress& progress, std::chrono::nanoseconds since) {
  std::uint64_t done = 0, total = 0, longest_rest = 0;
  const std::string* slowest = nullptr;
  for (const auto& [name, item] : progress.items) {
    done += item.done;
    total += std::max(item.done, item.total);
    const std::uint64_t rest = item.total > item.done ? item.total - item.done : 0;
    if (rest > longest_rest) slowest = &name, longest_rest = rest;
  }
  const double seconds = std::chrono::duration<double>(since).count();
  std::string out = amount(done, total);
  if (seconds > 0.2)
    out +=
        fmt::format(", {}/s", human_bytes(static_cast<std::uint64_t>(static_cast<double>(done) / seconds)));
  if (slowest != nullptr) {
    const PhaseProgress::Item& item = progress.items.at(*slowest);
    out += fmt::format(", {} {}", package_of(*slowest), amount(item.done, item.total));
  } else if (total != 0) {
    out += ", unpacking";
  }
  return out;
}

std::string steps_text(const PhaseProgress& progress) {
  if (progress.latest.empty()) return {};
  const PhaseProgress::Item& item = progress.items.find(progress.latest)->second;
  if (item.total == 0) return progress.latest;
  return fmt::format("{} of {}, {}", item.done, item.total, progress.latest);
}

}  // namespace

std::string live_line(std::string_view phase, const PhaseProgress& progress, std::chrono::nanoseconds since,
                      std::size_t width) {
  std::string rest =
      phase == "download" || phase == "upload" ? download_text(progress, since) : steps_text(progress);
  if (rest.empty() && since > std::chrono::seconds(1)) rest = human_time(since);
  return shortened(verb(phase) + (rest.empty() ? "…" : " " + rest), width - 1);
}

Progress::Progress(Output& output) : output_(output) {
  if (!output_.live()) return;
  try {
    artist_ = std::jthread([this](const std::stop_token& stop) { draw_until_stopped(stop); });
  } catch (const std::system_error&) {  // no thread can be started: nothing is drawn
  }
}

Progress::~Progress() {
  if (artist_.joinable()) {
    artist_.request_stop();
    artist_.join();
    output_.set_live("");
  }
}

void Progress::phase_begin(std::string_view phase) {
  {
    const std::lock_guard lock(mutex_);
    running_.push_back({std::string(phase), std::chrono::steady_clock::now(), {}});
    const bool seen =
        std::any_of(times_.begin(), times_.end(), [&](const PhaseTime& t) { return t.name == phase; });
    if (!seen) times_.push_back({std::string(phase), {}});
  }
  if (output_.json() && output_.verbosity() >= 1) output_.event({{"event", "phase_begin"}, {"phase", phase}});
}

void Progress::phase_end(std::string_view phase, std::chrono::nanoseconds took) {
  {
    const std::lock_guard lock(mutex_);
    const auto running =
        std::find_if(running_.rbegin(), running_.rend(), [&](const Running& r) { return r.name == phase; });
    if (running != running_.rend()) running_.erase(std::next(running).base());
    for (PhaseTime& time : times_)
      if (time.name == phase) time.time += took;
  }
  if (output_.json() && output_.verbosity() >= 1)
    output_.event(
        {{"event", "phase_end"}, {"phase", phase}, {"seconds", std::chrono::duration<double>(took).count()}});
}

void Progress::progress(std::string_view phase, std::string_view item, std::uint64_t done,
                        std::uint64_t total) {
  {
    const std::lock_guard lock(mutex_);
    const auto running =
        std::find_if(running_.rbegin(), running_.rend(), [&](const Running& r) { return r.name == phase; });
    if (running != running_.rend()) {
      running->progress.items[std::string(item)] = {done, total};
      running->progress.latest = item;
    }
  }
  if (output_.json() && output_.verbosity() >= 1)
    output_.event(
        {{"event", "progress"}, {"phase", phase}, {"item", item}, {"done", done}, {"total", total}});
}

std::vector<PhaseTime> Progress::times() const {
  const std::lock_guard lock(mutex_);
  return times_;
}

void Progress::draw_until_stopped(const std::stop_token& stop) {
  constexpr auto kBetweenFrames = std::chrono::milliseconds(100);
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, kBetweenFrames, [] { return false; });
    std::string line;
    if (!running_.empty()) {
      // Of overlapping phases, shows the one that waits for the network.
      const auto download = std::find_if(running_.begin(), running_.end(),
                                         [](const Running& r) { return r.name == "download"; });
      const Running& current = download == running_.end() ? running_.back() : *download;
      line = live_line(current.name, current.progress, std::chrono::steady_clock::now() - current.begun,
                       terminal_width(STDERR_FILENO));
    }
    // Under our lock: the called function does not call back.
    output_.set_live(line);
  }
}

}  // namespace moat
