// A table of descriptors for one thread alone.
//
// Threads of a process share one table: each openat and close takes its lock, and each other call
// on a descriptor counts a reference to the file up and down, lest another thread close it
// meanwhile (Linux fs/file.c, __fget_light: not where the table has one user). A thread that opens
// a million files pays a fourteenth of all its time for that.
#pragma once

#include <span>

namespace fixelf {

// Gives the calling thread a table of its own, in which the standard streams are open and the
// descriptors in `kept`: it must hold no copy of any other, because the reader of a pipe sees its
// end only when the last copy is closed. Whatever the thread opens from then on is its own: no
// other thread may use it or close it.
//
// False where the kernel can't (before 5.9, or forbidden by a filter): then nothing changes.
bool takeOwnDescriptors(std::span<const int> kept);

}  // namespace fixelf
