package learned

import (
	"errors"
	"io"

	"fishplate/internal/records"
)

// Sessions are the persistence tables of a backend, and what else of its servers
// changes from one moment to the next.
type Sessions struct {
	Backend string
	Pinned  [2]string // what the present table and the one before look up; "" = there is none
	Servers []State
	Rows    [2][]Row // least recently used first, as far as one table knows
}

// State is what holds of a server for a while. Times are Unix nanoseconds.
type State struct {
	Name, Address string
	Ejected       int64 // until then; 0 = it is not
	Ramp          int64 // its slow start began; 0 = there is none
	Latency       int64 // nanoseconds
}

// Row leads a key to a server, by its place in Servers.
type Row struct {
	Key    string
	Server int
	Used   int64
}

// The kinds of record: a backend, a server of it, a row of the present table, and
// one of the table before.
const (
	recordBackend = iota
	recordServer
	recordRow
	recordLapsed
)

// longestKey bounds a key: a header field has no more.
const longestKey = 1 << 20

// Put writes the tables.
func (s *Sessions) Put(w *records.Writer) error {
	b := records.AppendText(records.AppendInt(nil, recordBackend), s.Backend)
	b = records.AppendText(records.AppendText(b, s.Pinned[0]), s.Pinned[1])
	err := w.Put(b)
	for _, v := range s.Servers {
		b = records.AppendText(records.AppendText(records.AppendInt(b[:0], recordServer), v.Name), v.Address)
		b = records.AppendInt(records.AppendInt(records.AppendInt(b, v.Ejected), v.Ramp), v.Latency)
		err = w.Put(b)
	}
	for i, kind := range []int64{recordRow, recordLapsed} {
		for _, row := range s.Rows[i] {
			b = records.AppendInt(records.AppendInt(records.AppendInt(b[:0], kind), int64(row.Server)), row.Used)
			err = w.Put(records.AppendText(b, row.Key))
		}
	}
	return err // the first, which a Writer keeps
}

// ReadSessions reads a whole stream of tables.
func ReadSessions(r *records.Reader) (all []*Sessions, err error) {
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		f := records.FieldsOf(b)
		if all, err = take(all, f.Int(), &f); err != nil {
			return nil, err
		}
	}
}

// take adds a record to what was read.
func take(all []*Sessions, kind int64, f *records.Fields) ([]*Sessions, error) {
	if kind == recordBackend {
		return append(all, &Sessions{Backend: f.Text(), Pinned: [2]string{f.Text(), f.Text()}}), f.End()
	}
	if len(all) == 0 {
		return nil, records.ErrFormat
	}
	s := all[len(all)-1]
	switch kind {
	case recordServer:
		s.Servers = append(s.Servers, State{f.Text(), f.Text(), f.Int(), f.Int(), f.Int()})
	case recordRow, recordLapsed:
		row := Row{Server: int(f.Int()), Used: f.Int(), Key: f.Text()}
		if row.Server < 0 || row.Server >= len(s.Servers) || len(row.Key) > longestKey {
			return nil, records.ErrFormat
		}
		s.Rows[kind-recordRow] = append(s.Rows[kind-recordRow], row)
	default:
		return nil, records.ErrFormat
	}
	return all, f.End()
}
