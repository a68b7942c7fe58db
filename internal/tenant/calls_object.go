package tenant

func objectCalls() []Call {
	return []Call{
		{670, "CACHE_GET", "a0, a1 key; a2, a3 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: a key that is empty or above 1 KiB; FP_E_FAILED: no cache", "2000 and length", "A value that CACHE_PUT stored and that is fresh, or within its grace.", sysCacheGet},
		{671, "CACHE_PUT", "a0 record {key, length, value, length, ttl, grace, tags, length}", "a0 = 0", "FP_E_INVALID: key or tags; FP_E_LIMIT: a value above 1 MiB; FP_E_FAILED: not stored", "4000 and 2·length", "Stores a value. Tags are separated by spaces.", sysCachePut},
		{672, "CACHE_DELETE", "a0, a1 key", "a0 = 0", "as CACHE_GET", "2000", "Removes a value.", sysCacheDelete},
	}
}
