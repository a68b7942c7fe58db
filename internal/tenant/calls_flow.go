package tenant

import (
	"context"
	"slices"
	"strconv"

	"fishplate/internal/tenant/lines"
	"fishplate/internal/tenant/text"
)

// Bounds of what one request may strike out of the cache, and how.
const (
	maxStrikes = 16
	maxBan     = 1024 // bytes of an expression
	maxName    = 256  // bytes of the name of a backend or server
)

func flowCalls() []Call {
	return []Call{
		{513, "BAN", "a0 expression (NUL-terminated)", "a0 = 0", "-1: not well-formed, above 1,024 bytes, the 17th strike of the request, or no part of the cache", "10,000",
			"Bans objects of the tenant's own part of the cache by an expression of ours, or by Varnish's terms (`req.url ~ ^/img`, `obj.http.X == y`, `obj.status != 200`) joined by `&&`.", sysBan},
		{515, "PURGE", "", "a0 = number of objects", "-1: the 17th strike of the request, or no part of the cache", "10,000", "Removes what is stored for the request's URL from the tenant's own part of the cache.", sysPurge},
		{618, "BACKEND_COUNT", "", "a0 = number", "", "", "How many backends the tenant's block names.", sysBackendCount},
		{619, "BACKEND_STATE", "a0, a1 name, a2 destination, a3 size", "a0 = length", "DENIED: not one of the tenant's backends", "1000 and length", "Text like `2/3`: servers that take requests, and all.", sysBackendState},
		{620, "BACKEND_INDEX", "a0, a1 name", "a0 = place", "NONE: not one of the tenant's backends", "length", "The place of a backend in the tenant's block, as SET_BACKEND takes it.", sysBackendIndex},
		{621, "CHOOSE_BACKEND", "a0, a1 name", "a0 = 0", "DENIED: not one of the tenant's backends; STAGE: elsewhere", "length", "SET_BACKEND by name: in on_recv, on_hit, on_miss and on_backend_fetch.", sysChooseBackend},
		{622, "CHOOSE_SERVER", "a0, a1 backend, a2, a3 server", "a0 = 0", "DENIED: not one of the tenant's backends; NONE: no such server; FAILED: it takes no requests now; STAGE: elsewhere", "1000 and lengths", "Chooses a backend and the server of it that is asked first.", sysChooseServer},
		{673, "CACHE_PURGE_TAG", "a0, a1 tag, a2 1 = make stale", "a0 = number of objects", "INVALID: no tag; LIMIT: the 17th strike of the request; DENIED: no part of the cache", "10,000", "Removes what carries the tag from the tenant's own part of the cache.", sysPurgeTag},
	}
}

// name reads the name of a backend or server.
func (v *vm) name(at, n uint64) (string, error) {
	if n > maxName {
		return "", trapf("name of %d bytes exceeds %d", n, maxName)
	}
	b, err := v.buffer(at, n)
	v.m.Charge(n)
	return string(b), err
}

// backendIndex finds one of the tenant's backends by the name in a0 and a1; -1
// is none.
func (v *vm) backendIndex() (int, error) {
	name, err := v.name(v.arg(0), v.arg(1))
	if err != nil {
		return -1, err
	}
	return slices.Index(v.image.tenant.Backends, name), nil
}

func sysBackendCount(v *vm, _ *pacer) error {
	v.result(uint64(len(v.image.tenant.Backends)))
	return nil
}

func sysBackendIndex(v *vm, _ *pacer) error {
	i, err := v.backendIndex()
	if err != nil {
		return err
	}
	if i < 0 {
		v.code(errNone)
		return nil
	}
	v.result(uint64(i))
	return nil
}

