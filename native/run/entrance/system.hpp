// The kernel, without a C library: entrance.cpp explains why there is none.
#pragma once

#include <sys/syscall.h>

namespace fixelf::entrance {

// Each returns a negative error number on failure.
long systemCall(long number, long first = 0, long second = 0, long third = 0, long fourth = 0,
                long fifth = 0);

inline long asArgument(const void* pointer) {
  return reinterpret_cast<long>(pointer);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
}

}  // namespace fixelf::entrance
