package proxy

// stepStore would tee the answer into the cache. There is no store in this
// build, so the answer goes on to respond as it is.
func stepStore(*exchange) step { return respond }
