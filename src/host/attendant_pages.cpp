// What the attendant has pages for. Some it knows by itself; others are questions to the master,
// and are answered when that has answered.

#include <algorithm>
#include <array>
#include <sstream>

#include "host/attendant.h"
#include "host/status.h"
#include "os/clock.h"
#include "os/shared_memory.h"

namespace ouro::host {
namespace {

struct Page {
  std::string_view path;
  bool changes = false;  // POST; else GET and HEAD
};

constexpr auto kPages = std::to_array<Page>({{"/healthz"},
                                             {"/metrics"},
                                             {"/status"},
                                             {"/servers"},
                                             {"/reload", true},
                                             {"/upgrade", true},
                                             {"/drain", true},
                                             {"/servers/drain", true},
                                             {"/servers/ready", true}});

constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kOverTcp =
    "over TCP the admin address only answers questions; changes are taken by an admin address that "
    "is a Unix socket, whose file is its owner's alone";
constexpr const char* kMasterBusy = "the server's master has died or is busy";
constexpr const char* kNoName = "the request needs ?name=SERVER, and nothing else";

AdminAnswer refused(int status, std::vector<std::string> reasons) {
  return {status, outcome_json(reasons)};
}

}  // namespace

AttendantProcess::Answer AttendantProcess::respond(const AdminRequest& request, Number number) {
  const auto* page = std::ranges::find(kPages, request.path, &Page::path);
  if (page == kPages.end()) return plain_answer(404);
  if (request.status == 405 || request.post != page->changes) {
    return plain_answer(405, page->changes ? "POST" : "GET, HEAD");
  }
  return request.post ? change(request, number) : show(request, number);
}

AttendantProcess::Answer AttendantProcess::show(const AdminRequest& request, Number number) {
  const SharedPages& pages = *start_.common.pages;
  if (request.path == "/healthz") {
    const bool healthy = is_healthy(pages);
    AdminAnswer answer = plain_answer(healthy ? 200 : 503);
    answer.body = healthy ? "ready\n" : "not ready\n";
    return answer;
  }
  if (request.path == "/metrics") {
    std::string page = metrics_text(start_.info, pages, os::now_ns());
    if (service_ != nullptr) service_->append_metrics(page);
    return AdminAnswer{200, std::move(page), kMetricsText};
  }
  if (request.path == "/servers") return servers_page();
  return ask_master(MessageKind::kAskStatus, number);
}

AdminAnswer AttendantProcess::servers_page() const {
  std::string servers = service_ != nullptr ? service_->servers() : "";
  if (!servers.empty()) return {200, std::move(servers)};
  return refused(409, {start_.info.name + " passes connections on to no servers"});
}

AttendantProcess::Answer AttendantProcess::change(const AdminRequest& request, Number number) {
  if (!may_steer_) return refused(403, {kOverTcp});
  if (request.path.starts_with("/servers/")) return steer_server(request);
  if (!request.query.empty()) return plain_answer(400);
  if (request.path == "/reload") return ask_master(MessageKind::kAskReload, number);
  if (request.path == "/upgrade") return ask_master(MessageKind::kAskUpgrade, number);
  return ask_master(MessageKind::kAskDrain, number);
}

AdminAnswer AttendantProcess::steer_server(const AdminRequest& request) {
  if (service_ == nullptr) return servers_page();
  const auto name = only_parameter(request.query, "name");
  if (!name) return refused(400, {kNoName});
  auto steered = service_->set_draining(*name, request.path.ends_with("/drain"));
  if (!steered && steered.error().empty()) return servers_page();
  if (!steered) return refused(409, std::move(steered.error()));
  return {200, std::move(*steered)};
}

AttendantProcess::Answer AttendantProcess::ask_master(MessageKind what, Number number) {
  if (control_watch_ != nullptr && send_control(control_.fd(), {.kind = what, .number = number})) {
    return std::nullopt;
  }
  return refused(503, {kMasterBusy});
}

void AttendantProcess::answered(const ReceivedMessage& message) {
  std::istringstream words(message.text);
  std::string outcome;
  std::size_t size = 0;
  words >> outcome >> size;
  std::optional<std::string> body;
  if (!message.fds.empty()) body = os::read_shared_bytes(message.fds.front().get(), size);
  if (!body) return handler_.answer(message.number, refused(503, {kMasterBusy}));
  if (outcome == "status" && service_ != nullptr) body = with_facts(*body, service_->facts());
  handler_.answer(message.number, {outcome == "refused" ? 409 : 200, std::move(*body)});
}

}  // namespace ouro::host
