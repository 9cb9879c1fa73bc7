#include "run/entrance_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "base/descriptor.hpp"

#ifdef FIXELF_ENTRANCE
asm(R"(
  .section .rodata
  .globl fixelfEntranceBegin
  .hidden fixelfEntranceBegin
  .globl fixelfEntranceEnd
  .hidden fixelfEntranceEnd
fixelfEntranceBegin:
  .incbin ")" FIXELF_ENTRANCE R"("
fixelfEntranceEnd:
  .previous
)");
extern "C" const char fixelfEntranceBegin[];
extern "C" const char fixelfEntranceEnd[];
#endif

namespace fixelf {

Result<int> openEntrance() {
#ifdef FIXELF_ENTRANCE
  Descriptor file(memfd_create("fixelf-entrance", MFD_CLOEXEC));
  if (!file) return systemError(errno, "make a file in memory", {});
  std::span<const char> rest(fixelfEntranceBegin, fixelfEntranceEnd);
  while (!rest.empty()) {
    const ssize_t written =
        uninterrupted([&] { return write(file.get(), rest.data(), rest.size()); });
    if (written < 0) return systemError(errno, "write a file in memory", {});
    rest = rest.subspan(static_cast<size_t>(written));
  }
  return file.release();
#else
  return Error{
      ErrorCode::Unsupported, "fixelf has no program for this machine that does it", {}, 0};
#endif
}

}  // namespace fixelf
