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


cdef double _round_seconds = 0.0


cpdef void start_round() noexcept:
    global _round_seconds
    _round_seconds = ticks_ns(CLOCK_MONOTONIC) * 1e-9


cpdef void end_round() noexcept:
    global _round_seconds
    _round_seconds = 0.0


cpdef double now_seconds() noexcept:
    return _round_seconds if _round_seconds else ticks_ns(CLOCK_MONOTONIC) * 1e-9


cpdef double monotonic() noexcept:
    return ticks_ns(CLOCK_MONOTONIC) * 1e-9


cpdef long long monotonic_ns() noexcept:
    return ticks_ns(CLOCK_MONOTONIC)


cpdef long long real_us() noexcept:
    return ticks_ns(CLOCK_REALTIME) // 1000
