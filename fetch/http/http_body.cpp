#include "fetch/http/http_body.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace moat {
namespace {

// How much of the body of an error response is kept when a file was requested: enough for a message.
constexpr std::size_t kErrorBodySize = 65536;

std::string range_text(const ByteRange& range, std::uint64_t skip) {
  if (range.suffix) return fmt::format("bytes=-{}", range.first);
  if (!range.last) return fmt::format("bytes={}-", range.first + skip);
  return fmt::format("bytes={}-{}", range.first + skip, *range.last);
}

std::string strong_etag(const HttpHeaders& headers) {
  const std::string* etag = find_header(headers, "etag");
  return etag != nullptr && etag->size() > 2 && etag->front() == '"' ? *etag : "";
}

}  // namespace

HttpHeaders BodySink::range_headers() {
  HttpHeaders headers;
  const bool own_range_held = !request_.range || (first_status_ == 206 && !request_.range->suffix);
  const bool resumes = stored_ > 0 && may_resume_ && !etag_.empty() && own_range_held;
  resume_from_ = resumes ? stored_ : 0;
  if (request_.range || resumes)
    headers.emplace_back("Range", range_text(request_.range.value_or(ByteRange{}), resume_from_));
  if (resumes) headers.emplace_back("If-Range", etag_);
  return headers;
}

void BodySink::begin(int status, const HttpHeaders& headers) {
  body_.clear();
  to_file_ = request_.to_file && (status == 200 || status == 206);
  const std::string* length = find_header(headers, "content-length");
  total_ = length != nullptr ? parse_unsigned(*length).value_or(0) : 0;
  if (status == 206 && !request_.range && resume_from_ == 0)
    fail("it answers with a part though all was asked for");
  if (to_file_)
    begin_file(status, headers);
  else if (status == 206)
    check_range(headers, 0);
}

void BodySink::begin_file(int status, const HttpHeaders& headers) {
  position_ = 0;
  if (stored_ == 0) {
    file_ = open_file(*request_.to_file, O_RDWR | O_CREAT | O_TRUNC);
    first_status_ = status;
    etag_ = strong_etag(headers);
    if (status == 206) check_range(headers, 0);
    return;
  }
  // A resumed download. The response to If-Range is 200 if the file has changed; its bytes are then compared
  // with the stored ones.
  if (status == 206) {
    check_range(headers, resume_from_);
    position_ = resume_from_;
    total_ += total_ > 0 ? resume_from_ : 0;
  } else if (first_status_ != 200) {
    fail("it answered with a part before, and with all of it now");
  }
}

void BodySink::check_range(const HttpHeaders& headers, std::uint64_t offset) const {
  const std::string* text = find_header(headers, "content-range");
  const auto range = text != nullptr ? parse_content_range(*text) : std::nullopt;
  if (!range) fail("it answers with a part without saying which");
  const ByteRange asked = request_.range.value_or(ByteRange{});
  std::uint64_t expected = asked.first + offset;
  if (asked.suffix) {
    if (!range->total) return;
    expected = *range->total - std::min(*range->total, asked.first);
  }
  if (range->first != expected)
    fail(fmt::format("it answers with the bytes from {} on instead of those from {} on", range->first,
                     expected));
}

void BodySink::write(std::string_view piece) {
  if (to_file_) {
    write_to_file(piece);
  } else if (request_.to_file) {
    body_.append(piece.substr(0, kErrorBodySize - std::min(kErrorBodySize, body_.size())));
  } else {
    if (body_.size() + piece.size() > request_.max_size)
      fail(fmt::format("the answer is larger than {} bytes", request_.max_size));
    body_.append(piece);
  }
  if (request_.on_progress) request_.on_progress(to_file_ ? position_ : body_.size(), total_);
}

void BodySink::write_to_file(std::string_view piece) {
  if (position_ < stored_) {
    const std::size_t again =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), stored_ - position_));
    std::string before(again, '\0');
    const ssize_t count = ::pread(file_.get(), before.data(), again, static_cast<off_t>(position_));
    if (count < 0) throw_errno("read", *request_.to_file, errno);
    if (before != piece.substr(0, again)) fail("it changed while it was being downloaded");
    position_ += again;
    piece.remove_prefix(again);
  }
  if (piece.empty()) return;
  write_all(file_.get(), piece, *request_.to_file);
  stored_ += piece.size();
  position_ += piece.size();
  if (request_.on_data) request_.on_data(piece);
}

void BodySink::finish() {
  if (!to_file_) return;
  if (position_ < stored_) fail("it became shorter while it was being downloaded");
  if (::close(file_.release()) != 0) throw_errno("write", *request_.to_file, errno);
}

void BodySink::fail(std::string_view reason) const {
  throw Error(ErrorKind::Network, fmt::format("cannot use {}: {}", quote(request_.url.display()), reason));
}

}  // namespace moat
