// Finds where HTTP/1.1 responses end in what a connection receives. It is as strict as counting
// responses needs: what it cannot be sure of is an error, and ends the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ouro::load {

// Of one connection. Feed it what arrives; after a response it goes on with the next.
class HttpResponseReader {
 public:
  enum class Found : std::uint8_t {
    kNothing,   // all was taken, and more is needed
    kResponse,  // one ended; there may be more in what is left
    kGarbage,   // this is not HTTP/1.x
  };

  // Takes from the front of `bytes` what it has looked at.
  [[nodiscard]] Found read(std::string_view& bytes);
  // The peer has closed: true if that was the end of a response.
  [[nodiscard]] bool ended() noexcept;
  // Of the last response.
  [[nodiscard]] int status() const noexcept { return status_; }
  // The server will close after it.
  [[nodiscard]] bool last() const noexcept { return close_; }

 private:
  enum class State : std::uint8_t {
    kStatusLine,
    kHeaders,
    kBody,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailers,
    kUntilClose,
  };
  static constexpr std::size_t kLineMax = 65536;

  [[nodiscard]] Found read_line(std::string_view& bytes);
  [[nodiscard]] Found on_line(std::string_view line);
  [[nodiscard]] bool status_line(std::string_view line);
  [[nodiscard]] bool header(std::string_view line);
  [[nodiscard]] Found end_of_headers();
  [[nodiscard]] bool chunk_size(std::string_view line);
  [[nodiscard]] Found response_ended() noexcept;
  [[nodiscard]] Found skip(std::string_view& bytes);

  State state_ = State::kStatusLine;
  std::string line_;        // the part of a line that has come so far
  std::uint64_t left_ = 0;  // bytes of the body or the chunk to come
  int status_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool close_ = false;
};

}  // namespace ouro::load
