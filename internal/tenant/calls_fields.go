package tenant

import (
	"encoding/binary"
	"fishplate/internal/tenant/lines"
)

func fieldCalls() []Call {
	return []Call{
		{519, "FOREACH_FIELD", "a0 where, a1 callback, a2 user data", "a0 = number of fields", "", "2000 and the callback's own; 50,000 more may be spent, once in a call", "Calls callback(user, records, count) with 12-byte records {i32 where, u32 index, u8 deleted, u8 foreach}; records that it marks deleted are removed.", sysForeach},
		{520, "FIELD_GET", "", "a0 = -1", "always", "", "Reserved.", sysFieldGet},
		{521, "FIELD_RETRIEVE", "a0 where, a1 index, a2 buffer, a3 size", "a0 = length", "-1: no such line, or the buffer is too small", "length", "Copies a line, without NUL. With buffer and size 0 only the length is told.", sysRetrieve},
		{522, "FIELD_APPEND", "a0 where, a1, a2 line", "a0 = index", "-1: refused", "length", "Appends a field.", sysAppend},
		{523, "FIELD_SET", "a0 where, a1 index, a2, a3 line", "a0 = length", "-1: refused; an index that does not exist ends the call", "length", "Replaces a line. Method, URL, protocol, status and reason may be set; they are checked as a client's are. The method cannot become or cease to be HEAD, CONNECT or TRACE. The protocol can become HTTP/1.0 for the client, not newer than what it speaks; servers are spoken to in HTTP/1.1 in any case.", sysSet},
		{524, "FIELD_COPY", "a0 where, a1 index, a2 source where, a3 source index", "a0 = length", "-1: no source (then the line is unset), or refused", "length", "Replaces a line by another.", sysCopyOver},
		{525, "FIELD_UNSET", "a0 where, a1 index", "a0 = index", "-1: refused; an index that does not exist ends the call", "", "Removes a field; later ones move down by one.", sysUnset},
		{526, "HTTP_ROLLBACK", "a0 where", "a0 = 0", "", "", "Undoes this call's edits.", sysRollback},
		{527, "HTTP_COPY", "a0 where, a1 index, a2 destination where", "a0 = new index", "-1: no such line, or refused", "length", "Appends a copy of a field.", sysCopyTo},
		{528, "HTTP_SET_STATUS", "a0 where, a1 status, negative to read", "a0 = status", "-1: a request, not within 200–599, or the status is 101", "", "Sets or reads a response's status.", sysStatus},
		{529, "HTTP_UNSET_RE", "a0 where, a1 regex", "a0 = count", "an unknown regex ends the call", "1000 and 8·length of the fields", "Removes every field whose line matches.", sysUnsetRegex},
		{530, "HTTP_FIND", "a0 where, a1, a2 name", "a0 = index", "-1: none", "length", "Finds the first field of that name; case does not matter.", sysFind},
		{537, "FIELD_RETRIEVE_STR", "a0 where, a1 index, a2 std::string", "a0 = length", "-1: no such line", "2000 and length", "Makes a libstdc++ string of a line; text above 15 bytes is allocated on the native heap.", sysRetrieveString},
	}
}

func sysFieldGet(v *vm, _ *pacer) error {
	v.result32(lines.Invalid)
	return nil
}

func sysRetrieve(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	line, ok := w.AppendLine(v.scratch[:0], uint32(v.arg(1)))
	v.scratch = line
	size := uint64(uint32(v.arg(3)))
	switch {
	case !ok:
		v.result32(lines.Invalid)
	case v.arg(2) == 0 && size == 0:
		v.result(uint64(len(line)))
	case size < uint64(len(line)):
		v.result32(lines.Invalid)
	default:
		v.m.Charge(uint64(len(line)))
		if err := v.store(v.arg(2), line); err != nil {
			return err
		}
		v.result(uint64(len(line)))
	}
	return nil
}

func sysRetrieveString(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	line, ok := w.AppendLine(v.scratch[:0], uint32(v.arg(1)))
	v.scratch = line
	if !ok {
		v.result32(lines.Invalid)
		return nil
	}
	v.m.Charge(2000 + uint64(len(line)))
	at, n := v.arg(2), uint64(len(line))
	// The object is two words and 16 bytes, which hold a short text or the
	// capacity.
	width := v.word()
	var object [32]byte
	text := at + 2*width
	if n <= 15 {
		copy(object[2*width:], line)
	} else {
		var ok bool
		if text, ok = v.heap.Alloc(n + 1); !ok {
			return &trap{cause: "guest-memory", text: "native heap is full"}
		}
		if err := v.store(text, append(line, 0)); err != nil {
			return err
		}
		v.putWord(object[2*width:], n)
	}
	v.putWord(object[0:], text)
	v.putWord(object[width:], n)
	v.result(n)
	return v.store(at, object[:2*width+16])
}

