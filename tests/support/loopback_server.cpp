#include "tests/support/loopback_server.h"

#include "fetch/http/http_policy.h"
#include "resolver/base/text.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <system_error>

namespace moat::testing {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<LoopbackRequest> parse_request(std::string_view head) {
  const std::vector<std::string_view> lines = split_lines(head);
  if (lines.empty()) return std::nullopt;
  const std::vector<std::string_view> words = split(lines.front(), ' ');
  if (words.size() != 3) return std::nullopt;
  LoopbackRequest request;
  request.method = words[0];
  std::string_view target = words[1];
  // A proxy is asked for whole URLs.
  if (const auto url = Url::parse(target); url && target.front() != '/')
    target = target.substr(target.find(url->host()) + url->host().size());
  if (const std::size_t slash = target.find('/'); slash != std::string_view::npos)
    target.remove_prefix(slash);
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  for (const std::string_view line : lines) {
    const std::size_t colon = line.find(':');
    if (line.data() == lines.front().data() || colon == std::string_view::npos) continue;
    request.headers.emplace_back(ascii_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return request;
}

// The next head on a connection; `rest` keeps what was read beyond it. nullopt: the end.
std::optional<LoopbackRequest> read_request(int fd, std::string& rest) {
  std::size_t end = 0;
  const auto receive = [&] {
    char buffer[8192];
    ssize_t count = -1;
    do count = ::recv(fd, buffer, sizeof buffer, 0);
    while (count < 0 && errno == EINTR);
    if (count > 0) rest.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  };
  while ((end = rest.find("\r\n\r\n")) == std::string::npos)
    if (!receive()) return std::nullopt;
  auto request = parse_request(std::string_view(rest).substr(0, end + 2));
  rest.erase(0, end + 4);
  const std::size_t size = request ? parse_unsigned(request->header("content-length")).value_or(0) : 0;
  while (rest.size() < size)
    if (!receive()) return std::nullopt;
  if (request) request->body = rest.substr(0, size);
  rest.erase(0, size);
  return request;
}

std::string chunks_of(std::string_view body) {
  constexpr std::size_t kChunk = 1000;
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += kChunk) {
    const std::string_view piece = body.substr(at, kChunk);
    out += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }
  return out + "0\r\n\r\n";
}

void reset_connection(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// False: the connection ends.
bool send_reply(int fd, const LoopbackRequest& request, const LoopbackReply& reply) {
  std::string head = fmt::format("HTTP/1.1 {} Status\r\n", reply.status);
  for (const auto& [name, value] : reply.headers) head += fmt::format("{}: {}\r\n", name, value);
  const bool has_length = std::any_of(reply.headers.begin(), reply.headers.end(), [](const auto& header) {
    return iequals_ascii(header.first, "content-length");
  });
  if (reply.chunked)
    head += "Transfer-Encoding: chunked\r\n";
  else if (!has_length && reply.status != 304)
    head += fmt::format("Content-Length: {}\r\n", reply.body.size());
  std::string body = reply.chunked ? chunks_of(reply.body) : reply.body;
  if (request.method == "HEAD" || reply.status == 304) body.clear();
  if (reply.cut_after && *reply.cut_after < body.size()) {
    send_all(fd, head + "\r\n" + body.substr(0, *reply.cut_after));
    if (reply.reset) reset_connection(fd);
    return false;
  }
  return send_all(fd, head + "\r\n" + body);
}

std::string base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8U | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k <= text.size() ? kDigits[bits >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

// "bytes=1-5", "bytes=7-", "bytes=-3" within a body of `size`: first and count.
std::optional<std::pair<std::size_t, std::size_t>> range_of(std::string_view text, std::size_t size) {
  if (text.substr(0, 6) != "bytes=") return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  const auto first = parse_unsigned(text.substr(0, dash));
  const auto last = parse_unsigned(text.substr(dash + 1));
  if (!first) {
    const std::size_t count = std::min<std::size_t>(last.value_or(0), size);
    return std::pair(size - count, count);
  }
  if (*first >= size) return std::pair(size, std::size_t{0});
  return std::pair<std::size_t, std::size_t>(
      *first, std::min<std::size_t>(last.value_or(size - 1), size - 1) - *first + 1);
}

LoopbackReply answer_resource(const LoopbackResource& resource, const LoopbackRequest& request, int number) {
  LoopbackReply reply;
  if (!resource.user_password.empty() &&
      request.header("authorization") != "Basic " + base64(resource.user_password)) {
    reply.status = 401;
    reply.headers.emplace_back("WWW-Authenticate", "Basic realm=\"test\"");
    return reply;
  }
  if (number < resource.failures) {
    reply.status = resource.failure_status;
    if (!resource.retry_after.empty()) reply.headers.emplace_back("Retry-After", resource.retry_after);
    return reply;
  }
  reply.headers = resource.headers;
  if (!resource.etag.empty()) reply.headers.emplace_back("ETag", resource.etag);
  if (!resource.last_modified.empty()) reply.headers.emplace_back("Last-Modified", resource.last_modified);
  if (!resource.cache_control.empty()) reply.headers.emplace_back("Cache-Control", resource.cache_control);
  const bool same = !resource.etag.empty() && request.header("if-none-match") == resource.etag;
  const bool unmodified = request.header("if-none-match").empty() && !resource.last_modified.empty() &&
                          request.header("if-modified-since") == resource.last_modified;
  if (same || unmodified) {
    reply.status = 304;
    return reply;
  }
  reply.headers.emplace_back("Content-Type", resource.content_type);
  reply.body = resource.body;
  const std::string if_range = request.header("if-range");
  const auto range = range_of(request.header("range"), resource.body.size());
  if (resource.ranges && range && (if_range.empty() || if_range == resource.etag)) {
    if (range->second == 0) {
      reply.status = 416;
      reply.body.clear();
      reply.headers.emplace_back("Content-Range", fmt::format("bytes */{}", resource.body.size()));
      return reply;
    }
    reply.status = 206;
    reply.body = resource.body.substr(range->first, range->second);
    reply.headers.emplace_back(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", range->first, range->first + range->second - 1, resource.body.size()));
  }
  if (number < resource.failures + resource.cuts) {
    reply.cut_after = resource.cut_after;
    reply.reset = resource.reset;
  }
  return reply;
}

}  // namespace

std::string LoopbackRequest::header(std::string_view lower_case_name) const {
  const std::string* value = find_header(headers, lower_case_name);
  return value == nullptr ? "" : *value;
}

LoopbackServer::LoopbackServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!listener_) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  void* const any = &address;
  if (::bind(listener_.get(), static_cast<sockaddr*>(any), length) != 0) fail("bind");
  if (::listen(listener_.get(), 256) != 0) fail("listen");
  if (::getsockname(listener_.get(), static_cast<sockaddr*>(any), &length) != 0) fail("getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_loop(); });
}

LoopbackServer::~LoopbackServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const UniqueFd& connection : connections_)
      if (connection) ::shutdown(connection.get(), SHUT_RDWR);
  }
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  threads_.clear();
}

