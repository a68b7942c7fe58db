package metrics

import (
	"sort"
	"sync"
	"sync/atomic"
)

// Words counts events by a short word that is not known beforehand, such as
// the cause of a fault. At most limit words are kept apart; what comes later is
// counted under "other", so that the sum over all words is exact. It is for
// rare events: a read lock is taken for each.
type Words struct {
	limit int
	other atomic.Int64
	mu    sync.RWMutex
	count map[string]*atomic.Int64 // guarded by mu; the cells are not
}

// Other is the word under which those beyond a limit are counted.
const Other = "other"

// NewWords returns an empty count that keeps at most limit words apart.
func NewWords(limit int) *Words {
	return &Words{limit: limit, count: make(map[string]*atomic.Int64)}
}

// Add counts one event.
func (w *Words) Add(word string) { w.cell(word).Add(1) }

func (w *Words) cell(word string) *atomic.Int64 {
	w.mu.RLock()
	cell := w.count[word]
	w.mu.RUnlock()
	if cell != nil {
		return cell
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if cell = w.count[word]; cell != nil {
		return cell
	}
	if len(w.count) >= w.limit || word == Other {
		return &w.other
	}
	cell = new(atomic.Int64)
	w.count[word] = cell
	return cell
}

// WordCount is one word and how often it was counted.
type WordCount struct {
	Word  string
	Count int64
}

// Counts returns every word that was counted, in order, "other" last and only
// when there was any.
func (w *Words) Counts() []WordCount {
	w.mu.RLock()
	list := make([]WordCount, 0, len(w.count)+1)
	for word, cell := range w.count {
		list = append(list, WordCount{word, cell.Load()})
	}
	w.mu.RUnlock()
	sort.Slice(list, func(i, j int) bool { return list[i].Word < list[j].Word })
	if n := w.other.Load(); n > 0 {
		list = append(list, WordCount{Other, n})
	}
	return list
}
