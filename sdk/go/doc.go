// Package fishplate is what a tenant's program in Go is made with.
//
//	func main() {
//		fishplate.Serve(func(r fishplate.Request) fishplate.Response {
//			return fishplate.Text(200, "Hello from "+r.URL())
//		})
//	}
//
// Build it with GOOS=linux GOARCH=riscv64 CGO_ENABLED=0. Serve takes a picture
// of the program, and every request is answered by a copy of it that lives for
// that request only: what is written to variables is gone afterwards, and what
// main prepared is there each time at no cost.
//
// Goroutines, timers and channels work on one processor. A copy ends with its
// request: what other goroutines still want to do then is not done. There are
// no files and no sockets. The collector is off until memory gets short, since
// a copy seldom lives long enough to need it.
package fishplate
