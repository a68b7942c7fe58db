//go:build !linux

package binder

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"

	"fishplate/internal/model"
)

// Verb is the hidden verb of the helper.
const Verb = "binder"

// Line is absent on this system.
type Line struct{}

// Inherit returns none.
func Inherit() (*Line, error) { return nil, nil }

// Heir returns nothing.
func (*Line) Heir(int) (files []*os.File, env []string) { return nil, nil }

// Watch does nothing.
func (*Line) Watch(func(error)) {}

// Bind is absent on this system.
func (*Line) Bind(int, netip.AddrPort) error { return errors.ErrUnsupported }

// Listen opens a TCP address for net/http, as the process alone may.
func (*Line) Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

// Run is absent on this system.
func Run() error { return errors.ErrUnsupported }

// Drop refuses to give up root, which it cannot here.
func Drop(c *model.Config, _ io.Writer) error {
	if c.Process.User == "" || os.Geteuid() != 0 {
		return nil
	}
	return errors.New("give up root: only Linux has what that takes")
}
