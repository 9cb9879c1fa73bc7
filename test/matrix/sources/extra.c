/* A library that nothing needs until an edit adds it; it prints something. */
#include <unistd.h>
__attribute__((constructor)) static void speak(void) {
  if (write(1, "extra\n", 6) != 6) _exit(9);
}
