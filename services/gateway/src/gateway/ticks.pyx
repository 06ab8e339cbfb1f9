"""What ticks.py does, in C."""

cdef extern from *:
    """
    #include <time.h>
    static long long ticks_ns(int clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return now.tv_sec * 1000000000LL + now.tv_nsec;
    }
    """
    long long ticks_ns(int)
    int CLOCK_MONOTONIC, CLOCK_REALTIME


cpdef double monotonic() noexcept:
    return ticks_ns(CLOCK_MONOTONIC) * 1e-9


cpdef long long monotonic_ns() noexcept:
    return ticks_ns(CLOCK_MONOTONIC)


cpdef long long real_us() noexcept:
    return ticks_ns(CLOCK_REALTIME) // 1000
