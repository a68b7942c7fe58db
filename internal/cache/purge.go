package cache

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"

	"github.com/zeebo/xxh3"
)

// A Purge says what is to go. URLs are purged by PurgeURL, since a policy is
// needed to know their keys.
type Purge struct {
	Tags      []string
	Prefix    string // "http://host/path", or without the scheme for all
	Host      string
	Ban       string // an expression of package bans
	Soft      bool   // make stale instead of removing
	Partition string // only there; "" = everywhere
}

// Purged is what a purge did.
type Purged struct {
	Objects int // removed or made stale, on disk too
	Bans    int // put into lists
	Took    time.Duration
}

// A strike is one purge of one store.
type strike struct {
	s    *Store
	only *store.Partition // nil: all
	soft bool
	now  int64
}

// Purge removes what the request says from all stores, and returns when no later
// look-up finds it.
func (c *Caches) Purge(ctx context.Context, r Purge) (Purged, error) {
	var ban *bans.Expression
	if r.Ban != "" {
		var err error
		if ban, err = bans.Compile(r.Ban); err != nil {
			return Purged{}, err
		}
	}
	var done Purged
	begin := time.Now()
	for _, s := range c.all() {
		k := strike{s: s, soft: r.Soft, now: c.clock().UnixNano()}
		if r.Partition != "" {
			if k.only = s.partition(r.Partition); k.only == nil {
				continue
			}
		}
		for _, tag := range r.Tags {
			n, err := k.tag(ctx, []byte(tag))
			done.Objects += n
			if err != nil {
				return done, err
			}
		}
		if r.Prefix != "" {
			n, err := k.prefix(ctx, []byte(r.Prefix))
			done.Objects += n
			if err != nil {
				return done, err
			}
		}
		if r.Host != "" {
			n, err := k.host(ctx, []byte(strings.ToLower(r.Host)))
			done.Objects += n
			if err != nil {
				return done, err
			}
		}
		if ban != nil {
			if err := k.ban(ban, r.Partition); err != nil {
				return done, fmt.Errorf("ban in cache %q: %w", s.name, err)
			}
			done.Bans++
		}
	}
	done.Took = time.Since(begin)
	return done, nil
}

