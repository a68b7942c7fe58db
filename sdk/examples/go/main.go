// Command prices answers /price/NAME in JSON, from a table that main reads once,
// keeps the answers for a minute, and lets every other request pass with a field
// that says who asked.
package main

import (
	"encoding/json"
	"fmt"
	"time"

	fishplate "fishplate.dev/sdk/go"
)

// list could be large: it is read before the first request, and is there in each.
const list = `{"apple": 120, "pear": 95}`

var (
	prices map[string]int
	bots   fishplate.Regex
)

func receive(r fishplate.Request) fishplate.Decision {
	if bots.Match(r.Get("User-Agent")) {
		return fishplate.Answer(fishplate.Text(403, "no robots\n"))
	}
	if first, err := r.PathSegment(0); err != nil || first != "price" {
		_ = r.Set("X-Asked-By", r.ClientAddr()) // refused only where it is not well-formed
		return fishplate.Continue()
	}
	_ = fishplate.CacheTTL(time.Minute)
	_ = fishplate.CacheTag("prices")
	return fishplate.Respond(true)
}

func respond(r fishplate.Request) fishplate.Response {
	name, err := r.PathSegment(1)
	if err != nil {
		return fishplate.Text(400, "whose price?\n")
	}
	cents, ok := prices[name]
	if !ok {
		return fishplate.Text(404, "there is no "+name+"\n")
	}
	asked, _ := fishplate.KVAdd("asked/"+name, 1, 0) // 0 without storage
	body, err := json.Marshal(map[string]any{"name": name, "cents": cents, "asked": asked})
	if err != nil {
		fishplate.Fail(err.Error())
	}
	return fishplate.Response{Status: 200, Type: "application/json", Body: body}
}

func main() {
	if err := json.Unmarshal([]byte(list), &prices); err != nil {
		panic(err)
	}
	bots = fishplate.Compile("(?i)bot|crawler")
	fmt.Println("prices of", len(prices), "things") // stands in the tenant's log
	fishplate.Program{
		Receive: receive,
		Respond: respond,
		Functions: map[string]func(string) (string, bool){
			"cents": func(name string) (string, bool) {
				cents, ok := prices[name]
				return fmt.Sprint(cents), ok
			},
		},
	}.Serve()
}
