package config

import (
	"testing"
	"testing/fstest"
)

// TestRatioForms: the name alone, the call alone and the pipeline, all in one
// form afterwards.
func TestRatioForms(t *testing.T) {
	for written, want := range map[string]string{
		`"ratio"`:            "ratio",
		`ratio("static")`:    "ratio",
		`ratio("p90")`:       `ratio("p90")`,
		`[ratio("p90")]`:     `ratio("p90")`,
		`[ratio("predict")]`: `ratio("predict", "average", "past=30s", "rate=20", "ahead=15s")`,
		`[take(2), ratio("predict", "ahead=2s", "p50")]`: `take(2) | ratio("predict", "p50", "past=30s", "rate=20", "ahead=2s")`,
	} {
		cfg, diags := Load(Options{Path: "a.hcl", FS: fstest.MapFS{"a.hcl": {Data: []byte(`
listener "web" { bind = [":8080"] }
backend "app" {
  servers = ["127.0.0.1:9000"]
  balance = ` + written + `
}
vhost "any" { backend = "app" }
`)}}})
		if diags.HasErrors() {
			t.Errorf("%s: %v", written, diags)
			continue
		}
		if got := cfg.Backends[0].Balance.Text; got != want {
			t.Errorf("%s is %s, want %s", written, got, want)
		}
	}
}