// partition returns the partition of that name, nil when nothing ever was in it.
func (s *Store) partition(name string) *store.Partition {
	for _, p := range s.memory.Partitions() {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

// where names the partition for the disk.
func (k *strike) where() string {
	if k.only == nil {
		return "*"
	}
	return k.only.Name()
}

func (k *strike) mine(o *store.Object) bool { return k.only == nil || o.PartitionID() == k.only.ID() }

// An aim is one thing that a strike means, in both tiers.
type aim struct {
	memory func() int // strikes it there, and returns how many there were
	disk   []disk.What
}

// at strikes what is aimed at and returns how many objects that were. means tells
// the same of one object, for those on their way. The disk finds nothing of it
// before memory has lost it: a look-up between the two would bring it back. Who has
// found it there before, and brings it still, is known by the second note.
func (k *strike) at(ctx context.Context, means func(*store.Object) bool, aims ...aim) (n int, err error) {
	mine := func(o *store.Object) bool { return k.mine(o) && means(o) }
	k.s.recent.note(mine)
	var what []disk.What
	for _, a := range aims {
		what = append(what, a.disk...)
	}
	var onDisk *disk.Strike
	if d := k.s.disk.Load(); d != nil && len(what) > 0 {
		onDisk = d.tier.Strike(k.where(), k.soft, what...)
		k.s.recent.note(mine)
	}
	counts := make([]int, len(aims))
	for i, a := range aims {
		counts[i] = a.memory()
	}
	if onDisk != nil {
		var there []int
		there, err = onDisk.Work(ctx)
		for i, a := range aims {
			sum := 0
			for _, m := range there[:len(a.disk)] {
				sum += m
			}
			counts[i], there = max(counts[i], sum), there[len(a.disk):]
		}
	}
	for _, m := range counts {
		n += m
	}
	return n, err
}

func (k *strike) tag(ctx context.Context, tag []byte) (int, error) {
	defer k.tell(k.s.caches.relay.Load(), strikeTag, tag)
	tag = bytes.Clone(tag) // it is remembered for objects on their way
	return k.at(ctx, func(o *store.Object) bool { return hasTag(o, tag) },
		aim{func() int { return k.s.memory.PurgeTag(k.only, tag, k.soft, k.now) }, []disk.What{disk.Tag(tag)}})
}

func hasTagHash(o *store.Object, hash uint64) bool {
	for t := range o.Tags() {
		if xxh3.Hash(t) == hash {
			return true
		}
	}
	return false
}

func hasTag(o *store.Object, tag []byte) bool {
	for t := range o.Tags() {
		if bytes.Equal(t, tag) {
			return true
		}
	}
	return false
}

// walk is at for what only a look at every object tells.
func (k *strike) walk(ctx context.Context, want func(*store.Object) bool, onDisk ...disk.What) (int, error) {
	return k.at(ctx, want, aim{func() (n int) {
		k.s.each(k.only, func(o *store.Object) bool {
			if want(o) {
				o.Expire(k.soft, k.now)
				n++
			}
			return true
		})
		return n
	}, onDisk})
}

func (k *strike) prefix(ctx context.Context, prefix []byte) (int, error) {
	defer k.tell(k.s.caches.relay.Load(), strikePrefix, prefix)
	prefix = bytes.Clone(prefix)
	_, bare, schemed := bytes.Cut(prefix, []byte("://"))
	if !schemed {
		bare = prefix
	}
	return k.walk(ctx, func(o *store.Object) bool {
		text := o.KeyText()
		if schemed {
			return bytes.HasPrefix(text, prefix)
		}
		_, rest, ok := bytes.Cut(text, []byte("://"))
		return ok && bytes.HasPrefix(rest, bare)
	}, prefixes(prefix, schemed)...)
}

// prefixes are the beginnings of key texts that a prefix means.
func prefixes(prefix []byte, schemed bool) []disk.What {
	if schemed {
		return []disk.What{disk.Prefix(prefix)}
	}
	var list []disk.What
	for _, scheme := range []string{"http", "https", ""} {
		list = append(list, disk.Prefix(append([]byte(scheme+"://"), prefix...)))
	}
	return list
}

func (k *strike) host(ctx context.Context, host []byte) (int, error) {
	defer k.tell(k.s.caches.relay.Load(), strikeHost, host)
	host = bytes.Clone(host)
	return k.walk(ctx, func(o *store.Object) bool { return bytes.Equal(disk.HostOf(o.KeyText()), host) }, disk.Host(host))
}

// url strikes what is stored for a URL, whatever else is in its key.
func (k *strike) url(ctx context.Context, url []byte) (int, error) {
	defer k.tell(k.s.caches.relay.Load(), strikeURL, url)
	// Anybody may cause this by an unsafe method: only hashes are remembered.
	tag := urlTag(url)
	hash := xxh3.Hash(tag)
	onKey, isKey := k.onKey(url)
	return k.at(ctx, func(o *store.Object) bool { return isKey(o) || hasTagHash(o, hash) },
		aim{func() int { return k.s.memory.PurgeTag(k.only, tag, k.soft, k.now) }, []disk.What{disk.Tag(tag)}}, onKey)
}

// key strikes all variants of a key.
func (k *strike) key(ctx context.Context, text []byte) (int, error) {
	defer k.tell(k.s.caches.relay.Load(), strikeKey, text)
	a, means := k.onKey(text)
	return k.at(ctx, means, a)
}

// onKey aims at all variants of a key.
func (k *strike) onKey(text []byte) (a aim, means func(*store.Object) bool) {
	key := store.KeyOf(k.only.ID(), text)
	return aim{func() int { return k.s.memory.PurgeKey(k.only, key, text, k.soft, k.now) }, []disk.What{disk.Key(text)}},
		func(o *store.Object) bool { return o.Key() == key }
}

// PurgeURL removes what is stored for the request's URL, all variants of it, from
// every store in which the policy's partition has had a part.
func (p *Policy) PurgeURL(ctx context.Context, req *message.Request, soft bool) (Purged, error) {
	begin, url := time.Now(), p.key.appendURL(nil, req)
	var done Purged
	for _, s := range p.store.caches.all() {
		part := s.partition(p.part.Name())
		if part == nil {
			continue
		}
		k := strike{s: s, only: part, soft: soft, now: p.clock().UnixNano()}
		n, err := k.url(ctx, url)
		if err == nil {
			var posts int
			posts, err = k.tag(ctx, postTag(url))
			n += posts
		}
		done.Objects += n
		if err != nil {
			return done, err
		}
	}
	done.Took = time.Since(begin)
	return done, nil
}

// PurgeTags removes what carries one of the tags in the policy's partition.
func (p *Policy) PurgeTags(ctx context.Context, tags [][]byte, soft bool) (Purged, error) {
	k := strike{s: p.store, only: p.part, soft: soft, now: p.clock().UnixNano()}
	var done Purged
	for _, tag := range tags {
		n, err := k.tag(ctx, tag)
		done.Objects += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// Ban puts an expression into the list of the policy's store, for its partition.
func (p *Policy) Ban(text string, soft bool) error {
	e, err := bans.Compile(text)
	if err != nil {
		return err
	}
	k := strike{s: p.store, only: p.part, soft: soft, now: p.clock().UnixNano()}
	return k.ban(e, p.part.Name())
}

// BanURL is Ban for what is stored for the request's URL.
func (p *Policy) BanURL(req *message.Request, soft bool) error {
	url := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(p.key.appendURL(nil, req)))
	return p.Ban(`obj.url == "`+url+`"`, soft)
}

// Invalidate removes what the success of an unsafe method makes worthless
// (RFC 9111 §4.4, RFC 9875 §3).
func (p *Policy) Invalidate(req *message.Request, resp *message.Response) {
	if rules.Safe(req.Method) {
		return
	}
	k := strike{s: p.store, only: p.part, now: p.clock().UnixNano()}
	ctx := context.Background()
	rules.Invalidates(req, resp, func(t rules.Target) {
		other := *req
		other.Path, other.Query, other.HasQuery = t.Path, t.Query, t.HasQuery
		_, _ = k.url(ctx, p.key.appendURL(nil, &other)) // a disk that fails turns itself off
	})
	for _, tag := range rules.InvalidatedGroups(nil, req, resp) {
		_, _ = k.tag(ctx, tag)
	}
}

// Invalidators returns one policy for each way in which the objects of a virtual
// host are keyed by URL: an unsafe request to any of its routes has to strike
// all of them.
func Invalidators(policies []*Policy) []*Policy {
	var list []*Policy
	for _, p := range policies {
		if p != nil && !slices.ContainsFunc(list, p.keysLike) {
			list = append(list, p)
		}
	}
	return list
}

// keysLike reports whether both policies give a URL the same key text in the
// same place.
func (p *Policy) keysLike(q *Policy) bool {
	a, b := &p.key, &q.key
	return p.store == q.store && p.part == q.part && a.scheme == b.scheme && a.host == b.host &&
		a.query.ignore == b.query.ignore && a.query.sort == b.query.sort &&
		slices.Equal(a.query.drop, b.query.drop) && slices.Equal(a.query.keep, b.query.keep)
}
