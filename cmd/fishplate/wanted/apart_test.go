package wanted

import (
	"fmt"
	"strings"
	"testing"

	"fishplate/internal/model"
)

func TestApart(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		one   bool // is refused with one shard
		many  bool // and with several
		words string
	}{
		{":80", "127.0.0.2:80", true, false, `address "127.0.0.2:80" overlaps ":80" of listener`},
		{":80", "[::1]:80", true, false, `address "[::1]:80" overlaps ":80" of listener`},
		{"0.0.0.0:80", "127.0.0.2:80", true, false, "overlaps"},
		{"0.0.0.0:80", ":80", true, false, "overlaps"},
		{"[::]:80", ":80", true, true, "is that of listener"},
		{"[::1]:80", "[0:0::1]:80", true, true, "is that of listener"},
		{"127.0.0.1:80", "[::ffff:127.0.0.1]:80", true, true, "is that of listener"},
		{"0.0.0.0:80", "[::1]:80", false, false, ""},
		{"127.0.0.1:80", "127.0.0.2:80", false, false, ""},
		{":80", "127.0.0.2:81", false, false, ""},
		{":0", "127.0.0.2:0", false, false, ""},
		{":80", "localhost:80", false, false, ""},
		{"unix:/a", "fd:web", false, false, ""},
	} {
		for _, turned := range []bool{false, true} {
			a, b := c.a, c.b
			if turned {
				a, b = b, a
			}
			for _, shards := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}} {
				list := Apart(&model.Config{Listeners: []*model.Listener{
					{Name: "a", Bind: []string{a}, Accept: model.Accept{Shards: shards[0]}},
					{Name: "b", Bind: []string{b}, Accept: model.Accept{Shards: shards[1]}},
				}})
				want := c.one
				if shards == [2]int{2, 2} {
					want = c.many
				}
				if (len(list) == 1) != want || len(list) > 1 {
					t.Errorf("%q, %q with %d shards: %v", a, b, shards, list)
				}
				if want && !strings.Contains(fmt.Sprint(list), c.words) && !turned {
					t.Errorf("%q, %q: %v, want %q", a, b, list, c.words)
				}
			}
		}
	}
}
