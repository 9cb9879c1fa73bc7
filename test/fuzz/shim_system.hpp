// The stand-in loader's system calls (native/shim/system.hpp), for the scratch directory as the
// root of the file system. What it says goes nowhere; what it maps is remembered.
#pragma once

namespace fuzz {

// Gives back all that was mapped since the last call.
void unmapAll();

}  // namespace fuzz
