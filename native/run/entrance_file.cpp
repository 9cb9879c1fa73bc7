#include "run/entrance_file.hpp"

#include "run/memory_file.hpp"

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
  auto file = makeMemoryFile("fixelf-entrance", {fixelfEntranceBegin, fixelfEntranceEnd});
  if (!file) return file.error();
  return file->release();
#else
  return Error{
      ErrorCode::Unsupported, "fixelf has no program for this machine that does it", {}, 0};
#endif
}

}  // namespace fixelf
