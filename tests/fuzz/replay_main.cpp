// Runs a fuzz target over the files of folders, and over copies spoilt at random: what a fuzzer once found
// must stay harmless, in every build and with every compiler.
//
//     PROGRAM COPIES FOLDER…
#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// The same copies each time it runs.
class Spoiler {
 public:
  explicit Spoiler(std::vector<std::string> inputs) : inputs_(std::move(inputs)) {}

  std::string spoilt(std::string text) {
    for (std::size_t i = 1 + below(4); i > 0; --i) spoil(text);
    return text;
  }

 private:
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_);
  }

  void spoil(std::string& text) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(text.size() - at, 8) + 1);
    const std::string& other = inputs_[below(inputs_.size())];
    const std::size_t from = below(other.size() + 1);
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        text.replace(at, length, other.substr(from, below(12)));
        break;
      default:
        text.insert(at, other.substr(from));
        break;
    }
  }

  std::vector<std::string> inputs_;
  std::mt19937 engine_{20260819};
};

// What is being run, told when it ends the program: it belongs into the corpus.
const std::string* running = nullptr;

void tell_input(int) {
  constexpr std::string_view kHead = "\nthe input was:\n";
  std::fwrite(kHead.data(), 1, kHead.size(), stderr);
  if (running) std::fwrite(running->data(), 1, running->size(), stderr);
}

void run(const std::string& bytes) {
  running = &bytes;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGABRT, tell_input);
  std::vector<std::string> inputs;
  for (int i = 2; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream file(entry.path(), std::ios::binary);
      inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  if (inputs.empty()) {
    std::cerr << "no inputs\n";
    return 1;
  }
  std::sort(inputs.begin(), inputs.end());
  for (const std::string& input : inputs) run(input);
  Spoiler spoiler(inputs);
  for (int copies = std::stoi(argv[1]); copies > 0; --copies)
    for (const std::string& input : inputs) run(spoiler.spoilt(input));
  return 0;
}
