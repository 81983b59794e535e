#include "proxy/door.h"

#include "proxy/service.h"

namespace ouro::proxy {

void Door::opened(Connection& connection) {
  const auto& generation = service_.generation();
  const Entry* entry = generation->entry(listener_);
  // Gone with a reload, while this one was on its way.
  if (entry == nullptr) return connection.abort(Errc::kRefused);
  const Address peer = connection.peer();
  const bool trusted = !entry->expects_header() || entry->trusts(peer);
  if (!trusted || !service_.claim_listener(listener_, entry->listen().max_connections)) {
    service_.account(listener_).refused.add();
    return connection.abort(Errc::kRefused);
  }
  service_.account(listener_).begun.add();
  service_.make_session({listener_, generation, entry}, connection, peer).begin();
}

}  // namespace ouro::proxy
