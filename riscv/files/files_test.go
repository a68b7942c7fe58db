package files

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFind(t *testing.T) {
	table := &Table{Tree: fstest.MapFS{
		"a/b":   {Data: []byte("content")},
		"pipe":  {Mode: fs.ModeNamedPipe},
		"large": {Data: make([]byte, MaxSize+1)},
	}, Random: strings.NewReader("chance")}
	for _, tt := range []struct {
		name string
		want error
		held string
	}{
		{"/a/b", nil, "content"},
		{"a/../a//b", nil, "content"},
		{"/../../a/b", nil, "content"}, // there is nothing above the root
		{"/", nil, ""},
		{"/a", nil, ""},
		{"/a/c", fs.ErrNotExist, ""},
		{"/a/b/c", fs.ErrNotExist, ""},
		{"/pipe", fs.ErrPermission, ""},
		{"/large", ErrTooLarge, ""},
		{"/dev/null", nil, ""},
		{"/dev/urandom", nil, ""},
		{"/dev/sda", fs.ErrNotExist, ""},
	} {
		f, err := table.Find(tt.name)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		} else if err == nil && (string(f.Data) != tt.held || f.Held() != (tt.held != "")) {
			t.Errorf("%s: %q, held %v", tt.name, f.Data, f.Held())
		}
	}
	if _, err := new(Table).Find("/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a tree: %v", err)
	}
}

func TestDescriptors(t *testing.T) {
	var table Table
	for want := range 3 {
		if fd, ok := table.Install(&File{}, 0); fd != want || !ok {
			t.Fatalf("descriptor %d, want %d", fd, want)
		}
	}
	if !table.Close(1) || table.Close(1) || table.Close(99) || table.Close(-1) || table.Of(1) != nil || table.Of(2) == nil {
		t.Error("close")
	}
	if fd, _ := table.Install(&File{}, 0); fd != 1 {
		t.Errorf("the free one is %d", fd)
	}
	if fd, _ := table.Install(&File{}, 10); fd != 10 {
		t.Errorf("from 10 on it is %d", fd)
	}
	for range MaxOpen {
		table.Install(&File{}, 0)
	}
	if _, ok := table.Install(&File{}, 0); ok {
		t.Error("a full table takes more")
	}
}

func TestStreams(t *testing.T) {
	b := make([]byte, 4)
	if n, err := Stream("stdin", nil, nil, false).In.Read(b); n != 0 || err == nil {
		t.Errorf("read %d, %v", n, err)
	}
	if n, err := Stream("stdout", nil, nil, true).Out.Write(b); n != 4 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if f := Stream("stdout", nil, nil, true); f.Mode&fs.ModeCharDevice == 0 || f.Held() {
		t.Errorf("%+v", f)
	}
	dir := &File{Name: "/etc"}
	if got := dir.Resolve("../x"); got != "/x" || dir.Resolve("/y") != "/y" {
		t.Errorf("resolved to %s", got)
	}
	if Inode("/a") == Inode("/b") || Inode("") == 0 {
		t.Error("inodes")
	}
}
