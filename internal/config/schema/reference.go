package schema

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Reference writes docs/reference/configuration.md from the schema.
func Reference(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Configuration reference\n\n")
	b.WriteString("Generated from the schema table; `make gen` writes it. Every change is live unless a row says otherwise.\n\n")
	b.WriteString("Durations are written \"250ms\", \"1h30m\", \"1d\"; sizes \"64MiB\", \"500kB\"; rates \"100/s\", \"30/m\"; percentages \"10%\". ")
	b.WriteString("A list of one may be written without brackets. Conditions and values are expressions over the request.\n\n")
	b.WriteString("While files are read, `local.NAME`, `env(\"NAME\")`, `env(\"NAME\", \"default\")` and `file(\"PATH\")` can be used in every value.\n\n")
	writeBlock(&b, Top(), "")
	b.WriteString("## Balancing\n\n| transform | alone | what it does |\n|---|---|---|\n")
	for _, t := range Transforms() {
		alone := ""
		if t.Alone {
			alone = "yes"
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s |\n", t.Name, t.Args, alone, t.Doc)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func writeBlock(b *bytes.Buffer, t *Block, parent string) {
	path := strings.TrimPrefix(parent+"."+t.Name, ".")
	title := "Top level"
	if t.Name != "" {
		title = "`" + path
		if t.Label != "" {
			title += " \"" + strings.ToUpper(t.Label) + "\""
		}
		title += "`"
	}
	fmt.Fprintf(b, "## %s\n\n%s", title, t.Doc)
	if len(t.Labels) > 0 {
		fmt.Fprintf(b, " %s: %s.", strings.ToUpper(t.Label[:1])+t.Label[1:], List(t.Labels))
	}
	if t.Many {
		b.WriteString(" May be written more than once.")
	}
	if t.Unbuilt != "" {
		fmt.Fprintf(b, " **Not built yet**: %s.", t.Unbuilt)
	}
	b.WriteString("\n\n")
	if t.Like != "" {
		writeLike(b, t)
		return
	}
	if len(t.Attrs) > 0 {
		b.WriteString("| attribute | type | default | allowed | meaning |\n|---|---|---|---|---|\n")
	}
	for i := range t.Attrs {
		writeAttr(b, &t.Attrs[i])
	}
	if len(t.Attrs) > 0 {
		b.WriteString("\n")
	}
	for _, inner := range t.Blocks {
		writeBlock(b, inner, path)
	}
}

// writeLike refers to the block that t resembles, and shows what it has besides.
func writeLike(b *bytes.Buffer, t *Block) {
	known := map[string]bool{}
	for _, a := range find(Top(), strings.Split(t.Like, ".")).Attrs {
		known[a.Name] = true
	}
	fmt.Fprintf(b, "All of `%s`, and:\n\n| attribute | type | default | allowed | meaning |\n|---|---|---|---|---|\n", t.Like)
	for i := range t.Attrs {
		if !known[t.Attrs[i].Name] {
			writeAttr(b, &t.Attrs[i])
		}
	}
	b.WriteString("\n")
}

func find(t *Block, path []string) *Block {
	for _, in := range t.Blocks {
		if len(path) > 0 && in.Name == path[0] {
			return find(in, path[1:])
		}
	}
	return t
}

func writeAttr(b *bytes.Buffer, a *Attr) {
	def := "–"
	switch {
	case a.Required:
		def = "required"
	case a.Default != "" && a.Kind == Strings:
		def = "`" + strings.Join(strings.Fields(a.Default), ", ") + "`"
	case a.Default != "":
		def = "`" + a.Default + "`"
	}
	allowed := strings.ReplaceAll(a.Range, "..", " to ")
	if len(a.OneOf) > 0 {
		allowed = List(a.OneOf)
	}
	if len(a.Also) > 0 {
		allowed = strings.TrimPrefix(allowed+", or "+List(a.Also), ", or ")
	}
	doc := a.Doc
	if a.Restart {
		doc += " **Needs a restart.**"
	}
	if a.Unbuilt != "" {
		doc += " **Not built yet**: " + a.Unbuilt + "."
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", a.Name, a.Kind, def, strings.ReplaceAll(allowed, "|", "\\|"), strings.ReplaceAll(doc, "|", "\\|"))
}
