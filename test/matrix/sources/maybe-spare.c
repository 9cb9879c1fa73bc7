/* Always position-independent, so that the weak address comes from the GOT and may be zero. */
extern int spare(void) __attribute__((weak));
int maybe_spare(void) { return spare ? spare() : -1; }
