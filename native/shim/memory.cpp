// What compilers call unasked, even without a C library: GCC's documentation of -ffreestanding
// names these four.
#include <cstddef>

#if defined(__GNUC__) && !defined(__clang__)
// Otherwise it recognises these loops as memcpy and memset, and calls them.
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

extern "C" {

void* memcpy(void* target, const void* source, std::size_t size) {
  auto* to = static_cast<unsigned char*>(target);
  const auto* from = static_cast<const unsigned char*>(source);
  for (std::size_t index = 0; index < size; ++index)
    to[index] = from[index];
  return target;
}

void* memmove(void* target, const void* source, std::size_t size) {
  auto* to = static_cast<unsigned char*>(target);
  const auto* from = static_cast<const unsigned char*>(source);
  if (to <= from) return memcpy(target, source, size);
  while (size > 0) {
    --size;
    to[size] = from[size];
  }
  return target;
}

void* memset(void* target, int value, std::size_t size) {
  auto* to = static_cast<unsigned char*>(target);
  for (std::size_t index = 0; index < size; ++index)
    to[index] = static_cast<unsigned char>(value);
  return target;
}

int memcmp(const void* one, const void* other, std::size_t size) {
  const auto* left = static_cast<const unsigned char*>(one);
  const auto* right = static_cast<const unsigned char*>(other);
  for (std::size_t index = 0; index < size; ++index)
    if (left[index] != right[index]) return left[index] - right[index];
  return 0;
}

}  // extern "C"
