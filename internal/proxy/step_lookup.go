package proxy

// stepLookup asks the cache. There is no store in this build, so every request
// is a miss and goes on to fetch; a cache block is reported by check.
func stepLookup(*exchange) step { return fetch }
