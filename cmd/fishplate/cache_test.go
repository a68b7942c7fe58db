package main

import (
	"bytes"
	"testing"
	"time"

	"fishplate/internal/admin"
)

func TestPurgeText(t *testing.T) {
	for want, in := range map[string]struct {
		q admin.PurgeRequest
		r admin.PurgeResult
	}{
		"1 object removed in 250µs":    {admin.PurgeRequest{Host: "h"}, admin.PurgeResult{Purged: 1, Took: 250 * time.Microsecond}},
		"0 objects made stale in 1.5s": {admin.PurgeRequest{Tags: []string{"t"}, Soft: true}, admin.PurgeResult{Took: 1500 * time.Millisecond}},
		"in force, with 1 ban in the list: objects for which it is true are made stale when they are asked for, or in the background": {admin.PurgeRequest{Ban: "true", Soft: true}, admin.PurgeResult{Bans: 1}},
		"in force, with 2 bans in the list: objects for which it is true are removed when they are asked for, or in the background":   {admin.PurgeRequest{Ban: "true"}, admin.PurgeResult{Bans: 2}},
	} {
		if got := purgeText(in.q, in.r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPurgeUsage refuses what names not one thing before anybody is called.
func TestPurgeUsage(t *testing.T) {
	for _, args := range [][]string{
		{"purge"}, {"purge", "http://a/", "--tag", "b"}, {"purge", "--host", "a", "--ban", "true"}, {"purge", "shop.example/"},
		{"purge", "--prefix", "/img"}, {"cache", "ls", "-n", "0"}, {"cache", "top", "-n", "1001"}, {"cache", "show"},
		{"cache", "show", "http://a/", "-H", "x"}, {"cache", "lst"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &out); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, out.String())
		}
	}
}
