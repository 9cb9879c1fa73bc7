// Taking a change back: the file as it was, byte for byte, or a reason why not.
#pragma once

#include <string>

#include "elf/error.hpp"

namespace fixelf {

// Restores the original of `path` atomically and forgets the record. Fails with NoUndoRecord where
// nothing is recorded, and with Changed where the file is no longer what the change left.
Status undo(const std::string& path, const std::string& recordDirectory);

}  // namespace fixelf