func sysBackendState(v *vm, p *pacer) error {
	i, err := v.backendIndex()
	if err != nil {
		return err
	}
	if i < 0 {
		v.code(errDenied)
		return nil
	}
	v.m.Charge(1000)
	b, err := v.learn(p.ctx, learnBackends, func(context.Context) ([]byte, error) {
		up, all := 0, 0
		if v.steering != nil {
			up, all = v.steering.BackendState(v.image.tenant.Backends[i])
		}
		return strconv.AppendInt(append(strconv.AppendInt(nil, int64(up), 10), '/'), int64(all), 10), nil
	})
	if err != nil {
		return err
	}
	return v.give(b, v.arg(2), v.arg(3))
}

func sysChooseBackend(v *vm, _ *pacer) error {
	i, err := v.backendIndex()
	switch {
	case err != nil:
		return err
	case i < 0:
		v.code(errDenied)
	case !v.decides():
		v.code(errStage)
	default:
		v.decision.backend, v.decision.server = i, ""
		v.result(0)
	}
	return nil
}

func sysChooseServer(v *vm, p *pacer) error {
	i, err := v.backendIndex()
	if err != nil {
		return err
	}
	server, err := v.name(v.arg(2), v.arg(3))
	if err != nil {
		return err
	}
	v.m.Charge(1000)
	switch {
	case i < 0:
		v.code(errDenied)
		return nil
	case !v.decides():
		v.code(errStage)
		return nil
	}
	b, err := v.learn(p.ctx, learnBackends, func(context.Context) ([]byte, error) {
		up, known := false, false
		if v.steering != nil {
			up, known = v.steering.ServerState(v.image.tenant.Backends[i], server)
		}
		return []byte{truth(up), truth(known)}, nil
	})
	switch {
	case err != nil:
		return err
	case len(b) != 2 || b[1] == 0:
		v.code(errNone)
	case b[0] == 0:
		v.code(errFailed)
	default:
		v.decision.backend, v.decision.server = i, server
		v.result(0)
	}
	return nil
}

func truth(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// strike asks the world to strike objects, and returns their number, or one of
// the codes.
func (v *vm) strike(p *pacer, live func(context.Context, Steering) (int, bool)) (int64, error) {
	v.m.Charge(10_000)
	if v.strikes++; v.strikes > maxStrikes {
		return errLimit, nil
	}
	b, err := v.learn(p.ctx, learnPurge, func(ctx context.Context) ([]byte, error) {
		n, ok := int64(errDenied), false
		if v.steering != nil && v.stage != stageNamed {
			var objects int
			if objects, ok = live(ctx, v.steering); ok {
				n = int64(objects)
			}
		}
		return strconv.AppendInt(nil, n, 10), nil
	})
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return 0, trapf("kept answer %q", b)
	}
	return n, nil
}

func sysPurgeTag(v *vm, p *pacer) error {
	if v.arg(1) > maxTag {
		v.code(errInvalid)
		return nil
	}
	b, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	if !validTag(b) {
		v.code(errInvalid)
		return nil
	}
	tag, soft := slices.Clone(b), v.arg(2) == 1
	n, err := v.strike(p, func(ctx context.Context, s Steering) (int, bool) { return s.PurgeTag(ctx, tag, soft) })
	v.code(n)
	return err
}

func sysPurge(v *vm, p *pacer) error {
	req := v.req.Request()
	if req == nil {
		v.result32(lines.Invalid)
		return nil
	}
	n, err := v.strike(p, func(ctx context.Context, s Steering) (int, bool) { return s.PurgeURL(ctx, req) })
	v.code(max(n, -1)) // older than the codes
	return err
}

func sysBan(v *vm, p *pacer) error {
	written, err := v.cstring(v.arg(0))
	if err != nil {
		return err
	}
	expression, err := text.Ban(written)
	if err != nil || len(written) > maxBan {
		v.logf("ban %q is refused: %v", clip([]byte(written)), err)
		v.result32(lines.Invalid)
		return nil
	}
	n, err := v.strike(p, func(_ context.Context, s Steering) (int, bool) {
		if err := s.Ban(expression); err != nil {
			v.logf("ban %q is refused: %v", clip([]byte(written)), err)
			return 0, false
		}
		return 0, true
	})
	v.code(max(n, -1))
	return err
}
