/* Replaces the spare library where the linker has made the weak reference strong. */
int spare(void) { return 8; }
