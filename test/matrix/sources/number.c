/* The needed library: symbols of two versions, data, thread-local storage, a constructor. */
#ifndef RENAMED
#define NAME "number"
#else
#define NAME "renamed"
#endif
int shared = 5;
__thread int per_thread = 11;
static int constructed;
__attribute__((constructor)) static void construct(void) { constructed = 1; }
int number(void) { return 41 + constructed; }
int newer(void) { return 43; }
const char *library_name(void) { return NAME; }
