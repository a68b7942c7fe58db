package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"fishplate/internal/crash"
	"fishplate/internal/file"
)

// Entry is one commit.
type Entry struct {
	ID   uint64          `json:"id"`
	Sum  string          `json:"sha256"` // of the text, hexadecimal
	Head json.RawMessage `json:"head"`
}

const (
	suffix  = ".commit"
	broke   = ".broken" // behind the name of what cannot be read
	maxText = 256 << 20 // bytes of a text, whatever its file says
	maxHead = 64 << 20  // and of a head
)

// Journal is a folder of entries.
type Journal struct {
	dir  string
	keep int      // entries
	ids  []uint64 // of the entries, oldest first; what they hold stays on disk
	home fs.FileInfo

	aside bool // an entry that could not be read lies beside the others
}

// Whole says that no entry was set aside as broken, now or by a process before: what
// entries name is all that they ever named.
func (j *Journal) Whole() bool { return !j.aside }

// ErrMoved says that the folder is another one than was opened.
var ErrMoved = errors.New("it is not the folder that this process began with, which was moved or removed: put that back, or start the process again, which then runs what the folder or the files say")

// Open reads the heads of what the folder holds, and the text of the newest, and makes the folder when there
// is none. At most keep entries stay. What cannot be read is set aside, and
// reported: names end with ".broken" then.
func Open(dir string, keep int) (j *Journal, broken []error, err error) {
	if err := file.Folder(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	home, err := os.Stat(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	j = &Journal{dir: dir, keep: keep, home: home}
	for _, f := range list {
		digits, ok := strings.CutSuffix(f.Name(), suffix)
		if !ok {
			if strings.HasSuffix(f.Name(), ".new") { // of a process that was stopped while it wrote
				_ = os.Remove(filepath.Join(dir, f.Name()))
			}
			j.aside = j.aside || strings.HasSuffix(f.Name(), suffix+broke)
			continue
		}
		id, err := strconv.ParseUint(digits, 10, 64)
		switch {
		case err != nil:
		case !f.Type().IsRegular(): // a pipe would be waited for
			err = fmt.Errorf("read journal: %s is no regular file", filepath.Join(dir, f.Name()))
		default:
			_, _, err = j.read(id, false)
		}
		if err != nil {
			broken = append(broken, err)
			_ = os.Rename(filepath.Join(dir, f.Name()), filepath.Join(dir, f.Name()+broke))
			j.aside = true
			continue
		}
		j.ids = append(j.ids, id)
	}
	slices.Sort(j.ids)
	for n := len(j.ids); n > 0; n-- { // what runs next is the newest: its text, too, must be there
		id := j.ids[n-1]
		_, err := j.Text(id)
		if err == nil {
			break
		}
		broken = append(broken, err)
		_ = os.Rename(j.name(id), j.name(id)+broke)
		j.aside, j.ids = true, j.ids[:n-1]
	}
	return j, broken, nil
}

// Entries reads what is kept, the oldest first, but for what cannot be read any more.
func (j *Journal) Entries() (list []Entry) {
	for _, id := range j.ids {
		if e, _, err := j.read(id, false); err == nil {
			list = append(list, e)
		}
	}
	return list
}

// Put writes an entry, in place of the one with its ID if there is one. It is on
// disk when Put returns; else an error says why it is not.
func (j *Journal) Put(id uint64, head, text []byte) error {
	sum := sha256.Sum256(text)
	e := Entry{ID: id, Sum: hex.EncodeToString(sum[:]), Head: head}
	at, found := slices.BinarySearch(j.ids, id)
	if len(head) > maxHead/2 { // as it is given; as it is written it may be a little longer
		return fmt.Errorf("write journal: %d bytes of a head, more than the %d of an entry", len(head), maxHead/2)
	}
	if len(text) > maxText {
		return fmt.Errorf("write journal: %d bytes of text, more than the %d of an entry", len(text), maxText)
	}
	if j.moved() {
		return fmt.Errorf("write journal: %s: %w", j.dir, ErrMoved)
	}
	if err := j.write(e, text, found); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if found {
		return nil
	}
	j.ids = slices.Insert(j.ids, at, id)
	for len(j.ids) > j.keep {
		_ = os.Remove(j.name(j.ids[0]))
		j.ids = slices.Delete(j.ids, 0, 1)
	}
	return nil
}

// moved says that the folder is not the one that was opened.
func (j *Journal) moved() bool {
	info, err := os.Stat(j.dir)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, j.home)
}

// Amend gives an entry another head.
func (j *Journal) Amend(id uint64, head []byte) error {
	text, err := j.Text(id)
	if err != nil {
		return err
	}
	return j.Put(id, head, text)
}

// ErrNone means that there is no such entry, or not any more.
var ErrNone = errors.New("no such entry")

// Text returns the text of an entry.
func (j *Journal) Text(id uint64) ([]byte, error) {
	e, body, err := j.read(id, true)
	if errors.Is(err, fs.ErrNotExist) && j.moved() {
		return nil, fmt.Errorf("read journal: %s: %w", j.dir, ErrMoved)
	} else if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read journal: %w: %d", ErrNone, id)
	} else if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderMaxMemory(maxText), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer d.Close()
	text, err := io.ReadAll(io.LimitReader(d, maxText))
	if err != nil {
		return nil, fmt.Errorf("read journal: entry %d: %w", id, err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != e.Sum {
		return nil, fmt.Errorf("read journal: the text of entry %d is not what was written", id)
	}
	return text, nil
}

func (j *Journal) name(id uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%012d%s", id, suffix))
}

// read returns an entry, and its packed text when that is wanted.
func (j *Journal) read(id uint64, whole bool) (e Entry, body []byte, err error) {
	f, err := os.Open(j.name(id))
	if err != nil {
		return e, nil, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(io.LimitReader(f, maxHead))
	head, err := r.ReadBytes('\n')
	if err != nil || json.Unmarshal(head, &e) != nil || e.ID != id {
		return e, nil, fmt.Errorf("read journal: %s holds no entry %d", j.name(id), id)
	}
	if whole {
		body, err = io.ReadAll(io.LimitReader(io.MultiReader(r, f), maxText))
	}
	return e, body, err
}

// write puts an entry on disk, whole or not at all. When it takes the place of
// another and that cannot be made sure, either of them is there.
func (j *Journal) write(e Entry, text []byte, another bool) error {
	head, err := json.Marshal(e)
	if err != nil {
		return err
	}
	packer, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	packed := packer.EncodeAll(text, append(head, '\n'))
	aside := j.name(e.ID) + ".new"
	// A file of its own: what lies there may be a link to one of somebody else.
	_ = os.Remove(aside)
	f, err := os.OpenFile(aside, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(packed)
	crash.At(crash.Written)
	err = errors.Join(err, f.Sync())
	err = errors.Join(err, f.Close())
	crash.At(crash.Synced)
	if err == nil {
		err = os.Rename(aside, j.name(e.ID))
	}
	if err != nil {
		_ = os.Remove(aside)
		return err
	}
	crash.At(crash.Renamed)
	if err := file.Sync(j.dir); err != nil {
		if !another {
			_ = os.Remove(j.name(e.ID)) // what is said to have failed must not come back
		}
		return err
	}
	return nil
}
