#include "cli/session/audit_exceptions.h"

#include "resolver/base/text.h"
#include "resolver/files/time_spec.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace moat {

std::vector<AuditException> audit_exceptions(const Settings& settings, UnixTime now) {
  std::vector<AuditException> out;
  for (const std::string& text : settings.audit_ignore) {
    const std::size_t at = text.find('@');
    AuditException one{.text = text, .id = text.substr(0, at), .until = {}};
    if (at != std::string::npos) {
      one.until = parse_time(text.substr(at + 1), now);
      if (!one.until || text.size() - at != std::string_view("@2026-12-31").size())
        throw Error(ErrorKind::Usage, fmt::format("audit-ignore: {} is not ID or ID@YYYY-MM-DD", quote(text)),
                    {fmt::format("`{}@2026-12-31` ignores it until that day", one.id)});
      constexpr UnixTime kDay = UnixTime{24} * 3600;
      *one.until += kDay;  // that day is included
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace moat
