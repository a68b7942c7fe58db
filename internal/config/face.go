package config

import (
	"io"
	"time"

	"fishplate/internal/config/diff"
	"fishplate/internal/config/files"
	"fishplate/internal/config/finding"
	"fishplate/internal/config/revise"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
)

// The types of the inner rooms that callers meet.
type (
	Diagnostic  = finding.Diagnostic
	Diagnostics = finding.Diagnostics
	Sources     = finding.Sources
	Severity    = finding.Severity
	Change      = diff.Change
	Field       = diff.Field
	Edit        = revise.Edit
	EditValue   = revise.Value
	EditError   = revise.Error
)

// The two severities.
const (
	Error   = finding.Error
	Warning = finding.Warning
)

// Schema returns the table of the whole language.
func Schema() *schema.Block { return schema.Top() }

// Reference writes docs/reference/configuration.md from the schema.
func Reference(w io.Writer) error { return schema.Reference(w) }

// Size reads a size as the configuration writes it, "64MiB", into bytes.
func Size(s string) (int64, error) { return schema.Size(s) }

// FormatSize writes bytes as the configuration does.
func FormatSize(n int64) string { return schema.FormatSize(n) }

// Show is a file's name for people who work in the folder base.
func Show(base, name string) string { return files.Show(base, name) }

// Revise makes one change in the text of a whole configuration; the error is an
// *EditError.
func Revise(text []byte, e Edit) ([]byte, error) { return revise.Apply(text, e) }

// Duration reads a duration as the configuration writes it, "250ms", "1d".
func Duration(s string) (time.Duration, error) { return schema.Duration(s) }

// Diff lists what changed from one configuration to another; either may be nil.
func Diff(old, new *model.Config) []Change { return diff.Diff(old, new) }

// Equal reports whether two configurations mean the same, wherever and in
// whatever order they were written.
func Equal(a, b *model.Config) bool { return len(diff.Diff(a, b)) == 0 }
