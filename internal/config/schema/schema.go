package schema

import (
	"fmt"
	"strings"
)

// Kind is the type of an attribute's value, as a writer of configuration sees it.
type Kind int

// The kinds of value. The last three are read per request, not when loading.
const (
	String    Kind = iota
	Bool           // true or false
	Int            // whole number
	DurationT      // "250ms"
	SizeT          // "64MiB"
	RateT          // "100/s"
	PercentT       // "10%"
	Strings        // list of strings, or one string
	Networks       // list of addresses or prefixes, or one
	File           // path, relative to the file that names it
	Shares         // map of name to percentage
	Pipeline       // balance: a name or a list of transforms
	Condition      // true or false, decided per request
	Text           // string, made per request
	Number         // number, computed per request
	Fields         // map of field name to Text
)

func (k Kind) String() string {
	return [...]string{
		"string", "bool", "number", "duration", "size", "rate", "percentage", "list of strings", "list of networks", "file",
		"map of percentages", "pipeline", "condition", "value", "numeric value", "map of values",
	}[k]
}

// Attr is one attribute: what it means, what it may be, what it is when not written.
type Attr struct {
	Name     string
	Kind     Kind
	Default  string // as one would write it, without quotes; lists separated by spaces; "" = none
	Required bool
	OneOf    []string // allowed words; others are refused
	Also     []string // words allowed beside a value of Kind, such as "auto" or "off"
	Range    string   // "LOW..HIGH" in the units of Kind; "" = any
	Doc      string   // a sentence for the reference
	Restart  bool     // true: a change needs a restart; everything else is live
	Unbuilt  string   // what to do instead while it is not built yet; "" = built
}

// Block is one block: its attributes and the blocks in it.
type Block struct {
	Name    string
	Label   string   // what the label is, "" = the block has none
	Labels  []string // allowed labels; nil = any name
	Many    bool     // may be written more than once
	Doc     string
	Unbuilt string
	Like    string // path of the block whose rows these are; the reference shows only what is not there
	Attrs   []Attr
	Blocks  []*Block
}

// Top returns the table of the whole language: the top of a file is the
// block without a name. Every call returns a fresh copy.
func Top() *Block {
	return &Block{
		Doc: "The top of a file.",
		Attrs: []Attr{
			{Name: "include", Kind: Strings, Doc: "More files, as paths or globs, relative to this file."},
		},
		Blocks: []*Block{
			{Name: "locals", Many: true, Doc: "Names for values, used as `local.NAME` anywhere, in any order, evaluated when the files are read. Any attribute may be written."},
			processBlock(), stateBlock(), adminBlock(), listenerBlock(), certificateBlock(), vhostBlock(), backendBlock(),
			tenantBlock(), tenantsBlock(), cacheBlock(), logBlock(), programBlock(),
		},
	}
}

// Table is a block of the schema with its look-ups made, for one Load.
type Table struct {
	*Block
	Rows  map[string]*Row
	Inner map[string]*Table
}

// Row is an attribute with its default already converted.
type Row struct {
	*Attr
	Value any
}

func Compile(b *Block) *Table {
	t := &Table{Block: b, Rows: map[string]*Row{}, Inner: map[string]*Table{}}
	for i := range b.Attrs {
		row := &Row{Attr: &b.Attrs[i]}
		row.Value = row.defaultValue()
		t.Rows[row.Name] = row
	}
	for _, inner := range b.Blocks {
		t.Inner[inner.Name] = Compile(inner)
	}
	return t
}

// defaultValue converts the Default text; a row with a bad one is a bug of the
// table, which the table's test finds.
func (r *Row) defaultValue() any {
	if r.Default == "" {
		return nil
	}
	var v any
	var err error
	switch r.Kind {
	case Strings:
		v = strings.Fields(r.Default)
	default:
		v, err = r.fromText(r.Default)
	}
	if err != nil {
		panic(fmt.Sprintf("default of %s: %v", r.Name, err))
	}
	return v
}

// Where names a block for a sentence: `listener "web"`.
func (t *Table) Where(label string) string {
	switch {
	case t.Name == "":
		return "the top of a file"
	case label != "":
		return fmt.Sprintf("%s %q", t.Name, label)
	}
	return fmt.Sprintf("block %q", t.Name)
}

func (t *Table) AttrNames() []string {
	names := make([]string, len(t.Attrs))
	for i := range t.Attrs {
		names[i] = t.Attrs[i].Name
	}
	return names
}

func (t *Table) BlockNames() []string {
	names := make([]string, len(t.Blocks))
	for i := range t.Blocks {
		names[i] = t.Blocks[i].Name
	}
	return names
}
