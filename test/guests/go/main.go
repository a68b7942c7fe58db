// Command guest is a tenant in Go that tests look at: goroutines, timers, the
// collector, JSON and the messages.
package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	fishplate "fishplate.dev/sdk/go"
)

var table = map[string]int{"answer": 42}
var served int

// workers sums in goroutines that wait for each other and for time.
func workers() int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := 0
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			mu.Lock()
			sum += i
			mu.Unlock()
		}()
	}
	wg.Wait()
	select {
	case <-make(chan int):
	case <-time.After(time.Hour):
		sum += 1000
	}
	return sum
}

// garbage makes far more of it than fits in memory.
func garbage() uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	keep := [4][]byte{}
	for i := range 3000 {
		keep[i%4] = make([]byte, 100_000)
		keep[i%4][i] = 1
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

func receive(r fishplate.Request) fishplate.Decision {
	served++
	switch path, _, _ := strings.Cut(r.URL(), "?"); path {
	case "/empty":
		return fishplate.Continue()
	case "/pass":
		r.Set("X-Go", "passed "+r.Argument)
		return fishplate.Pass()
	case "/teapot":
		return fishplate.Answer(fishplate.Text(418, fmt.Sprintf("served %d", served)))
	case "/loop":
		for {
		}
	case "/panic":
		panic("on purpose")
	}
	return fishplate.Respond(false)
}

type order struct {
	Name  string
	Items []int
}

func respond(r fishplate.Request) fishplate.Response {
	switch r.URL() {
	case "/workers":
		return fishplate.Text(200, fmt.Sprint(workers()))
	case "/garbage":
		return fishplate.Text(200, fmt.Sprint(garbage() > 3))
	case "/json":
		var o order
		if err := json.Unmarshal(r.Body, &o); err != nil {
			return fishplate.Text(400, err.Error())
		}
		sum := 0
		for _, n := range o.Items {
			sum += n
		}
		b, _ := json.Marshal(map[string]any{"name": o.Name, "sum": sum, "answer": table["answer"]})
		return fishplate.Response{Status: 200, Type: "application/json", Body: b, Header: map[string]string{"X-Go": "json"}}
	}
	return fishplate.Text(200, "Hello from Go: "+r.Method()+" "+r.URL())
}

func main() {
	fishplate.Log(fmt.Sprintf("go starts, sum %d", workers()))
	fishplate.Program{
		Receive: receive,
		Respond: respond,
		Functions: map[string]func(string) (string, bool){
			"upper": func(s string) (string, bool) { return strings.ToUpper(s), true },
			"none":  func(string) (string, bool) { return "", false },
		},
		Deliver: func(r fishplate.Request, a fishplate.Reply) {
			a.Add("X-Delivered", fmt.Sprint(a.Status(), " ", served))
		},
	}.Serve()
}
