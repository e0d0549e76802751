#pragma once

#include <cstddef>
#include <ctime>
#include <functional>

namespace trinity::jinja {

// What one rendering may cost. A template comes from a file that somebody else wrote, so every loop
// it can build must end in an Error: no limit is off by default.
struct RenderLimits {
  size_t max_steps = 20'000'000;  // evaluated nodes, loop turns, and 64-byte pieces of work
  int max_depth = 1200;           // nested evaluations, macro calls included
  size_t max_output_bytes = size_t{64} << 20;
  size_t max_string_bytes = size_t{64} << 20;   // one string
  size_t max_items = 1'000'000;                 // one list, tuple or dict
  size_t max_memory_bytes = size_t{512} << 20;  // all values alive at once, and what methods borrow
  int max_container_depth = 200;                // lists in lists
  size_t max_range = 100'000;                   // Jinja2's sandbox has the same limit
};

// The local time that strftime_now() formats.
using Clock = std::function<std::tm()>;

// The machine's local time.
std::tm LocalTimeNow();

}  // namespace trinity::jinja
