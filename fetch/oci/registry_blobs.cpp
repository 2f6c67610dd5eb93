// Transfers of blobs: resumed after a broken connection, verified at the end.
#include "fetch/http/http_policy.h"
#include "fetch/oci/registry.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace moat {
namespace {

constexpr std::uint64_t kChunk = std::uint64_t{16} << 20U;
constexpr int kUploads = 3;       // restarts of an upload that cannot be resumed
constexpr int kBrokenChunks = 5;  // without a byte of progress
constexpr int kOk = 200, kCreated = 201, kAccepted = 202, kNoContent = 204, kPart = 206, kBadRequest = 400,
              kNotFound = 404, kBadRange = 416;

std::string shown(const OciDescriptor& blob) {
  const auto title = blob.annotations.find("org.opencontainers.image.title");
  return title != blob.annotations.end() ? title->second : blob.digest.to_string().substr(0, 19);
}

std::uint64_t size_of(const fs::path& file) {
  std::error_code missing;
  const std::uint64_t size = fs::file_size(file, missing);
  return missing ? 0 : size;
}

void append(const fs::path& from, const fs::path& to) {
  const UniqueFd in = open_file(from, O_RDONLY);
  const UniqueFd out = open_file(to, O_WRONLY | O_CREAT | O_APPEND);
  std::string buffer(std::size_t{1} << 18U, '\0');
  for (;;) {
    const ssize_t count = ::read(in.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno("read", from, errno);
    if (count == 0) return;
    write_all(out.get(), {buffer.data(), static_cast<std::size_t>(count)}, to);
  }
}

// "0-99": a hundred bytes are stored. Some servers answer alike for one byte and none, so "0-0" is ignored.
std::optional<std::uint64_t> stored(const HttpResponse& response) {
  const std::string* range = response.header("range");
  if (range == nullptr) return std::nullopt;
  std::string_view text = *range;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == text.npos || text.substr(0, dash) != "0") return std::nullopt;
  const auto last = parse_unsigned(text.substr(dash + 1));
  return last && *last > 0 ? std::optional(*last + 1) : std::nullopt;
}

}  // namespace

bool Registry::has_blob(const OciDescriptor& blob) {
  const HttpResponse response = ask(request("HEAD", "blobs/" + blob.digest.to_string()));
  if (response.status != kOk && response.status != kNotFound) refuse(response, "to look into");
  return response.status == kOk;
}

// --- down ---

// Returns false if the partial file cannot be resumed.
bool Registry::fetch_into(const OciDescriptor& blob, const fs::path& file, std::uint64_t from) {
  const fs::path next = file.native() + ".next";
  HttpRequest wanted = request("GET", "blobs/" + blob.digest.to_string());
  if (from > 0) wanted.range = ByteRange{.first = from, .last = std::nullopt};
  wanted.to_file = next;
  const auto come = std::make_shared<std::uint64_t>(0);
  wanted.on_data = [this, come, most = blob.size, name = shown(blob)](std::string_view piece) {
    if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
    *come += piece.size();
    received_ += piece.size();
    if (*come > most)
      throw Error(ErrorKind::HashMismatch, fmt::format("{} sends more than the {} bytes of {}",
                                                       options_.reference.host, most, quote(name)));
  };
  wanted.on_progress = [this, from, size = blob.size, name = shown(blob)](std::uint64_t done, std::uint64_t) {
    reporter_.progress("download", name, from + done, size);
  };
  std::error_code ignored;
  fs::remove(next, ignored);
  HttpResponse response;
  try {
    response = ask(std::move(wanted));
  } catch (const Error& error) {
    const bool any = size_of(next) > 0;
    // The next attempt resumes from here; a wrong part will fail the hash check.
    if (any) from > 0 ? append(next, file) : rename_over(next, file);
    fs::remove(next, ignored);
    if (any || from == 0 || error.kind() != ErrorKind::Network) throw;
    return false;  // a part that was not asked for
  }
  if (from > 0 && response.status == kBadRange) return false;
  if (response.status == kNotFound)
    throw Error(ErrorKind::NotFound,
                fmt::format("{} no longer has {}", options_.reference.host, quote(shown(blob))));
  if (response.status != kOk && response.status != kPart) refuse(response, "to pull from");
  if (from > 0 && response.status == kPart)
    append(next, file);
  else
    rename_over(next, file);
  fs::remove(next, ignored);
  return true;
}

void Registry::get_blob(const OciDescriptor& blob, const fs::path& file) {
  const auto is_whole = [&] { return size_of(file) == blob.size && hash_file(file) == blob.digest; };
  if (blob.size == 0) open_file(file, O_WRONLY | O_CREAT);
  if (is_whole()) return;
  const std::uint64_t from = size_of(file);
  if (from > 0 && from < blob.size && fetch_into(blob, file, from) && is_whole()) return;
  fetch_into(blob, file, 0);  // the partial file is replaced once other bytes are here
  if (is_whole()) return;
  const std::string got = hash_file(file).to_string();
  fs::remove(file);
  throw Error(ErrorKind::HashMismatch,
              fmt::format("{} from {} has the hash {}, expected {}", quote(shown(blob)),
                          options_.reference.host, got, blob.digest.to_string()));
}

