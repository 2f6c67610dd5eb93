// Every test program hears Ctrl-C. A shell lets what it starts in the background ignore it, whoever is
// ignored stays so across exec, and moat obeys that: the tests of interruption would wait for ever.
#include <csignal>

namespace {

[[maybe_unused]] const bool kIsHeard = std::signal(SIGINT, SIG_DFL) != SIG_ERR;

}  // namespace
