package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"fishplate/internal/letters"
)

// printf writes a line or a row. What is written with it was chosen by others: none
// of it drives the terminal, or begins another line.
func printf(w io.Writer, format string, args ...any) (int, error) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = letters.Row(s)
		}
	}
	return fmt.Fprintf(w, format, args...)
}

// lines is a text with the lines that it has.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = letters.Row(list[i])
	}
	return strings.Join(list, "\n")
}

// Count writes a number with its noun.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// size writes bytes as people read them: exact when short, else rounded.
func size(n int64) string {
	if n < 10_000 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	for i, u := range units {
		if f /= 1024; f < 1000 || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", f, u)
		}
	}
	return ""
}

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d >= time.Minute {
		d = d.Round(time.Second)
	} else {
		d = d.Round(100 * time.Millisecond)
	}
	return d.String()
}

// Also is what follows another count: ", 2 warnings", or nothing of none.
func Also(n int, what string) string {
	if n == 0 {
		return ""
	}
	return ", " + Count(n, what)
}
