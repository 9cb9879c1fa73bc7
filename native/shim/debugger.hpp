// What lets a debugger see the libraries that are opened as the program runs.
//
// A loader calls a function of its own whenever its list of libraries has changed, _dl_debug_state,
// for a debugger to have a breakpoint there (<link.h>, r_debug). gdb looks for that function where
// the kernel says that the loader is, and in the file that the program names, before the first
// instruction (gdb's solib-svr4.c, enable_break): here. So there is one here too, and the real
// loader's jumps to it; where that has no room for a jump, its callers call this one.
//
// That makes one page of the loader's code, or a few, private to this process, so it is done for a
// process that is traced and for no other.
#pragma once

#include "loader_file.hpp"

namespace fixelf::shim {

// The loader must have been mapped. Where it cannot be done, the program starts all the same.
void leadDebuggerHere(const LoaderFile& loader);

}  // namespace fixelf::shim
