// Command trace plays sequences of requests to eviction policies and prints the
// share of requests that miss, for several sizes of cache. The policy of the
// store is the store's own code (internal/cache/evict); LRU and W-TinyLFU stand
// beside it. It decided which policy the store has, and is how to try another.
//
//	go run ./test/trace                      # all generated traces
//	go run ./test/trace -file requests.txt   # lines of "key size"
package main
