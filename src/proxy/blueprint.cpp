#include "proxy/blueprint.h"

#include <charconv>
#include <optional>

#include "os/environment.h"

namespace ouro::proxy {
namespace {

// Numbers as decimals with a space behind them; texts as their size and then themselves.
class Writer {
 public:
  void number(std::uint64_t value) { (out_ += std::to_string(value)) += ' '; }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  template <typename Items, typename Write>
  void list(const Items& items, const Write& write) {
    number(items.size());
    for (const auto& item : items) write(item);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Once something is not as it should be, everything is empty.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(in_.data(), in_.data() + in_.size(), value);
    const auto used = static_cast<std::size_t>(stop - in_.data());
    if (error != std::errc{} || used >= in_.size() || *stop != ' ') return wrong();
    in_.remove_prefix(used + 1);
    return value;
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > in_.size()) return wrong(), "";
    std::string value(in_.substr(0, size));
    in_.remove_prefix(size);
    return value;
  }
  template <typename Item, typename Read>
  void list(std::vector<Item>& into, const Read& read) {
    const std::uint64_t count = number();
    if (count > in_.size()) return static_cast<void>(wrong());
    for (std::uint64_t i = 0; i < count; ++i) into.push_back(read());
  }
  [[nodiscard]] bool good() const { return good_ && in_.empty(); }

 private:
  std::uint64_t wrong() {
    good_ = false;
    in_ = {};
    return 0;
  }

  std::string_view in_;
  bool good_ = true;
};

}  // namespace

std::string encode(const Blueprint& blueprint) {
  Writer writer;
  writer.list(blueprint.files.files, [&](const ConfigFile& file) {
    writer.text(file.name);
    writer.text(file.text);
  });
  writer.list(blueprint.listeners, [&](host::ListenerId id) { writer.number(id); });
  writer.list(blueprint.servers, [&](const std::vector<Slots>& servers) {
    writer.list(servers, [&](const Slots& slots) {
      writer.list(slots, [&](Slot slot) { writer.number(slot); });
    });
  });
  return writer.take();
}

Result<Blueprint> decode(std::string_view bytes) {
  Blueprint blueprint;
  Reader reader(bytes);
  reader.list(blueprint.files.files, [&] {
    ConfigFile file;
    file.name = reader.text();
    file.text = reader.text();
    return file;
  });
  const auto slot = [&] { return static_cast<Slot>(reader.number()); };
  reader.list(blueprint.listeners, slot);
  reader.list(blueprint.servers, [&] {
    std::vector<Slots> servers;
    reader.list(servers, [&] {
      Slots slots;
      reader.list(slots, slot);
      return slots;
    });
    return servers;
  });
  if (!reader.good()) return fail(Errc::kInvalid, "a config came in a form that was not expected");
  ReadConfig read = read_config(blueprint.files, os::environment_variable);
  if (!read.errors.empty()) return fail(Errc::kInvalid, read.errors.front().to_string());
  blueprint.config = std::move(read.config);
  return blueprint;
}

}  // namespace ouro::proxy
