// What lets a debugger see the libraries that are opened as the program runs.
//
// Whenever its list of libraries has changed, a loader calls a function of its own,
// _dl_debug_state, so that a debugger can have a breakpoint there (<link.h>, r_debug). gdb looks
// for that function in what the kernel reports as the loader, and in the file that the program
// names, before the first instruction (gdb's solib-svr4.c, enable_break): here. So there is one
// here too, and the real loader's jumps to it; if that has no room for a jump, its callers call
// this one.
//
// That makes a page or a few of the loader's code private to this process, so it is only done for a
// traced process.
#pragma once

#include "loader_file.hpp"

namespace fixelf::shim {

// The loader must have been mapped. If it cannot be done, the program still starts.
void leadDebuggerHere(const LoaderFile& loader);

}  // namespace fixelf::shim
