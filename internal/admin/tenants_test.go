package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

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
	s, _, _ := open(t, Options{Control: &fake{}, Tenants: set})
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
		s.uploads.mu.Lock()
		begun = s.uploads.n["a"] == 1
		s.uploads.mu.Unlock()
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
