/* Whether a call is the one that fails: inject.c. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

/* True if this call is the one: errno says why it failed. */
int strikes(const char *name, const int *errors);

#define FAILS(name, ...) strikes(name, (const int[]){ __VA_ARGS__, 0 })
#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))
