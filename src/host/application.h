// What a server is about, as the host sees it. The host knows of processes and sockets, an
// application of connections; each worker has a service of its own.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"
#include "ouro/address.h"
#include "ouro/handler.h"
#include "ouro/options.h"
#include "ouro/worker.h"

namespace ouro::host {

// The number of a listening address, the same in all processes.
using ListenerId = std::uint32_t;
// A server has no more: their numbers are places in tables.
inline constexpr ListenerId kListenersMax = 1024;

struct ListenPlace {
  Address address;        // port 0 lets the kernel choose
  ListenOptions options;  // reuse_port and probe are the host's business
};

// Lives in one worker's process, and is gone before its Worker, when there are no connections.
class Service {
 public:
  virtual ~Service() = default;
  // Whose the connections of a listener are.
  [[nodiscard]] virtual Handler& handler(ListenerId listener) = 0;
  // What Application::commit() has said in the master, after a reload. Connections live on.
  virtual void reconfigure(std::string_view /*plan*/) {}
};

// Lives in the attendant's process: what is not the data path.
class AttendantService {
 public:
  virtual ~AttendantService() = default;
  // As Service::reconfigure(); use_files() follows.
  virtual void reconfigure(std::string_view /*plan*/) {}
  // What Application::open_files() has opened: at the start, after a reload, and when files are to
  // be opened again (SIGUSR1).
  virtual void use_files(std::vector<os::Fd>&& /*files*/) {}
  // What it has to say on the metrics page.
  virtual void append_metrics(std::string& /*page*/) const {}
  // What it has to say of the server on the status page: names, and what they are.
  using Facts = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] virtual Facts facts() const { return {}; }
  // The servers that connections are passed on to, as JSON; empty: there is no such thing.
  [[nodiscard]] virtual std::string servers() const { return {}; }
  // One of those gets nothing new from now on, or does again. Gives what was done, as JSON, or why
  // it cannot be, each reason by itself.
  using Steered = std::expected<std::string, std::vector<std::string>>;
  [[nodiscard]] virtual Steered set_draining(const std::string& /*server*/, bool /*draining*/) {
    return std::unexpected(std::vector<std::string>{});
  }
  // No worker is left. Finishes what they have left to it, and says when that is done; the master
  // does not wait long.
  virtual void leave(const std::function<void()>& done) { done(); }
};

// The place of a worker among others.
struct Seat {
  Worker& worker;
  unsigned index = 0;
  unsigned count = 1;
};

// Made before the host forks; every process has it as it was when it was forked.
class Application {
 public:
  virtual ~Application() = default;
  // Where it wants to listen.
  [[nodiscard]] virtual std::vector<ListenPlace> places() const = 0;
  // What those places were numbered, in their order: at the start, and after each reload. Gives
  // what the services are to be told. From now on a reload is in force.
  virtual std::string commit(std::span<const ListenerId> /*listeners*/) { return {}; }
  [[nodiscard]] virtual bool can_reload() const { return false; }
  // Reads anew what there is to do; places() is then what it wants now. When that is no good,
  // nothing has changed, and it says why, each reason by itself.
  [[nodiscard]] virtual std::vector<std::string> reload() { return {}; }
  // The reload that was begun does not come to pass.
  virtual void abandon() {}
  // In the master, once it is known how many workers there will be, and before they are made.
  [[nodiscard]] virtual Result<void> prepare(unsigned /*workers*/) { return {}; }
  // In the master, as one run of the program leaves to the next what a config does not say: lines
  // of text. After prepare(); what it does not understand it leaves.
  [[nodiscard]] virtual std::vector<std::string> bequest() const { return {}; }
  virtual void inherit(const std::string& /*line*/) {}
  // In the master: what that worker had claimed is free again.
  virtual void worker_died(unsigned /*worker*/) {}
  // In the master, which alone may open files: those that the attendant is to write to. After
  // reload(), those of what is wanted: what cannot be opened is no good.
  [[nodiscard]] virtual Result<std::vector<os::Fd>> open_files() { return {}; }
  // Whether it needs an attendant even when nobody asks it anything.
  [[nodiscard]] virtual bool needs_attendant() const { return false; }
  // Called once in the attendant, while it may still open files, and must not wait for anything;
  // null: it has nothing to do there.
  [[nodiscard]] virtual std::unique_ptr<AttendantService> make_attendant_service(
      Worker& /*worker*/) {
    return nullptr;
  }
  // Called once in each worker.
  [[nodiscard]] virtual std::unique_ptr<Service> make_service(const Seat& seat) = 0;
};

// An application that treats all connections alike, and keeps nothing about them.
template <typename OneHandler>
class PlainApplication final : public Application {
 public:
  std::vector<ListenPlace> where;

  std::vector<ListenPlace> places() const override { return where; }
  std::unique_ptr<Service> make_service(const Seat&) override {
    return std::make_unique<PlainService>();
  }

 private:
  class PlainService final : public Service {
   public:
    Handler& handler(ListenerId) override { return handler_; }

   private:
    OneHandler handler_;
  };
};

}  // namespace ouro::host
