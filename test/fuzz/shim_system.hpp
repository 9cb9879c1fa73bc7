// The stand-in loader's system calls (native/shim/system.hpp), with the scratch directory as the
// root of the file system. Its output is discarded; its mappings are remembered.
#pragma once

namespace fuzz {

// Unmaps everything that was mapped since the last call.
void unmapAll();

}  // namespace fuzz
