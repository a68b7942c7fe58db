package doctor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/parse"
)

// TestLivePackets joins two network namespaces by a veth pair, and lets packets
// that come from the other one be handed to other processors.
func TestLivePackets(t *testing.T) {
	if !alone(t, syscall.CLONE_NEWNS) {
		return
	}
	if runtime.NumCPU() < 2 {
		t.Skip("a second processor is missing")
	}
	sysfs(t)
	far := elsewhere(t)
	pair(t, "near", "far", far)
	address(t, socket(t), "near", [4]byte{10, 99, 0, 1})
	far.do(func() { address(t, socket(t), "far", [4]byte{10, 99, 0, 2}) })

	const id, files = "nic.rps", "/sys/class/net/near/queues/rx-0/rps_cpus"
	if f := says(t, id, nil, fact.Unknown); !strings.Contains(f.Found, "near: off") || f.RunOn != "initns" {
		t.Errorf("off: on %q: %s", f.RunOn, f.Found)
	}
	set(t, files, "3")
	before := softnet(t)
	server := socket(t)
	at := &unix.SockaddrInet4{Addr: [4]byte{10, 99, 0, 1}, Port: 8000}
	if err := errors.Join(unix.Bind(server, at), unix.Listen(server, 1024)); err != nil {
		t.Fatal(err)
	}
	// A flow goes to the processor of its hash: of a hundred some go to each.
	var fds []int
	far.do(func() { fds = clients(t, 100, at) })
	until(t, "the connections over the pair", func() bool { return stand(t, fds) == len(fds) })
	if grown := softnet(t) - before; grown == 0 {
		t.Error("100 connections, and no packet was handed to another processor")
	}
	f := says(t, id, nil, fact.Warn)
	for _, fix := range f.Fix {
		for _, s := range fix.Set {
			set(t, s.File, s.Value)
		}
	}
	if mask, err := os.ReadFile(files); err != nil || strings.Trim(string(mask), "0,\n") != "" {
		t.Errorf("after the fix: %q, %v", mask, err)
	}
	if f := says(t, id, nil, fact.Unknown); !strings.Contains(f.Found, "near: off") {
		t.Error(f.Found)
	}
	// The card is unknown here; that we are behind a pair is not.
	says(t, "fw.netns", nil, fact.Info)
}

// softnet is how many times a processor was told to take packets of another.
func softnet(t *testing.T) (n uint64) {
	t.Helper()
	data, err := os.ReadFile("/proc/net/softnet_stat")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parse.SoftnetStat(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		n += r.ReceivedRPS
	}
	return n
}

// sysfs mounts /sys anew in our mount namespace: it shows the network namespace
// of who mounts it.
func sysfs(t *testing.T) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		t.Fatal(err)
	}
}

// room is a thread in another network namespace.
type room struct {
	ns   int // its file
	work chan func()
	done chan struct{}
}

// elsewhere begins a thread in a new network namespace. Sockets that it makes stay
// there, whoever uses them.
func elsewhere(t *testing.T) *room {
	t.Helper()
	r := &room{work: make(chan func()), done: make(chan struct{})}
	began := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		defer close(r.done)
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			r.ns, err = unix.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		began <- err
		for f := range r.work {
			f()
			r.done <- struct{}{}
		}
	}()
	if err := <-began; err != nil {
		close(r.work)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(r.work)
		<-r.done
		unix.Close(r.ns) // it was read only
	})
	return r
}

// do runs f in the room, and waits.
func (r *room) do(f func()) {
	r.work <- f
	<-r.done
}

// pair makes a veth pair with one queue: an end here, the other in the room.
func pair(t *testing.T, here, there string, r *room) {
	t.Helper()
	const infoPeer, queuesTX, queuesRX = 1, unix.IFLA_NUM_TX_QUEUES, unix.IFLA_NUM_RX_QUEUES // linux/veth.h
	a := netlink.NewAttributeEncoder()
	a.String(unix.IFLA_IFNAME, here)
	a.Uint32(queuesTX, 1)
	a.Uint32(queuesRX, 1)
	a.Nested(unix.IFLA_LINKINFO, func(info *netlink.AttributeEncoder) error {
		info.String(unix.IFLA_INFO_KIND, "veth")
		info.Nested(unix.IFLA_INFO_DATA, func(data *netlink.AttributeEncoder) error {
			peer := netlink.NewAttributeEncoder()
			peer.String(unix.IFLA_IFNAME, there)
			peer.Uint32(unix.IFLA_NET_NS_FD, uint32(r.ns))
			b, err := peer.Encode()
			data.Bytes(infoPeer, append(make([]byte, unix.SizeofIfInfomsg), b...))
			return err
		})
		return nil
	})
	b, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // what it made stays
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_NEWLINK, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl},
		Data:   append(make([]byte, unix.SizeofIfInfomsg), b...),
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("the kernel's veth is missing")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// address gives an interface of the socket's namespace an address of a /24, and
// switches it on.
func address(t *testing.T, fd int, name string, ip [4]byte) {
	t.Helper()
	request, err := unix.NewIfreq(name)
	if err != nil {
		t.Error(err)
		return
	}
	err = request.SetInet4Addr(ip[:])
	err = errors.Join(err, unix.IoctlIfreq(fd, unix.SIOCSIFADDR, request))
	err = errors.Join(err, request.SetInet4Addr([]byte{255, 255, 255, 0}), unix.IoctlIfreq(fd, unix.SIOCSIFNETMASK, request))
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err = errors.Join(err, unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
