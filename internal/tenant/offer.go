package tenant

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/model"
)

// UpdateOptions go with the program of an update.
type UpdateOptions struct {
	Comment   string
	Author    string // who sent it, for the history
	Signature []byte // for tenants with a key: 64 bytes, or base64 of them
	// May is asked when it is the turn of the change, which its error refuses; nil
	// is nobody.
	May func() error
}

// Offer is a program that a tenant may be given: who gives it makes the tenant's
// model name it (Given), and prepares and commits that.
type Offer struct {
	Tenant    string
	SHA256    string
	Signature string // base64; "" is none
	Version   Version
	code      *code // so that it need not be decoded twice
	may       func() error
}

// May says why the offer does not stand any more.
func (o *Offer) May() error {
	if o.may == nil {
		return nil
	}
	return o.may()
}

// ELF is the program's file. It must not be changed.
func (o *Offer) ELF() []byte { return o.code.elf }

// Given is what the tenant's model says when it runs the program. Its number is
// known after Expect.
func (o *Offer) Given(over string) *model.Given {
	return &model.Given{SHA256: o.SHA256, Over: over, Version: o.Version.Number, Signature: o.Signature}
}

func newOffer(name string, c *code, signature []byte, may func() error, v Version) *Offer {
	o := &Offer{Tenant: name, SHA256: hex.EncodeToString(c.hash[:]), Version: v, code: c, may: may}
	o.Version.Hash, o.Version.Size = c.short(), len(c.elf)
	o.Signature = signatureText(signature)
	return o
}

// signatureText is a signature, 64 bytes or base64 of them, in base64.
func signatureText(signature []byte) string {
	if len(signature) == ed25519.SignatureSize {
		return base64.StdEncoding.EncodeToString(signature)
	}
	return strings.TrimSpace(string(signature))
}

// Offer looks at a program before it costs more: ErrNoTenant, ErrSize, ErrRate and
// ErrSignature, or what is wrong with it. elf is copied.
func (s *Set) Offer(name string, elf []byte, o UpdateOptions) (*Offer, error) {
	t := s.Tenant(name)
	if t == nil {
		return nil, ErrNoTenant
	}
	if most := t.MaxProgram(); int64(len(elf)) > most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(elf), most)
	}
	s.mu.Lock()
	allowed := s.historyOf(name).update.allow(t.model.Update, time.Now())
	s.mu.Unlock()
	if !allowed {
		return nil, fmt.Errorf("%w: at most %v a second", ErrRate, t.model.Update.Rate)
	}
	if err := verify(t.model, elf, o.Signature); err != nil {
		return nil, err
	}
	c, err := s.codes.load(slices.Clone(elf))
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, Remedy(elf))
	}
	return newOffer(name, c, o.Signature, o.May, Version{Source: "update", Author: o.Author, Comment: o.Comment}), nil
}

// OfferBack is Offer for an earlier program of a tenant; 0 is the one before the
// current. It becomes a new version.
func (s *Set) OfferBack(name string, number int, o UpdateOptions) (*Offer, error) {
	t := s.Tenant(name)
	if t == nil {
		return nil, ErrNoTenant
	}
	s.mu.Lock()
	h := s.historyOf(name)
	v, err := h.find(number)
	allowed := err != nil || h.back.allow(t.model.Update, time.Now())
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, fmt.Errorf("%w: at most %v a second", ErrRate, t.model.Update.Rate)
	}
	c, err := s.kept(v.sha256)
	if err != nil {
		return nil, err
	}
	if err := verify(t.model, c.elf, []byte(v.signature)); err != nil { // the key may be another than when it came
		return nil, err
	}
	if o.Comment == "" {
		o.Comment = fmt.Sprintf("to version %d", v.Number)
	}
	return newOffer(name, c, []byte(v.signature), o.May, Version{Source: "rollback", Author: o.Author, Comment: o.Comment}), nil
}

// Expect gives an offer its number, and returns what it is to replace, with its
// bytes; that is nil when nothing runs. One change is made at a time.
func (s *Set) Expect(o *Offer) (before *Known, elf []byte) {
	t := s.Tenant(o.Tenant)
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.historyOf(o.Tenant)
	o.Version.Number = h.next
	h.coming = version{Version: o.Version, sha256: o.SHA256, signature: o.Signature}
	v := h.current()
	if v == nil || t == nil {
		return nil, nil
	}
	im := t.current.Load()
	if im == nil || hex.EncodeToString(im.code.hash[:]) != v.sha256 {
		return nil, nil
	}
	return &Known{Version: v.Version, SHA256: v.sha256, Signature: v.signature}, im.code.elf
}

// Fit says why a tenant cannot run the program that it was given.
func (s *Set) Fit(t *model.Tenant) error {
	if s.o.Kept == nil {
		return ErrNoVersion
	}
	elf, err := s.o.Kept(t.Given.SHA256)
	if err != nil {
		return err
	}
	return verify(t, elf, []byte(t.Given.Signature))
}

// kept returns a program that is kept, or in use.
func (s *Set) kept(hash string) (*code, error) {
	var sum [32]byte
	if b, err := hex.DecodeString(hash); err == nil && len(b) == len(sum) {
		if c := s.codes.find([32]byte(b)); c != nil {
			return c, nil
		}
	}
	if s.o.Kept == nil {
		return nil, ErrNoVersion
	}
	elf, err := s.o.Kept(hash)
	if err != nil {
		return nil, err
	}
	return s.codes.load(elf)
}

// given returns the program that came by the API and its tenant is to run.
func (s *Set) given(t *model.Tenant) (o origin, err error) {
	o = origin{number: t.Given.Version, signature: []byte(t.Given.Signature)}
	if o.code, err = s.kept(t.Given.SHA256); err != nil {
		return o, fmt.Errorf("version %d, which came by the API: %w", t.Given.Version, err)
	}
	if err = verify(t, o.code.elf, o.signature); err != nil {
		return o, fmt.Errorf("version %d, which came by the API: %w", t.Given.Version, err)
	}
	return o, nil
}

// swap is a program that takes the place of another while its tenant stays.
type swap struct {
	tenant  *Tenant
	old, im *image
	end     func(swapped bool) // lets calls into the storages again
}

// swapTo starts the program that a tenant is given, and has the state handed over
// to it: calls into either storage wait until the swap is committed or undone.
func (u *Update) swapTo(m *model.Tenant, t *Tenant, c *code) error {
	old := t.current.Load()
	if err := u.set.warmUp(u.ctx, m, c); err != nil {
		return err
	}
	im, err := newImage(u.ctx, t.model, c, u.set, t.stats, u.set.storeOf(t.model), old.handsOver())
	if err != nil {
		old.measure()
		return err
	}
	sw := swap{tenant: t, old: old, im: im}
	// A program that nobody has used needs no memory for requests yet.
	if err = im.warm(); err == nil {
		sw.end, err = im.takeOver(u.ctx, old)
	}
	if err != nil {
		im.discard()
		old.measure()
		return err
	}
	u.swaps = append(u.swaps, sw)
	return nil
}

func (w *swap) commit() {
	w.tenant.current.Store(w.im)
	w.end(true)
	w.tenant.setTrouble(nil)
	w.old.retire()
}

func (w *swap) abort() {
	w.end(false)
	w.im.discard()
	w.old.measure()
}
