#include "fetch/os/kept_output.h"

#include <algorithm>
#include <utility>

namespace moat {

void KeptOutput::append(std::string_view bytes) {
  const std::size_t at_the_head = std::min(half_ - head_.size(), bytes.size());
  head_ += bytes.substr(0, at_the_head);
  tail_ += bytes.substr(at_the_head);
  if (tail_.size() > 2 * half_) forget_middle();
}

void KeptOutput::forget_middle() {
  if (tail_.size() <= half_) return;
  left_out_ += tail_.size() - half_;
  tail_.erase(0, tail_.size() - half_);
}

std::string KeptOutput::take() {
  if (left_out_ != 0) forget_middle();
  std::string out = std::exchange(head_, {});
  if (left_out_ != 0) out += "\n[" + std::to_string(std::exchange(left_out_, 0)) + " bytes are left out]\n";
  return out + std::exchange(tail_, {});
}

}  // namespace moat
