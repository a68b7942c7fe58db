package schema

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "1d": 24 * time.Hour, "1h30m": 90 * time.Minute, "0": 0, "0.5s": 500 * time.Millisecond, "3us": 3000,
	} {
		if got, err := Duration(text); got != want || err != nil {
			t.Errorf("Duration(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "s", "10", "-1s", "1x", "1s ", "1 s", "1e9s", "99999999999d", "1.1.1s"} {
		if got, err := Duration(text); err == nil {
			t.Errorf("Duration(%q) = %v", text, got)
		}
	}
	for text, want := range map[string]int64{"64MiB": 64 << 20, "500kB": 500_000, "1B": 1, "0": 0, "1.5KiB": 1536} {
		if got, err := Size(text); got != want || err != nil {
			t.Errorf("Size(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "64", "64M", "MiB", "-1B", "99999999TiB"} {
		if got, err := Size(text); err == nil {
			t.Errorf("Size(%q) = %v", text, got)
		}
	}
	for text, want := range map[string]float64{"100/s": 100, "30/m": 0.5, "3600/h": 1} {
		if got, err := Rate(text); got != want || err != nil {
			t.Errorf("Rate(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "100", "/s", "100/x", "-1/s", "1e3/s", "NaN/s"} {
		if got, err := Rate(text); err == nil {
			t.Errorf("Rate(%q) = %v", text, got)
		}
	}
	for _, text := range []string{"", "10", "%", "-1%", "Inf%", "NaN%"} {
		if got, err := Percent(text); err == nil {
			t.Errorf("Percent(%q) = %v", text, got)
		}
	}
}

func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "duration"))
		if got, err := Duration(FormatDuration(d)); got != d || err != nil {
			t.Errorf("%d: %q: %v, %v", d, FormatDuration(d), got, err)
		}
		n := rapid.Int64Range(0, 1<<50).Draw(t, "size")
		if got, err := Size(FormatSize(n)); got != n || err != nil {
			t.Errorf("%d: %q: %v, %v", n, FormatSize(n), got, err)
		}
	})
}

func TestNearest(t *testing.T) {
	words := []string{"backend", "balance", "server", "servers"}
	for word, want := range map[string]string{"bakcend": "backend", "balnce": "balance", "srv": "", "severs": "servers", "zebra": "", "Backend": "backend"} {
		if got := nearest(word, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