// --- up ---

Url Registry::begin_upload() {
  HttpRequest begin = request("POST", "blobs/uploads/");
  begin.body = HttpBody::of("");
  const HttpResponse response = ask(std::move(begin));
  if (response.status != kAccepted) refuse(response, "to push to");
  const std::string* location = response.header("location");
  if (location == nullptr)
    throw Error(ErrorKind::Network,
                fmt::format("{} does not say where to upload to", options_.reference.host));
  return follow_redirect(response.final_url, *location, options_.trusted_hosts);
}

// How much of a broken upload the registry has. Throws if that is unknown.
std::uint64_t Registry::find_out(Url& place, std::uint64_t offset) {
  HttpRequest wanted{.url = place, .headers = {}};
  wanted.max_size = kChunk;
  const HttpResponse response = ask(std::move(wanted));
  const auto there = stored(response);
  if ((response.status != kNoContent && response.status != kAccepted) || !there || *there > offset + kChunk)
    throw Error(ErrorKind::Network, fmt::format("{} no longer knows of an upload", options_.reference.host));
  if (const std::string* location = response.header("location"))
    place = follow_redirect(response.final_url, *location, options_.trusted_hosts);
  return *there;
}

// Returns the offset after the chunk.
std::uint64_t Registry::send_chunk(Url& place, const HttpBody& all, std::uint64_t offset) {
  const std::uint64_t size = std::min(kChunk, all.size - offset);
  HttpRequest chunk{.url = place,
                    .headers = {{"Content-Type", "application/octet-stream"},
                                {"Content-Range", fmt::format("{}-{}", offset, offset + size - 1)}}};
  chunk.method = "PATCH";
  chunk.once = true;
  chunk.body = HttpBody{size, [&all, offset](std::uint64_t at, char* to, std::size_t room) {
                          return all.read(offset + at, to, room);
                        }};
  HttpResponse response;
  try {
    response = ask(std::move(chunk));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Network) throw;
    return find_out(place, offset);
  }
  if (response.status == kBadRange || response.status >= 500) return find_out(place, offset);
  if (response.status != kAccepted && response.status != kCreated) refuse(response, "to push to");
  if (const std::string* location = response.header("location"))
    place = follow_redirect(response.final_url, *location, options_.trusted_hosts);
  return offset + size;
}

void Registry::upload(const OciDescriptor& blob,
                      const std::function<std::size_t(std::uint64_t, char*, std::size_t)>& read, Url place) {
  const HttpBody all{blob.size, [this, &read](std::uint64_t offset, char* to, std::size_t room) {
                       if (stop_.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");
                       const std::size_t count = read(offset, to, room);
                       sent_ += count;
                       return count;
                     }};
  std::uint64_t offset = 0;
  for (int broken = 0; blob.size > kChunk && offset < blob.size;) {
    reporter_.progress("upload", shown(blob), offset, blob.size);
    const std::uint64_t next = send_chunk(place, all, offset);
    broken = next > offset ? 0 : broken + 1;
    if (broken == kBrokenChunks)
      throw Error(ErrorKind::Network,
                  fmt::format("{} does not accept the rest of an upload", options_.reference.host));
    offset = next;
  }
  const std::string text = place.to_string();
  const auto end = Url::parse(text + (place.query().empty() ? "?" : "&") +
                              "digest=" + percent_encode_path(blob.digest.to_string()));
  if (!end)
    throw Error(ErrorKind::Network, fmt::format("{} names no place to upload to", options_.reference.host));
  HttpRequest last{.url = *end, .headers = {{"Content-Type", "application/octet-stream"}}};
  last.method = "PUT";
  last.once = true;
  last.body = blob.size > kChunk ? HttpBody::of("") : all;
  const HttpResponse response = ask(std::move(last));
  if (response.status == kBadRequest)
    throw Error(ErrorKind::HashMismatch,
                fmt::format("{} got other bytes of {} than its hash {} says", options_.reference.host,
                            quote(shown(blob)), blob.digest.to_string()));
  if (response.status != kCreated) refuse(response, "to push to");
  reporter_.progress("upload", shown(blob), blob.size, blob.size);
}

void Registry::put_blob(const OciDescriptor& blob,
                        const std::function<std::size_t(std::uint64_t, char*, std::size_t)>& read) {
  for (int attempt = 1;; ++attempt) {
    Url place = begin_upload();  // what is refused here is refused again
    try {
      return upload(blob, read, std::move(place));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::Network && error.kind() != ErrorKind::NotFound &&
          error.kind() != ErrorKind::HashMismatch)
        throw;
      if (attempt == kUploads) throw;
      reporter_.note(fmt::format("{}; trying again", error.what()));
    }
    // The registry's last response may be the one that was lost.
    if (has_blob(blob)) return;
  }
}

}  // namespace moat
