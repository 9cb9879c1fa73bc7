/* The subject's work: everything that a moved table could break, in one line of output. */
#include <stdio.h>
#include <stdlib.h>
#include <unwind.h>

extern int shared;
extern __thread int per_thread;
int number(void);
int newer(void);
const char *library_name(void);
int maybe_spare(void);
#ifdef LARGE
int touch(void);
#else
static int touch(void) { return 3; }
#endif

#ifndef WORK
#define WORK work
#endif

static __thread int local = 3;
static __thread char zeros[40];
static const char *const names[] = {"relocated", "else"};
static int constructed;
static int callbacks;
__attribute__((constructor)) static void construct(void) { constructed = number() > 40 ? 42 : 0; }

static int compare(const void *a, const void *b) {
  ++callbacks;
  return *(const int *)a - *(const int *)b;
}

/* Frames above this one show that the unwind tables are found (through dl_iterate_phdr). */
static _Unwind_Reason_Code count(struct _Unwind_Context *context, void *frames) {
  (void)context;
  ++*(int *)frames;
  return *(int *)frames < 100 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

int WORK(int argc) {
  int frames = 0;
  int values[] = {3, 1, 2};
  qsort(values, 3, sizeof *values, compare);
  _Unwind_Backtrace(count, &frames);
  printf("%d %d %d %d %d %s %d %d unwinds:%d %s spare:%d touch:%d\n", number(), newer(), shared,
         per_thread, local + zeros[argc], names[argc - 1], constructed, values[0] + (callbacks > 0),
         frames > 1, library_name(), maybe_spare(), touch());
  fflush(stdout);
  return 0;
}
