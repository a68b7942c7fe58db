package schema

import (
	"fmt"
	"strings"
)

// nearest returns the candidate that a typing mistake most likely meant, or "".
// It accepts a third of the word's letters as wrong, and at least one.
func nearest(word string, candidates []string) string {
	best, bestCost := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		cost := distance(strings.ToLower(word), strings.ToLower(c), bestCost)
		if cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// DidYouMean renders the suggestion for an unknown word; "" when nothing is near.
func DidYouMean(word string, candidates []string) string {
	if c := nearest(word, candidates); c != "" {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return ""
}

// distance is the number of single-letter edits and swaps of neighbours between
// two words, or at least limit when it gets that far.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, previous, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(b)]
}

// List renders words for a sentence: "a", "b" or "c".
func List(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	switch len(quoted) {
	case 0:
		return "nothing"
	case 1:
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}
