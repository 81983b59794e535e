#include "proxy/name_watch.h"

#include <algorithm>

#include "base/log.h"

namespace ouro::proxy {
namespace {

using std::chrono::seconds;

// However short or long the DNS says that an answer holds.
constexpr seconds kKeepLeast{1};
constexpr seconds kKeepMost{300};
// After a failure; doubles each time.
constexpr seconds kRetryFirst{1};
constexpr seconds kRetryMost{30};
// Of a service; more than there are slots would be of no use.
constexpr std::size_t kTargetsMost = 16;

}  // namespace

NameWatch::NameWatch(Worker& worker, Resolver& resolver, ServerAddress name, std::string upstream,
                     Told told)
    : resolver_(resolver),
      name_(std::move(name)),
      upstream_(std::move(upstream)),
      told_(std::move(told)),
      retry_(kRetryFirst),
      timer_(worker, [this] { look(); }) {}

void NameWatch::look() {
  round_ = std::make_shared<Round>();
  round_->keep = kKeepMost;
  if (name_.kind == ServerAddress::Kind::kName) {
    round_->targets.push_back({0, 0, name_.port, name_.host, {}});
    return find_targets();
  }
  resolver_.find_services(name_.host,
                          [this, asked = std::weak_ptr<Round>(round_)](Services services) {
                            if (!asked.expired()) services_found(std::move(services));
                          });
}

void NameWatch::services_found(Services services) {
  if (services.found.empty()) return failed(services.trouble);
  round_->keep = std::min(round_->keep, services.keep);
  std::ranges::sort(services.found, {}, &ServiceRecord::priority);
  for (const ServiceRecord& one : services.found) {
    if (round_->targets.size() == kTargetsMost) break;
    round_->targets.push_back({one.priority, one.weight, one.port, one.target, {}});
  }
  find_targets();
}

// An answer may be there at once, and be the last.
void NameWatch::find_targets() {
  const auto round = round_;
  round->waiting = round->targets.size();
  for (std::size_t i = 0; i < round->targets.size(); ++i) {
    resolver_.find_addresses(round->targets[i].name, [this, i, asked = std::weak_ptr<Round>(round)](
                                                         const Addresses& addresses) {
      if (!asked.expired()) addresses_found(i, addresses);
    });
  }
}

void NameWatch::addresses_found(std::size_t target, const Addresses& addresses) {
  ServiceTarget& of = round_->targets[target];
  for (const Address& address : addresses.found) {
    of.addresses.push_back(address.with_port(of.port));
  }
  if (addresses.found.empty()) {
    round_->trouble = addresses.trouble;
  } else {
    round_->keep = std::min(round_->keep, addresses.keep);
  }
  if (--round_->waiting == 0) finish();
}

void NameWatch::finish() {
  std::vector<NamedPlace> places = choose_places(round_->targets);
  if (places.empty()) return failed(round_->trouble);
  if (name_.kind == ServerAddress::Kind::kName) {
    for (NamedPlace& place : places) place.weight = 0;
  }
  timer_.start(std::clamp(round_->keep, kKeepLeast, kKeepMost));
  round_.reset();
  retry_ = kRetryFirst;
  if (known_to_fail_)
    log::info("name_found", {{"upstream", upstream_}, {"name", name_.to_string()}});
  known_to_fail_ = false;
  told_(places);
}

// Said once until it is found again.
void NameWatch::failed(const std::string& why) {
  if (!known_to_fail_) {
    log::warn("name_not_found",
              {{"upstream", upstream_}, {"name", name_.to_string()}, {"why", why}});
  }
  known_to_fail_ = true;
  round_.reset();
  timer_.start(retry_);
  retry_ = std::min(2 * retry_, kRetryMost);
}

}  // namespace ouro::proxy