std::string LoopbackServer::address(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

Url LoopbackServer::url(std::string_view path) const { return Url::parse(address(path)).value(); }

void LoopbackServer::route(const std::string& path, Handler handler) {
  const std::lock_guard lock(mutex_);
  routes_[path] = std::move(handler);
}

void LoopbackServer::serve(const std::string& path, LoopbackResource resource) {
  const auto number = std::make_shared<std::atomic<int>>(0);
  // Requests without credentials are part of the manners, not of the faults.
  route(path, [resource = std::move(resource), number](const LoopbackRequest& request) {
    LoopbackReply reply = answer_resource(resource, request, *number);
    if (reply.status != 401) ++*number;
    return reply;
  });
}

void LoopbackServer::serve_page(const std::string& path, std::string body, std::string content_type) {
  LoopbackResource page;
  page.body = std::move(body);
  page.content_type = std::move(content_type);
  serve(path, std::move(page));
}

void LoopbackServer::redirect(const std::string& path, std::string location, int status) {
  route(path, [location = std::move(location), status](const LoopbackRequest&) {
    LoopbackReply reply;
    reply.status = status;
    reply.headers.emplace_back("Location", location);
    reply.body = "moved";
    return reply;
  });
}

std::vector<LoopbackRequest> LoopbackServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::vector<LoopbackRequest> LoopbackServer::requests(std::string_view path) const {
  std::vector<LoopbackRequest> found = requests();
  std::erase_if(found, [&](const LoopbackRequest& request) { return request.path != path; });
  return found;
}

std::size_t LoopbackServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void LoopbackServer::accept_loop() {
  while (true) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (!connection) continue;
    const int on = 1;
    ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::size_t index = connections_.size();
    const int fd = connection.get();
    connections_.push_back(std::move(connection));
    threads_.emplace_back([this, fd, index] {
      serve_connection(fd);
      const std::lock_guard end(mutex_);
      connections_[index].reset();
    });
  }
}

void LoopbackServer::serve_connection(int fd) {
  std::string rest;
  while (const auto request = read_request(fd, rest)) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(*request);
    }
    if (!send_reply(fd, *request, answer(*request))) return;
    if (iequals_ascii(request->header("connection"), "close")) return;
  }
}

LoopbackReply LoopbackServer::answer(const LoopbackRequest& request) {
  Handler handler;
  {
    const std::lock_guard lock(mutex_);
    const auto found = routes_.find(request.path);
    if (found != routes_.end()) handler = found->second;
  }
  if (handler) return handler(request);
  LoopbackReply missing;
  missing.status = 404;
  missing.body = "no such page";
  return missing;
}

}  // namespace moat::testing
