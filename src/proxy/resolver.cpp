#include "proxy/resolver.h"

#define CARES_NO_DEPRECATED
#include <ares.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "os/read_file.h"

namespace ouro::proxy {
namespace {

constexpr const char* kHostsFile = "/etc/hosts";
// Of one try; doubles with each round of tries over all servers.
constexpr int kTryMs = 1000;
constexpr int kTries = 3;
// How often a socket is looked at that waits for room: a watch tells of readable ones alone. Only
// TCP does, for answers too long for a datagram.
constexpr std::chrono::milliseconds kLookAtWriters{10};
constexpr int kInternetClass = 1;
constexpr int kServiceType = 33;

template <typename T>
Answer<T> trouble_of(int status) {
  return {{}, {}, ares_strerror(status)};
}

Addresses addresses_of(const ares_addrinfo* list) {
  Addresses answer;
  for (const auto* node = list->nodes; node != nullptr; node = node->ai_next) {
    const Address address = Address::from_raw(node->ai_addr, node->ai_addrlen);
    if (address.family() == Address::Family::kNone) continue;
    const std::chrono::seconds keep{std::max(0, node->ai_ttl)};
    answer.keep = answer.found.empty() ? keep : std::min(answer.keep, keep);
    answer.found.push_back(address);
  }
  if (answer.found.empty()) answer.trouble = "it has no addresses";
  return answer;
}

}  // namespace

// c-ares, with the worker to tell when its sockets are readable and when it has waited too long.
class Resolver::Channel {
 public:
  Channel(Worker& worker, const std::vector<Address>& servers)
      : worker_(worker), timer_(worker, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }) {
    ares_library_init(ARES_LIB_INIT_ALL);
    ares_options options{};
    options.timeout = kTryMs;
    options.tries = kTries;
    char lookups[] = "b";  // the file of hosts could not be opened any more
    options.lookups = lookups;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
      static_cast<Channel*>(self)->socket_changed(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    const int wanted =
        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&channel_, &options, wanted);
    if (status == ARES_SUCCESS && !servers.empty()) {
      std::string list;
      for (const Address& server : servers) list += (list.empty() ? "" : ",") + server.to_string();
      status = ares_set_servers_ports_csv(channel_, list.c_str());
    }
    if (status != ARES_SUCCESS) log::error("no_resolver", {{"reason", ares_strerror(status)}});
  }
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void find_addresses(const std::string& name, std::function<void(const Addresses&)> found) {
    using Found = std::function<void(const Addresses&)>;
    if (channel_ == nullptr) return found(trouble_of<Address>(ARES_ENOTINITIALIZED));
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(
        channel_, name.c_str(), nullptr, &hints,
        [](void* context, int status, int, ares_addrinfo* list) {
          const std::unique_ptr<Found> callback(static_cast<Found*>(context));
          const std::unique_ptr<ares_addrinfo, void (*)(ares_addrinfo*)> owner(
              list, [](ares_addrinfo* one) { ares_freeaddrinfo(one); });
          if (status == ARES_EDESTRUCTION) return;
          (*callback)(list != nullptr && status == ARES_SUCCESS ? addresses_of(list)
                                                                : trouble_of<Address>(status));
        },
        std::make_unique<Found>(std::move(found)).release());
    wait_for_more();
  }

  void find_services(const std::string& name, std::function<void(Services)> found) {
    using Found = std::function<void(Services)>;
    if (channel_ == nullptr) return found(trouble_of<ServiceRecord>(ARES_ENOTINITIALIZED));
    ares_query(
        channel_, name.c_str(), kInternetClass, kServiceType,
        [](void* context, int status, int, unsigned char* message, int size) {
          const std::unique_ptr<Found> callback(static_cast<Found*>(context));
          if (status == ARES_EDESTRUCTION) return;
          (*callback)(status == ARES_SUCCESS
                          ? parse_services({message, static_cast<std::size_t>(size)})
                          : trouble_of<ServiceRecord>(status));
        },
        std::make_unique<Found>(std::move(found)).release());
    wait_for_more();
  }

 private:
  // Called before a socket is closed, too: then nothing is wanted of it.
  void socket_changed(int fd, bool readable, bool writable) {
    writers_.erase(fd);
    if (writable) writers_.insert(fd);
    if (!readable) {
      watches_.erase(fd);
    } else if (!watches_.contains(fd)) {
      watches_[fd] =
          std::make_unique<Watch>(worker_, fd, [this, fd] { process(fd, ARES_SOCKET_BAD); });
    }
  }

  void process(int readable, int writable) {
    ares_process_fd(channel_, readable, writable);
    const auto writers = writers_;
    for (const int fd : writers) {
      if (writers_.contains(fd)) ares_process_fd(channel_, ARES_SOCKET_BAD, fd);
    }
    wait_for_more();
  }

  void wait_for_more() {
    timeval left{};
    if (ares_timeout(channel_, nullptr, &left) == nullptr) return timer_.stop();
    std::chrono::nanoseconds wait =
        std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
    if (!writers_.empty()) wait = std::min<std::chrono::nanoseconds>(wait, kLookAtWriters);
    // It counts in milliseconds: a moment later, or it would be asked again and again.
    timer_.start(wait + std::chrono::milliseconds{1});
  }

  Worker& worker_;
  ares_channel channel_ = nullptr;
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::set<int> writers_;
  Timer timer_;
};

Resolver::Resolver(Worker& worker, const std::vector<Address>& servers)
    : hosts_(parse_hosts(os::read_file(kHostsFile).value_or(""))),
      channel_(std::make_unique<Channel>(worker, servers)) {}

Resolver::~Resolver() = default;

// What the file says holds as long as anything may.
void Resolver::find_addresses(const std::string& name,
                              std::function<void(const Addresses&)> found) {
  const auto known = hosts_.find(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
  if (known != hosts_.end()) return found({known->second, std::chrono::hours{24}, ""});
  channel_->find_addresses(name, std::move(found));
}

void Resolver::find_services(const std::string& name, std::function<void(Services)> found) {
  channel_->find_services(name, std::move(found));
}

}  // namespace ouro::proxy
