// Asking the person at the terminal.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace moat {

// Are standard input and standard error both a terminal? Then there is somebody to ask.
bool someone_is_there();

enum class Echo { On, Off };

// Shows the question on standard error and reads one line from standard input, without its end. nullopt at
// the end of input and when stopped. Echo::Off: what is typed is not shown; the terminal is as before when
// this returns, however it does. Blocks.
std::optional<std::string> ask_terminal(std::string_view question, Echo echo, const std::stop_token& stop);

}  // namespace moat
