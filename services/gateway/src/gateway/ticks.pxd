cpdef double monotonic() noexcept
cpdef long long monotonic_ns() noexcept
cpdef long long real_us() noexcept
