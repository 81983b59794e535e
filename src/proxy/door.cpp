#include "proxy/door.h"

#include "proxy/service.h"

namespace ouro::proxy {

void Door::opened(Connection& connection) {
  const auto& generation = service_.generation();
  const Entry* entry = generation->entry(listener_);
  const Address peer = connection.peer();
  // Gone with a reload, while this one was on its way.
  if (entry == nullptr) return refuse(connection, peer, "", Cause::kListenerGone);
  const std::string& name = entry->listen().name;
  if (entry->expects_header() && !entry->trusts(peer)) {
    return refuse(connection, peer, name, Cause::kUntrusted);
  }
  if (!service_.claim_listener(listener_, entry->listen().max_connections)) {
    return refuse(connection, peer, name, Cause::kListenerFull);
  }
  service_.account(listener_).begun.add();
  service_.make_session({listener_, generation, entry}, connection, peer).begin();
}

void Door::refuse(Connection& connection, const Address& peer, std::string_view name, Cause cause) {
  if (cause != Cause::kListenerGone) service_.account(listener_).refused.add();
  service_.count_end(cause);
  if (service_.logs_access()) {
    AccessRecord record{.client = peer, .listener = name};
    record.end.begin(service_.now_ns());
    record.end.set_cause(cause);
    record.end.over(service_.now_ns());
    service_.log_access(record);
  }
  connection.abort(Errc::kRefused);
}

}  // namespace ouro::proxy
