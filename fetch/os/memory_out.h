// The end of a command that has no memory left even to say so where it happens.
#pragma once

namespace moat {

// For work in the background that cannot hand over what somebody waits for, be it an Error: all who wait
// stop, as for a signal. Does not need memory.
void stop_for_memory() noexcept;
// Is that why everything stopped?
bool stopped_for_memory();

}  // namespace moat
