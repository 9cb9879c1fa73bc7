// What a stock NixOS has in the loader's place since 24.05 (nixos/modules/config/stub-ld.nix): not
// a loader, but a program that explains why there is none.
#include "freestanding.h"

struct start begin(word *stack) {
  say("Could not start dynamically linked executable: ");
  say(stack[0] > 0 ? (const char *)stack[1] : "");
  say("\n"
      "NixOS cannot run dynamically linked executables intended for generic\n"
      "linux environments out of the box. For more information, see:\n"
      "https://nix.dev/permalink/stub-ld\n");
  call(__NR_exit_group, 127, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}
