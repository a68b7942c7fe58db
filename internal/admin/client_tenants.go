package admin

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"fishplate/internal/tenant"
)

// Tenants lists every tenant.
func (c *Client) Tenants(ctx context.Context) (list []tenant.Status, err error) {
	return list, c.call(ctx, "GET", "/v1/tenants", nil, &list)
}

// Tenant asks for one tenant.
func (c *Client) Tenant(ctx context.Context, name string) (v TenantView, err error) {
	return v, c.call(ctx, "GET", tenantPath(name, ""), nil, &v)
}

// TenantVersions lists the programs that are kept of a tenant, the newest first.
func (c *Client) TenantVersions(ctx context.Context, name string) (list []tenant.Version, err error) {
	return list, c.call(ctx, "GET", tenantPath(name, "/versions"), nil, &list)
}

// GiveOptions go with a program for a tenant.
type GiveOptions struct {
	Comment   string
	Signature []byte // 64 bytes or base64 of them; may be empty
	Match     uint64 // the generation that must run; 0 is any
}

func (o *GiveOptions) fields() http.Header {
	h := signed(o.Signature)
	if o.Match != 0 {
		h.Set("If-Match", strconv.Quote(strconv.FormatUint(o.Match, 10)))
	}
	return h
}

// UpdateTenant gives a tenant the program elf.
func (c *Client) UpdateTenant(ctx context.Context, name string, elf []byte, o GiveOptions) (v Gave, err error) {
	path := tenantPath(name, "/program") + "?" + url.Values{"comment": {o.Comment}}.Encode()
	return v, c.send(ctx, path, elf, o.fields(), &v)
}

// signed is the field of a signature. Bytes of any value do not fit into one.
func signed(signature []byte) http.Header {
	text := string(bytes.TrimSpace(signature))
	if len(signature) == ed25519.SignatureSize {
		text = base64.StdEncoding.EncodeToString(signature)
	}
	return http.Header{signatureField: {text}}
}

// RollbackTenant makes an earlier program current; 0 is the one before.
func (c *Client) RollbackTenant(ctx context.Context, name string, version int, o GiveOptions) (v Gave, err error) {
	return v, c.judged(ctx, "POST", tenantPath(name, "/rollback"), map[string]any{"version": version, "comment": o.Comment}, o.fields(), &v)
}

// TenantShadow asks for the report on a tenant's candidate.
func (c *Client) TenantShadow(ctx context.Context, name string) (r tenant.ShadowReport, err error) {
	return r, c.call(ctx, "GET", tenantPath(name, "/shadow"), nil, &r)
}

// TryTenant makes elf a tenant's candidate for a share of its requests. The
// signature may be empty.
func (c *Client) TryTenant(ctx context.Context, name, program string, elf, signature []byte, share float64) (r tenant.ShadowReport, err error) {
	q := url.Values{"program": {program}, "share": {strconv.FormatFloat(share, 'g', -1, 64)}}
	return r, c.send(ctx, tenantPath(name, "/shadow")+"?"+q.Encode(), elf, signed(signature), &r)
}

// EndTrial takes a tenant's candidate away.
func (c *Client) EndTrial(ctx context.Context, name string) (r tenant.ShadowReport, err error) {
	return r, c.call(ctx, "DELETE", tenantPath(name, "/shadow"), nil, &r)
}

func tenantPath(name, what string) string { return "/v1/tenants/" + url.PathEscape(name) + what }

// judged is call where 422 is an error like others.
func (c *Client) judged(ctx context.Context, method, path string, body any, fields http.Header, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode question: %w", err)
	}
	return c.receive(ctx, method, path, encoded, fields, into)
}

// unasked is how many bytes are sent without asking first whether they are wanted.
const unasked = 64 << 10

// send posts a program.
func (c *Client) send(ctx context.Context, path string, body []byte, fields http.Header, into any) error {
	if len(body) > unasked { // else a refusal is lost under what is still written
		fields.Set("Expect", "100-continue")
	}
	return c.receive(ctx, "POST", path, body, fields, into)
}

func (c *Client) receive(ctx context.Context, method, path string, body []byte, fields http.Header, into any) error {
	resp, err := c.doWith(ctx, method, path, bytes.NewReader(body), fields)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return apiError(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read answer of %s: %w", path, err)
	}
	return nil
}
