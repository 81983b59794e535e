// A doubly linked list whose links live in the elements: no allocation, O(1) removal from the
// middle. An element is in one list per hook at most; it must leave before it dies.
#pragma once

#include <cstddef>

#include "base/check.h"

namespace ouro {

struct ListHook {
  ListHook* previous = nullptr;
  ListHook* next = nullptr;

  [[nodiscard]] bool linked() const noexcept { return next != nullptr; }
  void unlink() noexcept {
    if (!linked()) return;
    previous->next = next;
    next->previous = previous;
    previous = next = nullptr;
  }
};

// `T` derives from `Hook`: ListHook itself, or a type derived from it when an element can be in
// several lists.
template <typename T, typename Hook = ListHook>
class IntrusiveList {
 public:
  IntrusiveList() noexcept { head_.previous = head_.next = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;

  [[nodiscard]] bool empty() const noexcept { return head_.next == &head_; }

  void push_back(T& element) noexcept {
    ListHook& hook = static_cast<Hook&>(element);
    OURO_CHECK(!hook.linked());
    hook.previous = head_.previous;
    hook.next = &head_;
    head_.previous->next = &hook;
    head_.previous = &hook;
  }

  [[nodiscard]] T* front() noexcept { return empty() ? nullptr : from(head_.next); }

  T* pop_front() noexcept {
    T* element = front();
    if (element != nullptr) static_cast<Hook&>(*element).unlink();
    return element;
  }

  static void remove(T& element) noexcept { static_cast<Hook&>(element).unlink(); }

  // Moves everything to the end of another list.
  void move_all_to(IntrusiveList& other) noexcept {
    while (T* element = pop_front()) other.push_back(*element);
  }

 private:
  static T* from(ListHook* hook) noexcept { return static_cast<T*>(static_cast<Hook*>(hook)); }
  ListHook head_;
};

}  // namespace ouro
