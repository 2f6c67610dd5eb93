// A lock as a value and as the text of its file; each is made of the other when it is first asked for, as a
// large lock takes long to read, and many commands need only its text. Not thread-safe.
#pragma once

#include "resolver/lock/lockfile.h"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace moat {

// Several versions of a package count as one.
std::size_t package_count(const Pylock& lock);

class LockDocument {
 public:
  explicit LockDocument(Pylock lock) : lock_(std::move(lock)) {}
  // REQUIRES: the canonical text of a lock, and its package_count().
  LockDocument(std::string text, std::size_t packages) : text_(std::move(text)), packages_(packages) {}

  const Pylock& operator*() const;
  const Pylock* operator->() const { return &**this; }
  const std::string& text() const;
  std::size_t packages() const;

 private:
  mutable std::optional<Pylock> lock_;
  mutable std::optional<std::string> text_;
  mutable std::optional<std::size_t> packages_;
};

}  // namespace moat
