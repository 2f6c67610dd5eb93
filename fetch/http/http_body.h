// The sink for the body of a response, over all attempts at getting it.
#pragma once

#include "fetch/http/http.h"
#include "fetch/os/file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moat {

// A download to a file resumes where it broke: by Range and If-Range if the server gave a strong ETag, else
// by requesting all of it and comparing the repeated part with the file. Either way on_data sees each byte
// once, and a file that changed in between is an error, never a mixture.
//
//   per attempt: range_headers() → begin(head) → write(piece)… → finish()
//
// Everything throws Error(Network) for answers that make no sense and Error(Disk) for the file.
class BodySink {
 public:
  // `request` must outlive the sink and stay where it is.
  explicit BodySink(const HttpRequest& request) : request_(request) {}

  // Range and If-Range for the next attempt; empty to request the whole.
  HttpHeaders range_headers();
  void begin(int status, const HttpHeaders& headers);
  void write(std::string_view piece);
  void finish();

  // The server cannot resume (416): the next attempt requests the whole.
  void forget_resuming() { may_resume_ = false; }
  bool asked_to_resume() const { return resume_from_ > 0; }
  // Bytes that are safely in the file.
  std::uint64_t stored() const { return stored_; }
  // The status for the caller: a download that a 206 resumed has the status of its first response.
  int overall_status(int last_status) const { return to_file_ ? first_status_ : last_status; }
  std::string take_body() { return std::move(body_); }

 private:
  void begin_file(int status, const HttpHeaders& headers);
  void check_range(const HttpHeaders& headers, std::uint64_t offset) const;
  void write_to_file(std::string_view piece);
  [[noreturn]] void fail(std::string_view reason) const;

  const HttpRequest& request_;
  bool to_file_ = false;  // this response
  std::string body_;
  UniqueFd file_;
  int first_status_ = 0;  // of the response that began the file
  std::string etag_;      // strong, of that response
  bool may_resume_ = true;
  std::uint64_t resume_from_ = 0;  // what this attempt asked for
  std::uint64_t stored_ = 0;
  std::uint64_t position_ = 0;  // of the next byte of this response within the file
  std::uint64_t total_ = 0;     // 0: unknown
};

}  // namespace moat
