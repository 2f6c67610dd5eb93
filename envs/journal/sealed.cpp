#include "envs/journal/sealed.h"

#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <system_error>

namespace moat {

bool is_release(const std::filesystem::path& environment) {
  std::error_code ignored;
  return std::filesystem::exists(environment / kReleaseFile, ignored);
}

void refuse_release(const std::filesystem::path& environment) {
  if (!is_release(environment)) return;
  throw Error(ErrorKind::Refused,
              fmt::format("{} is a deployed release, and releases never change", quote(environment.native())),
              {"change the lock, then `moat bundle` and `moat deploy`"});
}

}  // namespace moat
