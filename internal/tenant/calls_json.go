package tenant

import (
	"errors"

	"fishplate/internal/tenant/tree"
)

func documentCalls() []Call {
	return []Call{
		{650, "JSON_VALID", "a0, a1 text", "a0 = 1 or 0", "", "200 + 3·length", "Whether a text is one JSON value of at most 512 levels.", sysJSONValid},
		{651, "JSON_GET", "a0, a1 text; a2, a3 path; a4, a5 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: malformed text or path", "500 + 4·length", "The value at a path: a string decoded, everything else as it stands in the text.", sysJSONGet},
		{652, "JSON_TYPE", "a0, a1 text; a2, a3 path", "a0 = 0 null, 1 false, 2 true, 3 number, 4 string, 5 array, 6 object", "as JSON_GET", "500 + 4·length", "What is at a path.", sysJSONType},
		{653, "JSON_COUNT", "a0, a1 text; a2, a3 path", "a0 = count", "as JSON_GET; FP_E_NONE also for what is no array and no object", "500 + 5·length", "How many members the array or object at a path has.", sysJSONCount},
		{654, "JSON_QUOTE", "a0, a1 text; a2, a3 destination, size", "a0 = length", "", "200 + 4·length", "The text as a JSON string, with its quotes; what is not UTF-8 becomes U+FFFD.", sysJSONQuote},
		{655, "JSON_SET", "a0 record {text, length, path, length, value, length, destination, size}", "a0 = length", "FP_E_INVALID: malformed text, path or value; FP_E_NONE: the path leads through something else", "1000 + 10·length", "The text with a JSON value set at a path. A name that is not there is added, and so is the place behind an array's last; an empty value removes.", sysJSONSet},
		{660, "XML_VALID", "a0, a1 text", "a0 = 1 or 0", "", "1000 + 60·length", "Whether a text is one well-formed XML document.", sysXMLValid},
		{661, "XML_GET", "a0, a1 text; a2, a3 path; a4, a5 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: malformed text or path", "1000 + 60·length", "The text in the element, or of the attribute, at a path.", sysXMLGet},
		{662, "XML_COUNT", "a0, a1 text; a2, a3 path", "a0 = count", "FP_E_INVALID: malformed text or path", "1000 + 60·length", "How many elements match a path whose last place is left out.", sysXMLCount},
		{663, "XML_ESCAPE", "a0, a1 text; a2, a3 destination, size", "a0 = length", "", "200 + 4·length", "The text as it may stand in an element or an attribute.", sysXMLEscape},
	}
}

// flag answers 1 or 0.
func (v *vm) flag(ok bool) error {
	v.result(uint64(truth(ok)))
	return nil
}

// reading is who pays for bytes that a path makes the host read again.
func (v *vm) reading(pace *pacer) tree.Work {
	return func(n int) error {
		v.m.Charge(2 * uint64(n))
		_, err := pace.fuel()
		return err
	}
}

// treeError answers what went wrong with a document; a trap it hands on.
func (v *vm) treeError(err error) error {
	switch {
	case errors.Is(err, tree.ErrNone):
		v.wrong(errNone, err.Error())
	case errors.Is(err, tree.ErrPath), errors.Is(err, tree.ErrMalformed):
		v.wrong(errInvalid, err.Error())
	default:
		return err
	}
	return nil
}

func sysJSONValid(v *vm, _ *pacer) error {
	b, err := v.given(0)
	if err != nil {
		return err
	}
	if err := v.spend(200 + 3*uint64(len(b))); err != nil {
		return err
	}
	return v.flag(tree.ValidJSON(b))
}

// jsonAt finds the value that the registers name, and charges for it.
func (v *vm) jsonAt(pace *pacer) (tree.Value, error) {
	doc, err := v.given(0)
	if err != nil {
		return tree.Value{}, err
	}
	path, err := v.given(2)
	if err != nil {
		return tree.Value{}, err
	}
	if err := v.spend(500 + 3*uint64(len(doc)+len(path))); err != nil {
		return tree.Value{}, err
	}
	return tree.Find(doc, path, v.reading(pace))
}

func sysJSONGet(v *vm, pace *pacer) error {
	value, err := v.jsonAt(pace)
	if err != nil {
		return v.treeError(err)
	}
	v.bench.out = value.Append(v.bench.out[:0])
	return v.give(v.bench.out, v.arg(4), v.arg(5))
}

func sysJSONType(v *vm, pace *pacer) error {
	value, err := v.jsonAt(pace)
	if err != nil {
		return v.treeError(err)
	}
	v.result(uint64(value.Type()))
	return nil
}

func sysJSONCount(v *vm, pace *pacer) error {
	value, err := v.jsonAt(pace)
	if err != nil {
		return v.treeError(err)
	}
	v.m.Charge(2 * uint64(value.Size()))
	n, ok := value.Count()
	if !ok {
		v.wrong(errNone, "the value has no members")
		return nil
	}
	v.result(uint64(n))
	return nil
}

func sysJSONQuote(v *vm, _ *pacer) error { return v.quote(tree.AppendQuoted) }
func sysXMLEscape(v *vm, _ *pacer) error { return v.quote(tree.AppendXML) }

// quote gives a text as it may stand in a document.
func (v *vm) quote(do func(dst, src []byte) []byte) error {
	b, err := v.given(0)
	if err != nil {
		return err
	}
	if err := v.spend(200 + 4*uint64(len(b))); err != nil {
		return err
	}
	v.bench.out = do(v.bench.out[:0], b)
	return v.give(v.bench.out, v.arg(2), v.arg(3))
}

func sysJSONSet(v *vm, pace *pacer) error {
	var words [8]uint64
	var doc, path, value []byte
	if err := v.buffers(words[:], &doc, &path, &value); err != nil {
		return err
	}
	if err := v.spend(1000 + 6*uint64(len(doc)+len(path)+len(value))); err != nil {
		return err
	}
	out, err := tree.Set(v.bench.out[:0], doc, path, value, v.reading(pace))
	if v.bench.out = out; err != nil {
		return v.treeError(err)
	}
	return v.give(out, words[6], words[7])
}

const xmlCost = 60 // instructions for a byte of XML

// xmlAt charges for a document before it is read: the reader cannot be stopped.
func (v *vm) xmlAt(pace *pacer) ([]byte, error) {
	doc, err := v.given(0)
	if err != nil {
		return nil, err
	}
	if err := v.spend(1000 + xmlCost*uint64(len(doc))); err != nil {
		return nil, err
	}
	_, err = pace.fuel()
	return doc, err
}

func sysXMLValid(v *vm, pace *pacer) error {
	doc, err := v.xmlAt(pace)
	if err != nil {
		return err
	}
	return v.flag(tree.ValidXML(doc))
}

func sysXMLGet(v *vm, pace *pacer) error {
	doc, err := v.xmlAt(pace)
	if err != nil {
		return err
	}
	path, err := v.given(2)
	if err != nil {
		return err
	}
	out, err := tree.FindXML(v.bench.out[:0], doc, path)
	if v.bench.out = out; err != nil {
		return v.treeError(err)
	}
	return v.give(out, v.arg(4), v.arg(5))
}

func sysXMLCount(v *vm, pace *pacer) error {
	doc, err := v.xmlAt(pace)
	if err != nil {
		return err
	}
	path, err := v.given(2)
	if err != nil {
		return err
	}
	n, err := tree.CountXML(doc, path)
	if err != nil {
		return v.treeError(err)
	}
	v.result(uint64(n))
	return nil
}
