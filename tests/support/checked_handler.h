// The handler of the tests: an echo unless told otherwise, which checks on every call that the
// engine keeps the promises of ouro/handler.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ouro/connection.h"
#include "ouro/handler.h"

namespace ouro::test {

// The calls are made on the worker's thread. The functions are set before the worker runs; the
// atomics may be read at any time, the rest once the worker has stopped.
class CheckedHandler final : public Handler {
 public:
  CheckedHandler() = default;
  CheckedHandler(const CheckedHandler&) = delete;
  CheckedHandler& operator=(const CheckedHandler&) = delete;
  // Reports every broken promise as a failure of the running test.
  ~CheckedHandler() override;

  // What to do in each call. Unset: an echo that answers FIN with FIN.
  std::function<void(Connection&)> on_opened;
  std::function<void(Connection&, Buffer)> on_data;
  std::function<void(Connection&)> on_drained;
  std::function<void(Connection&)> on_ended;
  std::function<void(Connection&, Errc)> on_closed;

  std::atomic<std::uint64_t> opened_count{0};
  std::atomic<std::uint64_t> data_count{0};
  std::atomic<std::uint64_t> drained_count{0};
  std::atomic<std::uint64_t> ended_count{0};
  std::atomic<std::uint64_t> closed_count{0};
  std::atomic<std::uint64_t> received_bytes{0};
  std::atomic<std::uint64_t> unsent_most{0};  // the largest unsent() seen after a data() call
  // The reasons closed() gave, and how often.
  [[nodiscard]] std::uint64_t closed_with(Errc reason) const;

  void opened(Connection& connection) override;
  void data(Connection& connection, Buffer buffer) override;
  void drained(Connection& connection) override;
  void ended(Connection& connection) override;
  void closed(Connection& connection, Errc reason) override;

 private:
  class Call;
  struct Seen {
    std::uint64_t received = 0;
    bool ended = false;
  };

  // The record of an open connection; a breach if there is none.
  Seen& seen(Connection& connection, const char* call);
  void breach(const Connection& connection, const std::string& what);

  std::map<const Connection*, Seen> open_;
  std::vector<std::string> breaches_;
  std::map<Errc, std::atomic<std::uint64_t>> reasons_ = make_reasons();

  static std::map<Errc, std::atomic<std::uint64_t>> make_reasons();
};

}  // namespace ouro::test
