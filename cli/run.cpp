#include "cli/run.h"

#include <cstdio>
#include <string_view>

namespace moat {

int run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("moat " MOAT_VERSION);
    return 0;
  }
  return 2;
}

}  // namespace moat
