from gateway.domain.credential cimport is_live_client

cpdef object refuse_unauthenticated(str name, long long api_number, long long application_number=*)
cpdef object decide_lifecycle(object api)
cpdef object decide_token(object claims, object credential, object api)
cpdef object refuse_environment(object credential, object api)
cpdef object refuse_access(object problem, object api, object credential)
cpdef object decide_access(object access, object now)
cpdef bint is_young(object claims, object real_now) except -1
