#include "debugger.hpp"

#include <linux/mman.h>

#include "jump.hpp"
#include "loader_symbol.hpp"
#include "log.hpp"
#include "system.hpp"

extern "C" {
// The one name that is exported: CMakeLists.txt.
[[gnu::visibility("default"), gnu::noinline, gnu::used]] void _dl_debug_state() {
  asm volatile("");
}
}

namespace fixelf::shim {

namespace {

// By the kernel's word (proc(5), /proc/PID/status), and not by a breakpoint that is seen in the
// code above: what a debugger does must not decide what a program does while its run is recorded
// and replayed.
bool isTraced() {
  constexpr Text kName = "\nTracerPid:\t";
  char status[512] = {};
  const long file = openFile("/proc/self/status");
  if (file < 0) return false;
  // The file is longer than that, and what is looked for is near its head.
  const long failure = readFile(static_cast<int>(file), 0, status, sizeof status);
  closeFile(static_cast<int>(file));
  if (failure != 0) return false;
  for (std::size_t at = 0; at + kName.size < sizeof status; ++at)
    if (Text(&status[at], kName.size) == kName) return status[at + kName.size] != '0';
  return false;
}

}  // namespace

void leadDebuggerHere(const LoaderFile& loader) {
  if (kJumpSize == 0 || !isTraced()) return;
  const Word function = functionOf(loader, "_dl_debug_state");
  if (function == 0) return;
  const auto place = reinterpret_cast<Word>(loader.mapped(function, kJumpSize));
  if (place == 0) return;

  unsigned char jump[kJumpSize + 1] = {};
  if (!encodeJump(place, reinterpret_cast<Word>(&_dl_debug_state), jump)) return;
  // It stays executable meanwhile: who forbids code to be written (systemd's
  // MemoryDenyWriteExecute) forbids this and nothing is lost.
  const Word start = loader.pageStart(place);
  const std::size_t size = loader.pageEnd(place + kJumpSize) - start;
  if (!protect(start, size, PROT_READ | PROT_WRITE | PROT_EXEC)) return;
  __builtin_memcpy(reinterpret_cast<void*>(place), jump, kJumpSize);
  protect(start, size, PROT_READ | PROT_EXEC);
  refreshCode(place);
  log(Level::Debug, "a debugger sees at ", Address{reinterpret_cast<Word>(&_dl_debug_state)},
      " what the loader opens");
}

}  // namespace fixelf::shim