func sysAppend(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	line, err := v.buffer(v.arg(1), uint64(uint32(v.arg(2))))
	if err != nil {
		return err
	}
	v.m.Charge(uint64(len(line)))
	v.result32(w.Append(line))
	return nil
}

// field returns the message and the line number of a call that changes a line
// that must exist; ok is false for the invalid index, which changes nothing.
func (v *vm) field(where, index uint64, first uint32) (w *lines.View, i uint32, ok bool, err error) {
	if w, err = v.view(where); err != nil {
		return nil, 0, false, err
	}
	i = uint32(index)
	if i == lines.Invalid {
		return w, i, false, nil
	}
	if i < first || i >= w.Len() {
		return nil, 0, false, trapf("line %d does not exist", i)
	}
	return w, i, true, nil
}

func sysSet(v *vm, _ *pacer) error {
	w, i, ok, err := v.field(v.arg(0), v.arg(1), 0)
	if err != nil {
		return err
	}
	line, err := v.buffer(v.arg(2), uint64(uint32(v.arg(3))))
	if err != nil {
		return err
	}
	v.m.Charge(uint64(len(line)))
	if !ok || !w.Set(i, line) {
		v.result32(lines.Invalid)
		return nil
	}
	v.result(uint64(len(line)))
	return nil
}

func sysCopyOver(v *vm, _ *pacer) error {
	w, i, ok, err := v.field(v.arg(0), v.arg(1), 0)
	if err != nil {
		return err
	}
	from, err := v.view(v.arg(2))
	if err != nil {
		return err
	}
	line, found := from.AppendLine(v.scratch[:0], uint32(v.arg(3)))
	v.scratch = line
	v.m.Charge(uint64(len(line)))
	switch {
	case !ok:
		v.result32(lines.Invalid)
	case !found:
		if i >= lines.FirstField {
			w.Unset(i)
		}
		v.result32(lines.Invalid)
	case !w.Set(i, line):
		v.result32(lines.Invalid)
	default:
		v.result(uint64(len(line)))
	}
	return nil
}

func sysCopyTo(v *vm, _ *pacer) error {
	from, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	to, err := v.view(v.arg(2))
	if err != nil {
		return err
	}
	line, ok := from.AppendLine(v.scratch[:0], uint32(v.arg(1)))
	v.scratch = line
	v.m.Charge(uint64(len(line)))
	if !ok {
		v.result32(lines.Invalid)
		return nil
	}
	v.result32(to.Append(line))
	return nil
}

func sysUnset(v *vm, _ *pacer) error {
	w, i, ok, err := v.field(v.arg(0), v.arg(1), lines.FirstField)
	if err != nil {
		return err
	}
	if !ok || !w.Unset(i) {
		v.result32(lines.Invalid)
		return nil
	}
	v.result32(i)
	return nil
}

func sysRollback(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	w.Rollback()
	v.result(0)
	return nil
}

func sysStatus(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	n := int32(v.arg(1))
	if w.Response() == nil || n >= 0 && !w.SetStatus(int(n)) {
		v.result32(lines.Invalid)
		return nil
	}
	v.result32(uint32(w.Response().Status))
	return nil
}

func sysFind(v *vm, _ *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	name, err := v.buffer(v.arg(1), uint64(uint32(v.arg(2))))
	if err != nil {
		return err
	}
	v.m.Charge(uint64(len(name)))
	v.result32(w.Find(name))
	return nil
}

// sysForeach hands the guest an array of records, lets it look, and removes
// what it marked.
func sysForeach(v *vm, pace *pacer) error {
	w, err := v.view(v.arg(0))
	if err != nil {
		return err
	}
	where, fn, user := v.arg(0), v.arg(1), v.arg(2)
	n := int(w.Len() - lines.FirstField)
	v.m.Charge(2000)
	at, ok := v.heap.Alloc(uint64(n) * 12)
	if !ok {
		return &trap{cause: "guest-memory", text: "native heap is full"}
	}
	records := make([]byte, 0, n*12)
	for i := range n {
		records = binary.LittleEndian.AppendUint32(records, uint32(where))
		records = binary.LittleEndian.AppendUint32(records, uint32(i+lines.FirstField))
		records = append(records, 0, 1, 0, 0)
	}
	if err := v.store(at, records); err != nil {
		return err
	}
	if err := v.interrupt(pace, foreachBudget, fn, user, at, uint64(n)); err != nil {
		return err
	}
	if err := v.m.Mem.Read(at, records); err != nil {
		return v.memoryTrap(err)
	}
	// From the end, so that removals do not move what is still to be removed. The
	// guest may have changed the message meanwhile: records past its end are void.
	for i := n - 1; i >= 0; i-- {
		if records[i*12+8] != 0 && i < int(w.Len()-lines.FirstField) {
			w.Unset(uint32(i + lines.FirstField))
		}
	}
	v.heap.Free(at)
	v.result(uint64(n))
	return nil
}
