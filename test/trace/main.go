package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A request is one line of a trace. Keys are numbers from 0.
type request struct {
	key  uint32
	size uint32
}

// A policy is a cache of a number of bytes.
type policy interface {
	// request reports a hit, and stores the object on a miss.
	request(r request) bool
}

var policies = []struct {
	name string
	make func(bytes int64, keys int) policy
}{
	{"LRU", newLRU},
	{"S3-FIFO", newS3},
	{"W-TinyLFU", newTinyLFU},
}

// shares are the sizes of caches tried, in parts of all bytes of a trace.
var shares = []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3}

func main() {
	file := flag.String("file", "", `a trace of lines "key size" (size may be absent) instead of generated ones`)
	only := flag.String("only", "", "comma-separated names of generated traces; empty = all")
	n := flag.Int("n", 2_000_000, "requests of a generated trace")
	flag.Parse()
	if err := run(os.Stdout, *file, *only, *n); err != nil {
		fmt.Fprintln(os.Stderr, "trace:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, file, only string, n int) error {
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		list, err := parse(f)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		return report(out, file, list)
	}
	for _, g := range generators {
		if only != "" && !strings.Contains(","+only+",", ","+g.name+",") {
			continue
		}
		if err := report(out, g.name+": "+g.title, g.make(n)); err != nil {
			return err
		}
	}
	return nil
}

// parse reads lines of a key and a size in bytes, 1 when absent.
func parse(in io.Reader) (list []request, err error) {
	keys := map[string]uint32{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		size := uint64(1)
		if len(words) > 1 {
			if size, err = strconv.ParseUint(words[1], 10, 31); err != nil {
				return nil, fmt.Errorf("size %q: %w", words[1], err)
			}
		}
		key, ok := keys[words[0]]
		if !ok {
			key = uint32(len(keys))
			keys[words[0]] = key
		}
		list = append(list, request{key, uint32(max(size, 1))})
	}
	return list, lines.Err()
}

// report prints a table: a row for each size of cache, a column for each policy.
func report(out io.Writer, title string, list []request) error {
	sizes := map[uint32]uint32{}
	most := uint32(0)
	for _, r := range list {
		sizes[r.key] = r.size
		most = max(most, r.key)
	}
	total := int64(0)
	for _, size := range sizes {
		total += int64(size)
	}
	fmt.Fprintf(out, "%s\n%d requests of %d objects, %d bytes; misses in percent\n", title, len(list), len(sizes), total)
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "cache\t")
	for _, p := range policies {
		fmt.Fprintf(t, "%s\t", p.name)
	}
	fmt.Fprintln(t)
	for _, share := range shares {
		fmt.Fprintf(t, "%.1f %%\t", 100*share)
		for _, p := range policies {
			fmt.Fprintf(t, "%.2f\t", 100*misses(p.make(max(int64(share*float64(total)), 1), int(most)+1), list))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

// misses returns the share of requests that miss.
func misses(p policy, list []request) float64 {
	n := 0
	for _, r := range list {
		if !p.request(r) {
			n++
		}
	}
	return float64(n) / float64(len(list))
}
