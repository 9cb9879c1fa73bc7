int spare(void) { return 7; }
