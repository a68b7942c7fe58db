package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"fishplate/internal/tenant"
)

// maxRecording bounds the file of a recording: the program and the ring.
const maxRecording = 1 << 30

// TenantRecords lists what is kept of a tenant's calls.
func (c *Client) TenantRecords(ctx context.Context, name string) (list []tenant.RecordInfo, err error) {
	return list, c.call(ctx, "GET", tenantPath(name, "/records"), nil, &list)
}

// TenantRecord returns the recording of a request, as a file has it.
func (c *Client) TenantRecord(ctx context.Context, name, id string) ([]byte, error) {
	return c.bytes(ctx, tenantPath(name, "/records/"+url.PathEscape(id)))
}

// TenantProfile has a tenant's instructions counted for d, and returns the counts
// for pprof.
func (c *Client) TenantProfile(ctx context.Context, name string, d time.Duration) ([]byte, error) {
	return c.bytes(ctx, tenantPath(name, "/profile?for="+d.String()))
}

func (c *Client) bytes(ctx context.Context, path string) ([]byte, error) {
	resp, err := c.do(ctx, "GET", path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxRecording))
	if err != nil {
		return nil, fmt.Errorf("read answer of %s: %w", path, err)
	}
	return b, nil
}

// TenantLogs calls line with the last n lines of a tenant's log, and with follow
// with those that come, until ctx ends or line fails.
func (c *Client) TenantLogs(ctx context.Context, name string, follow bool, n int, line func(tenant.Line) error) error {
	q := url.Values{"lines": {strconv.Itoa(n)}}
	if follow {
		q.Set("follow", "1")
	}
	return c.stream(ctx, tenantPath(name, "/logs?"+q.Encode()), func(_ string, data []byte) error {
		var l tenant.Line
		if err := json.Unmarshal(data, &l); err != nil {
			return fmt.Errorf("read line of the log: %w", err)
		}
		return line(l)
	})
}

// TenantGDB waits until a request of the tenant is chosen, and returns the
// connection on which its program speaks gdb's remote protocol.
func (c *Client) TenantGDB(ctx context.Context, name string, o tenant.AttachOptions) (io.ReadWriteCloser, error) {
	q := url.Values{}
	for key, value := range map[string]string{"where": o.Where, "entry": o.Entry} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if o.Wait > 0 {
		q.Set("wait", o.Wait.String())
	}
	path := tenantPath(name, "/gdb?"+q.Encode())
	resp, err := c.doWith(ctx, "POST", path, nil, http.Header{"Connection": {"Upgrade"}, "Upgrade": {gdbProtocol}})
	if err != nil {
		return nil, err
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		_ = resp.Body.Close()
		return nil, &APIError{resp.StatusCode, "the server does not switch to the debugger's protocol", nil}
	}
	return conn, nil
}
