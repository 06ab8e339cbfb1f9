cpdef void start_round() noexcept
cpdef void end_round() noexcept
cpdef double now_seconds() noexcept
cpdef double monotonic() noexcept
cpdef long long monotonic_ns() noexcept
cpdef long long real_us() noexcept
