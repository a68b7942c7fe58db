// Package kv is the key-value storage of one tenant: small things that all its
// forks share and that updates of its program do not touch, within a bound in
// bytes that holds exactly.
//
// Nothing is evicted: what does not fit is refused. An entry may have a time to
// live; it is gone for everybody from that moment on, and its bytes are given
// back by a later write, by whoever needs the room, or by Sweep.
//
// A Store owns copies of what it is given and hands out copies. It starts no
// goroutine. The zero Store is empty, has room for nothing, and costs its own
// few words only: shards are made by the first write.
package kv
