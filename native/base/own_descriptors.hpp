// A descriptor table for one thread alone.
//
// The threads of a process share one table: each openat and close takes its lock, and each other
// call on a descriptor increments and decrements a reference to the file, lest another thread close
// it meanwhile (Linux fs/file.c, __fget_light: not if the table has one user). A thread that opens
// a million files spends a fourteenth of all its time on that.
#pragma once

#include <span>

namespace fixelf {

// Gives the calling thread a table of its own, in which only the standard streams and the
// descriptors in `kept` are open: it must hold no copy of any other, because the reader of a pipe
// sees its end only when the last copy is closed. Whatever the thread opens from then on is its
// own: no other thread may use or close it.
//
// False if the kernel can't (before 5.9, or forbidden by a filter): then nothing changes.
bool takeOwnDescriptors(std::span<const int> kept);

}  // namespace fixelf
