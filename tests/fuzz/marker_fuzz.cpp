#include "resolver/pep/marker.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moat;
  MarkerEnvironment environment;
  environment.os_name = "posix";
  environment.sys_platform = "linux";
  environment.platform_release = "6.8.0-100-generic";
  environment.python_version = "3.15";
  environment.python_full_version = "3.15.0+";
  environment.implementation_version = "3.15.0a8";
  const std::set<ExtraName> extras = {ExtraName::parse("x").value(), ExtraName::parse("y").value()};
  for (const MarkerContext context : {MarkerContext::Requirement, MarkerContext::LockFile}) {
    const auto marker = Marker::parse(fuzz::text_of(data, size), context);
    if (!marker) {
      fuzz::require(marker.error().offset <= size, "an error lies within the text");
      continue;
    }
    const auto again = Marker::parse(marker->to_string(), context);
    fuzz::require(again && *again == *marker, "the normal form reads as the marker");
    for (const auto& requested : {std::set<ExtraName>(), extras}) {
      const bool holds = marker->evaluate(environment, requested);
      fuzz::require(again->evaluate(environment, requested) == holds, "the normal form means the same");
      fuzz::require(!holds || !marker->never_holds(environment), "what never holds does not");
    }
  }
  return 0;
}
