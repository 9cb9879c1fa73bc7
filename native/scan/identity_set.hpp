// Which files and directories have been met before, whatever their names: hard links and bind
// mounts show one of them under several.
//
// A table of keys without nodes: a store has hundreds of thousands of directories, and a node for
// each would cost more than the walk itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fixelf {

class IdentitySet {
 public:
  // Whether it was new.
  bool insert(uint64_t device, uint64_t inode) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    if (!place(slots_, {device, inode, true})) return false;
    ++used_;
    return true;
  }

  [[nodiscard]] size_t size() const { return used_; }

 private:
  struct Slot {
    uint64_t device = 0;
    uint64_t inode = 0;
    bool taken = false;
  };

  static bool place(std::vector<Slot>& slots, const Slot& key) {
    // Inodes of one directory are neighbours; the product spreads them (Knuth, "The Art of Computer
    // Programming" 6.4, multiplicative hashing).
    const uint64_t spread = (key.inode ^ key.device << 48U) * 0x9e3779b97f4a7c15U;
    const size_t mask = slots.size() - 1;
    for (size_t at = static_cast<size_t>(spread >> 20U) & mask;; at = (at + 1) & mask) {
      Slot& slot = slots[at];
      if (!slot.taken) {
        slot = key;
        return true;
      }
      if (slot.device == key.device && slot.inode == key.inode) return false;
    }
  }

  void grow() {
    std::vector<Slot> larger(slots_.empty() ? 256 : slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.taken) place(larger, slot);
    }
    slots_.swap(larger);
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace fixelf
