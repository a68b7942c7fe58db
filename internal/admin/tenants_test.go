package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"fishplate/internal/admin/grant"
	"fishplate/internal/control"
	"fishplate/internal/model"
	"fishplate/internal/tenant"
)

// TestUploadsOneAtATime: the programs that a token's bearer sends at once would
// all lie in memory. The second is refused while the first is on its way, and
// another tenant's is not.
func TestUploadsOneAtATime(t *testing.T) {
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	defer set.Close()
	var models []*model.Tenant
	for _, name := range []string{"a", "b"} {
		sum := sha256.Sum256([]byte("token of " + name))
		models = append(models, &model.Tenant{
			Name: name, Program: "../../sdk/examples/hello.elf", Tokens: []model.Token{{Name: "t", Hash: hex.EncodeToString(sum[:])}},
		})
	}
	u, errs := set.Prepare(t.Context(), models)
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	elf, err := os.ReadFile(models[0].Program)
	if err != nil {
		t.Fatal(err)
	}
	s, _, _ := open(t, Options{Control: &fake{}, Tenants: set, Programs: takes{}})
	_, bind := s.Addresses()
	defer http.DefaultClient.CloseIdleConnections()
	send := func(name string, body io.Reader, size int) (int, error) {
		req, err := http.NewRequest("POST", "http://"+bind+"/v1/tenants/"+name+"/program", body)
		if err != nil {
			return 0, err
		}
		req.ContentLength = int64(size)
		req.Header.Set("Authorization", "Bearer token of "+name)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, resp.Body.Close()
	}
	slow, rest := io.Pipe()
	first := make(chan int, 1)
	go func() {
		status, err := send("a", slow, len(elf))
		if err != nil {
			t.Error(err)
		}
		first <- status
	}()
	if _, err := rest.Write(elf[:1]); err != nil { // it is read: the request is on its way
		t.Fatal(err)
	}
	for begun := false; !begun && t.Context().Err() == nil; {
		begun = s.uploads.UnderWay("a") == 1
	}
	if status, err := send("a", strings.NewReader(string(elf)), len(elf)); status != http.StatusTooManyRequests || err != nil {
		t.Errorf("a second program: %d, %v", status, err)
	}
	if status, err := send("b", strings.NewReader(string(elf)), len(elf)); status != 200 || err != nil {
		t.Errorf("another tenant's: %d, %v", status, err)
	}
	if _, err := rest.Write(elf[1:]); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if status := <-first; status != 200 {
		t.Errorf("the first: %d", status)
	}
	if status, err := send("a", strings.NewReader(string(elf)), len(elf)); status != 200 || err != nil {
		t.Errorf("the next: %d, %v", status, err)
	}
}

// takes is Programs that makes no change, or refuses each.
type takes struct{ refused *Refused }

func (p takes) Update(_ context.Context, name string, elf []byte, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error) {
	if o.May != nil {
		if err := o.May(); err != nil {
			return tenant.Version{}, 0, &Refused{Result: control.Result{Plan: control.Plan{Errors: []control.Problem{{Summary: err.Error()}}}}}
		}
	}
	if p.refused != nil {
		p.refused.Match = a.Match
		return tenant.Version{}, 0, fmt.Errorf("update guest %q: %w", name, p.refused)
	}
	return tenant.Version{Number: 2, Size: len(elf), Author: o.Author, Comment: o.Comment}, 7, nil
}

func (p takes) Rollback(ctx context.Context, name string, _ int, o tenant.UpdateOptions, a control.ApplyOptions) (tenant.Version, uint64, error) {
	return p.Update(ctx, name, nil, o, a)
}

