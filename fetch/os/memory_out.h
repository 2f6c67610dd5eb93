// The end of a command that has no memory left even to say so where it happens.
#pragma once

namespace moat {

// For background work that cannot even hand over an Error: everyone who waits is stopped, as by a signal.
// Does not need memory.
void stop_for_memory() noexcept;
// Is that why everything stopped?
bool stopped_for_memory();

}  // namespace moat
