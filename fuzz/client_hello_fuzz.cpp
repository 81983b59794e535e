// The start of a TLS connection, at once and in pieces: the answers have to be the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "proxy/sni_routes.h"
#include "proxy/wire/client_hello.h"

namespace {

using namespace ouro::proxy;
using State = ClientHelloReader::State;

// Reads what comes `step` bytes at a time.
State read_in_pieces(std::string_view received, std::size_t step, ClientHello& hello) {
  ClientHelloReader reader;
  State state = State::kNeedMore;
  for (std::size_t size = 0; state == State::kNeedMore; size += step) {
    const std::size_t have = size < received.size() ? size : received.size();
    const std::size_t needed = reader.needs();
    state = reader.read(received.substr(0, have), hello);
    if (have < needed) OURO_CHECK(state != State::kDone);
    if (state == State::kNeedMore) OURO_CHECK(reader.needs() > have);
    if (have == received.size()) break;
  }
  return state;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view received(reinterpret_cast<const char*>(data), size);
  ClientHelloReader reader;
  ClientHello whole;
  const State state = reader.read(received, whole);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    ClientHello hello;
    OURO_CHECK(read_in_pieces(received, step, hello) == state);
    if (state != State::kDone) continue;
    OURO_CHECK(hello.host() == whole.host() && hello.alpn == whole.alpn);
  }
  SniRoutes routes;
  routes.add("*.a", 1);
  if (state == State::kDone) (void)routes.find(whole.host());
  return 0;
}
