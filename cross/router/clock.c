/* Sets the clock of the emulated router to 2040. Debian's busybox for MIPS cannot: its time has 32 bits. */
#include <time.h>

int main(void)
{
    struct timespec noon = { .tv_sec = 2208988800 + 12 * 3600 };

    return clock_settime(CLOCK_REALTIME, &noon) != 0;
}
