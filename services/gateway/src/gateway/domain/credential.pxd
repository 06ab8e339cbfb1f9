cpdef bytes bearer_token(bytes authorization)
cpdef object api_key(bytes shown)
cpdef bint is_live_client(object credential, long long generation) except -1
