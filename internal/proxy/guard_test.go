package proxy

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// TestPanicOfAGuestCall: a defect of the machine ends one request, and is told.
func TestPanicOfAGuestCall(t *testing.T) {
	var log bytes.Buffer
	srv := &Server{logger: slog.New(slog.NewTextHandler(&log, nil)), process: metrics.Process.New()}
	x := &exchange{srv: srv, s: &session{}}
	x.rec.Tenant = "shop"
	f := x.guarding("on_recv", func() *message.Fault { panic("out of order") })
	if f == nil || f.Cause != "guest-panic" || f.Status != 503 || f.Side != message.SideSelf {
		t.Error(f)
	}
	if n := srv.process.Value(metrics.ProcessPanics); n != 1 || !strings.Contains(log.String(), "out of order") || !strings.Contains(log.String(), "tenant=shop") {
		t.Errorf("counted %d times: %s", n, log.String())
	}
	if f := x.guarding("on_recv", func() *message.Fault { return nil }); f != nil {
		t.Error(f)
	}
}
