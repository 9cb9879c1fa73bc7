#include "debugger.hpp"

#include <linux/mman.h>

#include "jump.hpp"
#include "loader_symbol.hpp"
#include "log.hpp"
#include "system.hpp"

extern "C" {
// The only exported name: CMakeLists.txt.
[[gnu::visibility("default"), gnu::noinline, gnu::used]] void _dl_debug_state() {
  asm volatile("");
}
}

namespace fixelf::shim {

namespace {

// According to the kernel (proc(5), /proc/PID/status), and not to a breakpoint seen in the code
// above: what a debugger does must not decide what a program does while its run is recorded and
// replayed.
bool isTraced() {
  constexpr Text kName = "\nTracerPid:\t";
  char status[512] = {};
  const long file = openFile("/proc/self/status");
  if (file < 0) return false;
  // The file is longer than that, but what is looked for is near its beginning.
  const long failure = readFile(static_cast<int>(file), 0, status, sizeof status);
  closeFile(static_cast<int>(file));
  if (failure != 0) return false;
  for (std::size_t at = 0; at + kName.size < sizeof status; ++at)
    if (Text(&status[at], kName.size) == kName) return status[at + kName.size] != '0';
  return false;
}

// It stays executable meanwhile. A policy that forbids writing code (systemd's
// MemoryDenyWriteExecute) forbids this, and nothing is lost.
bool writeCode(const LoaderFile& loader, Word place, const unsigned char* code, std::size_t size) {
  const Word start = loader.pageStart(place);
  const std::size_t pages = loader.pageEnd(place + size) - start;
  if (!protect(start, pages, PROT_READ | PROT_WRITE | PROT_EXEC)) return false;
  __builtin_memcpy(reinterpret_cast<void*>(place), code, size);
  protect(start, pages, PROT_READ | PROT_EXEC);
  refreshCode(place);
  return true;
}

bool leadFunction(const LoaderFile& loader, Word function, Word here) {
  const auto place = reinterpret_cast<Word>(loader.mapped(function, kJumpSize));
  unsigned char jump[kJumpSize + 1] = {};
  return kJumpSize > 0 && place != 0 && encodeJump(place, here, jump) &&
         writeCode(loader, place, jump, kJumpSize);
}

bool leadCalls(const LoaderFile& loader, Word function, Word here) {
  if (kCallSize == 0) return false;
  const ProgramHeader* code = loader.segmentOf(function, kCallAlignment);
  if (code == nullptr) return false;
  const auto start = reinterpret_cast<Word>(loader.mapped(code->p_vaddr, code->p_filesz));
  bool isLed = false;
  for (Word at = 0; at + kCallSize <= code->p_filesz; at += kCallAlignment) {
    unsigned char call[kCallSize + 1] = {};
    if (encodeCall(start + at, start + (function - code->p_vaddr), here, call))
      isLed = writeCode(loader, start + at, call, kCallSize) || isLed;
  }
  return isLed;
}

}  // namespace

void leadDebuggerHere(const LoaderFile& loader) {
  if (!isTraced()) return;
  const Word function = functionOf(loader, "_dl_debug_state");
  if (function == 0) return;
  const auto here = reinterpret_cast<Word>(&_dl_debug_state);
  if (leadFunction(loader, function, here) || leadCalls(loader, function, here))
    log(Level::Debug, "a debugger sees at ", Address{here}, " what the loader opens");
}

}  // namespace fixelf::shim