// TestProgramsAreChanges: an update is refused as other changes are, and says why.
func TestProgramsAreChanges(t *testing.T) {
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	defer set.Close()
	u, errs := set.Prepare(t.Context(), []*model.Tenant{{Name: "a", Program: "../../sdk/examples/hello.elf"}})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	for _, tt := range []struct {
		name   string
		result *control.Result
		match  uint64
		status int
	}{
		{"made", nil, 0, 200},
		{"another change", &control.Result{Busy: true, Plan: control.Plan{Generation: 3, Errors: []control.Problem{{Summary: "change 3 is tried"}}}}, 0, 409},
		{"another generation", &control.Result{Plan: control.Plan{Generation: 3, Errors: []control.Problem{{Summary: "generation 3 runs"}}}}, 2, 412},
		{"a bad program", &control.Result{Plan: control.Plan{Generation: 3, Errors: []control.Problem{{Summary: "no program"}}}}, 3, 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := takes{}
			if tt.result != nil {
				p.refused = &Refused{Result: *tt.result}
			}
			_, c, _ := open(t, Options{Control: &fake{}, Tenants: set, Programs: p})
			o := GiveOptions{Comment: "why", Match: tt.match}
			v, err := c.UpdateTenant(t.Context(), "a", []byte("elf"), o)
			_, again := c.RollbackTenant(t.Context(), "a", 0, o)
			if tt.status == 200 {
				if err != nil || again != nil || v.Change != 7 || v.Number != 2 || v.Comment != "why" || v.Size != 3 {
					t.Errorf("%+v, %v, %v", v, err, again)
				}
				return
			}
			for _, err := range []error{err, again} {
				api, ok := errors.AsType[*APIError](err)
				if !ok || api.Status != tt.status || !strings.Contains(api.Message, tt.result.Errors[0].Summary) {
					t.Errorf("%v", err)
				}
			}
		})
	}
	_, c, _ := open(t, Options{Control: &fake{}, Tenants: set})
	if _, err := c.UpdateTenant(t.Context(), "a", []byte("elf"), GiveOptions{}); err == nil || !strings.Contains(err.Error(), "unsupported") {
		t.Errorf("where nothing gives programs: %v", err)
	}
}

// TestTooLarge: whoever sends a program that is too large reads why, also when it is
// refused before it has come.
func TestTooLarge(t *testing.T) {
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	defer set.Close()
	u, errs := set.Prepare(t.Context(), []*model.Tenant{{Name: "a", Program: "../../sdk/examples/hello.elf", Update: model.UpdateLimit{Size: 1 << 20}}})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	_, c, _ := open(t, Options{Control: &fake{}, Tenants: set, Programs: takes{}})
	for range 20 {
		_, err := c.UpdateTenant(t.Context(), "a", make([]byte, 16<<20), GiveOptions{})
		if api, ok := errors.AsType[*APIError](err); !ok || api.Status != 413 {
			t.Fatal(err)
		}
	}
	if v, err := c.UpdateTenant(t.Context(), "a", make([]byte, 1<<20), GiveOptions{}); err != nil || v.Size != 1<<20 {
		t.Errorf("one that is not: %+v, %v", v, err)
	}
}

// TestTooLargeUnasked: a client that sends all of a body before it reads gets the
// answer that refused it, and no reset.
func TestTooLargeUnasked(t *testing.T) {
	set := tenant.NewSet(tenant.Options{Logger: slog.New(slog.DiscardHandler), Permits: 1})
	defer set.Close()
	u, errs := set.Prepare(t.Context(), []*model.Tenant{{Name: "a", Program: "../../sdk/examples/hello.elf", Update: model.UpdateLimit{Size: 1 << 20}}})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	_, _, socket := open(t, Options{Control: &fake{}, Tenants: set, Programs: takes{}})
	for path, want := range map[string]string{"/v1/tenants/a/program": "at most 1048576", "/v1/apply": "1048576 bytes at most"} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := bytes.Repeat([]byte(" "), 16<<20)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", path, len(body))
		if _, err := conn.Write(body); err != nil {
			t.Fatalf("%s: the body was not taken: %v", path, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		said, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 413 || !strings.Contains(string(said), want) {
			t.Errorf("%s: %d %s, %v", path, resp.StatusCode, said, err)
		}
	}
}

// TestRefusedUnread: a refusal that wants nothing of the body does not wait for it.
func TestRefusedUnread(t *testing.T) {
	_, _, socket := open(t, Options{Control: &fake{trouble: control.ErrSettled}})
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(conn, "POST /v1/confirm HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 409 {
		t.Error(resp.Status)
	}
}

// TestDiscreet: who holds a token reads what is wrong, but no name of the operator's files.
func TestDiscreet(t *testing.T) {
	refused := &Refused{Match: 2, Result: control.Result{Plan: control.Plan{Generation: 3, Errors: []control.Problem{{
		File: "/etc/fp/site.hcl", Line: 24, Column: 8, Text: "/etc/fp/site.hcl:24:8: …", Suggestion: "see /etc/fp",
		Summary: `tenant "a": warm-up GET /ready answered 500, as at /etc/fp/site.hcl:31`, Detail: "open /srv/b.pem: no such file",
	}}}}}
	r := httptest.NewRequest("POST", "/", nil)
	if err := discreet(r, refused); err != refused {
		t.Errorf("the operator reads %v", err)
	}
	err := discreet(r.WithContext(grant.With(r.Context(), &grant.Grant{Token: "deploy"})), fmt.Errorf("update: %w", refused))
	if want := `tenant "a": warm-up GET /ready answered 500, as there: open …: no such file`; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if !errors.Is(err, errMatch) {
		t.Error("it is not what it was")
	}
}
