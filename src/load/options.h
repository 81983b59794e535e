// What a run is asked to do. Checked where it is read from the command line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/target.h"
#include "ouro/options.h"

namespace ouro::load {

enum class Mode : std::uint8_t {
  kRequest,  // closed loop: a connection asks again when it was answered
  kStream,   // writes without waiting, up to a window of what is not back yet
  kRate,     // open loop: requests leave when the schedule says so, answered or not
  kChurn,    // connects, asks once, closes, again
  kIdle,     // holds connections open and asks on a few of them
};

[[nodiscard]] std::string_view to_string(Mode mode) noexcept;
// Requests leave by a schedule, whether others were answered or not.
[[nodiscard]] constexpr bool open_loop(Mode mode) noexcept {
  return mode == Mode::kRate || mode == Mode::kIdle;
}

struct LoadOptions {
  Target target;
  Mode mode = Mode::kRequest;
  EngineChoice engine = EngineChoice::kAuto;
  std::size_t connections = 64;
  std::size_t size = 1024;                      // bytes of a message; not of HTTP
  std::size_t depth = 1;                        // requests on their way on one connection
  double rate = 0;                              // requests a second over all connections
  bool poisson = false;                         // else evenly spaced
  std::size_t window = std::size_t{256} << 10;  // of a stream; a larger one measures the memory
  std::size_t active = 100;                     // of idle connections, asked by turns
  std::chrono::milliseconds duration{10'000};
  std::optional<std::chrono::milliseconds> warm_up;  // nothing: a tenth of it, at most a second
  unsigned threads = 1;
  std::vector<std::string> headers;  // HTTP: more lines of the request, "Name: value"
  bool verify = false;
  std::optional<int> server_process;
};

}  // namespace ouro::load
