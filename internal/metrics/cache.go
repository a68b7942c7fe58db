package metrics

// How a request ended at the cache: offsets into CacheRequests, and the words of
// the access log's field cache, of explain and of status. The first eight are
// the kinds of the cache's rules, by their numbers.
const (
	CacheHit            = iota // a fresh object
	CacheHitStale              // a stale one, in grace or because the servers fail
	CacheRevalidated           // the kept object: the server said 304
	CacheMiss                  // fetched, and perhaps stored
	CacheGatewayTimeout        // 504: the client wanted only what is stored
	CacheHitForMiss            // fetched alone: answers of this key are known not to be stored
	CacheCoalesced             // the object that another request was fetching
	CacheBypass                // neither looked up nor stored
	CacheSynthetic             // the configured answer to failure
)

var cacheWords = []string{
	"hit", "hit-stale", "revalidated", "miss", "gateway-timeout", "hit-for-miss", "coalesced", "bypass", "synthetic",
}

// CacheWords returns the words of the ways, by their numbers.
func CacheWords() []string { return cacheWords }

// The causes of the cache's rules by their numbers; a test there compares them.
var whyWords = []string{
	"fresh", "immutable", "grace", "max-stale", "stale-if-error", "absent", "vary", "stale", "no-cache", "must-revalidate",
	"client-no-cache", "client-max-age", "client-min-fresh", "banned", "uncacheable", "method", "off", "expression", "guest",
	"upgrade", "range", "waited",
}

// WhyWords returns the words of the row at CacheWhys.
func WhyWords() []string { return whyWords }

// The reasons of the cache's rules not to store an answer, by their numbers.
var uncacheableWords = []string{
	"storable", "method", "not-final", "not-modified", "partial", "status", "must-understand", "head", "client-no-store", "no-store",
	"private", "authorization", "set-cookie", "vary-star", "vary-long", "post", "not-reusable", "too-large",
}

// UncacheableWords returns the words of the row at CacheJudged.
func UncacheableWords() []string { return uncacheableWords }

// Cells of a partition's Set.
const (
	CacheRequests    = 0  // +CacheHit and those after it
	CacheWhys        = 9  // +number of the cause, for every request
	CacheJudged      = 31 // +number of the reason, for every answer that was judged
	CacheRefreshes   = 49 // +0 begun, +1 failed
	CacheNotModified = 51
	CacheStored      = 52
	CacheBytesHit    = 53
	CacheBytesFetch  = 54
	CacheWaits       = 55
	CacheWaitTime    = 56
	CacheIncludes    = 57 // +0 served, +1 failed
	CacheSlices      = 59 // +0 asked, +1 ahead of a reader
	CacheConditional = 61 // +0 304, +1 206, +2 412, +3 416
	CacheObjects     = 65 // the gauges and counters from here on come from the store
	CacheBytes       = 66
	CacheQuota       = 67
	CacheEvicted     = 68 // +0 by its quota, +1 by the store's bound
	CacheNoRoom      = 70
	CachePurged      = 71
)

// Partition is the table of a partition's Set: what the requests of a tenant, or
// of a virtual host without one, met at the cache.
var Partition = Table{Subject: "partition", Labels: []string{"partition"}, Rows: []Row{
	{At: CacheRequests, Name: "fishplate_cache_requests_total", Label: "result", Values: cacheWords, Help: "Requests of routes with a cache policy, by how they ended at the cache."},
	{At: CacheWhys, Name: "fishplate_cache_reasons_total", Label: "reason", Values: whyWords, Help: "The same requests by why: of a hit, of a miss, of a bypass. The words are in docs/reference/cache.md."},
	{At: CacheJudged, Name: "fishplate_cache_answers_total", Label: "reason", Values: uncacheableWords, Help: "Answers of servers that were judged: storable, or why not. The words are in docs/reference/cache.md."},
	{At: CacheRefreshes, Name: "fishplate_cache_refreshes_total", Label: "end", Values: []string{"begun", "failed"}, Help: "Fetches behind a stale answer: all, and those that failed."},
	{At: CacheNotModified, Name: "fishplate_cache_not_modified_total", Help: "Fetches that a 304 of the server answered, in the foreground and behind."},
	{At: CacheStored, Name: "fishplate_cache_stored_total", Help: "Objects that were stored or renewed."},
	{At: CacheBytesHit, Name: "fishplate_cache_hit_bytes_total", Unit: Bytes, Help: "Body bytes sent out of the stores."},
	{At: CacheBytesFetch, Name: "fishplate_cache_fetched_bytes_total", Unit: Bytes, Help: "Body bytes that servers sent for requests that were looked up."},
	{At: CacheWaits, Name: "fishplate_cache_waits_total", Help: "Requests that waited for another one's fetch."},
	{At: CacheWaitTime, Name: "fishplate_cache_wait_seconds_total", Unit: Nanoseconds, Help: "Time that they waited."},
	{At: CacheIncludes, Name: "fishplate_cache_includes_total", Label: "end", Values: []string{"served", "failed"}, Help: "ESI includes."},
	{At: CacheSlices, Name: "fishplate_cache_slices_total", Label: "why", Values: []string{"asked", "ahead"}, Help: "Slices of ranges that were fetched."},
	{At: CacheConditional, Name: "fishplate_cache_conditional_total", Label: "answer", Values: []string{"304", "206", "412", "416"}, Help: "Answers that the cache made of an object for a condition or a range."},
	{At: CacheObjects, Name: "fishplate_cache_partition_objects", Kind: Gauge, Help: "Its objects in memory."},
	{At: CacheBytes, Name: "fishplate_cache_partition_bytes", Kind: Gauge, Unit: Bytes, Help: "Memory that they take."},
	{At: CacheQuota, Name: "fishplate_cache_partition_quota_bytes", Kind: Gauge, Unit: Bytes, Help: "The partition's quota; 0: none."},
	{At: CacheEvicted, Name: "fishplate_cache_evicted_total", Label: "by", Values: []string{"quota", "store"}, Help: "Objects that made room for others, by whose bound."},
	{At: CacheNoRoom, Name: "fishplate_cache_no_room_total", Help: "Objects that were not stored for want of room."},
	{At: CachePurged, Name: "fishplate_cache_purged_total", Help: "Objects removed or made stale by a purge or a ban."},
}}

// Cells of a store's reading. All of them are read from the store, so its Set is
// NewSet(0) and Reading.More has them all.
const (
	StoreBytes      = 0 // +0 index, +1 heads, +2 bodies, +3 free; together what the store takes
	StoreLimit      = 4
	StoreSlack      = 5
	StoreObjects    = 6
	StorePinned     = 7
	StoreAges       = 8  // +bucket: ten
	StoreSizes      = 18 // +bucket: twelve
	StoreHits       = 30
	StoreMisses     = 31
	StoreStored     = 32
	StoreEvicted    = 33
	StoreRefused    = 34
	StoreReplaced   = 35
	StorePurged     = 36
	StoreBans       = 37
	StoreBanAge     = 38
	StoreBanTests   = 39
	StoreDiskBytes  = 40
	StoreDiskLimit  = 41
	StoreDiskCount  = 42
	StoreDiskHits   = 43
	StoreDiskMisses = 44
	StoreDiskWrites = 45 // +0 written, +1 dropped for want of time, +2 failed
	StoreDiskTorn   = 48
	StoreDiskIn     = 49
	StoreDiskBad    = 50
	StoreDiskLoaded = 51
)

// Cache is the table of a store.
var Cache = Table{Subject: "cache", Labels: []string{"store"}, Rows: []Row{
	{At: StoreBytes, Name: "fishplate_cache_bytes", Kind: Gauge, Unit: Bytes, Label: "kind", Values: []string{"index", "heads", "bodies", "free"}, Help: "Memory of the store by what it is for; the sum is what the store takes."},
	{At: StoreLimit, Name: "fishplate_cache_limit_bytes", Kind: Gauge, Unit: Bytes, Help: "Its bound."},
	{At: StoreSlack, Name: "fishplate_cache_slack_bytes", Kind: Gauge, Unit: Bytes, Help: "Part of heads and bodies: lost to rounding."},
	{At: StoreObjects, Name: "fishplate_cache_objects", Kind: Gauge, Help: "Objects in memory."},
	{At: StorePinned, Name: "fishplate_cache_pinned", Kind: Gauge, Help: "Objects that are removed and still being sent."},
	{At: StoreAges, Name: "fishplate_cache_ages", Kind: Gauge, Label: "below", Values: []string{"1s", "10s", "1m", "10m", "1h", "6h", "1d", "7d", "30d", "inf"}, Help: "Objects in memory by the time since they were stored."},
	{At: StoreSizes, Name: "fishplate_cache_sizes", Kind: Gauge, Label: "below", Values: []string{"1B", "256B", "1KiB", "4KiB", "16KiB", "64KiB", "256KiB", "1MiB", "4MiB", "16MiB", "64MiB", "inf"}, Help: "Objects in memory by the length of their bodies."},
	{At: StoreHits, Name: "fishplate_cache_store_hits_total", Help: "Look-ups that found an object in memory, fresh or not."},
	{At: StoreMisses, Name: "fishplate_cache_store_misses_total", Help: "Look-ups that found none in memory."},
	{At: StoreStored, Name: "fishplate_cache_store_stored_total", Help: "Objects that came into memory."},
	{At: StoreEvicted, Name: "fishplate_cache_store_evicted_total", Help: "Objects that made room for others."},
	{At: StoreRefused, Name: "fishplate_cache_store_refused_total", Help: "Objects for which there was no room."},
	{At: StoreReplaced, Name: "fishplate_cache_store_replaced_total", Help: "Objects that a newer variant replaced."},
	{At: StorePurged, Name: "fishplate_cache_store_purged_total", Help: "Objects that a purge or a ban removed."},
	{At: StoreBans, Name: "fishplate_cache_bans", Kind: Gauge, Help: "Bans that some object was not tested against yet."},
	{At: StoreBanAge, Name: "fishplate_cache_oldest_ban_seconds", Kind: Gauge, Unit: Nanoseconds, Help: "Age of the oldest of them."},
	{At: StoreBanTests, Name: "fishplate_cache_ban_tests_total", Help: "Objects tested against a ban, at look-up and behind."},
	{At: StoreDiskBytes, Name: "fishplate_cache_disk_bytes", Kind: Gauge, Unit: Bytes, Help: "What the store takes on disk."},
	{At: StoreDiskLimit, Name: "fishplate_cache_disk_limit_bytes", Kind: Gauge, Unit: Bytes, Help: "Its bound there; 0: no disk."},
	{At: StoreDiskCount, Name: "fishplate_cache_disk_objects", Kind: Gauge, Help: "Objects on disk."},
	{At: StoreDiskHits, Name: "fishplate_cache_disk_hits_total", Help: "Look-ups that found an object on disk."},
	{At: StoreDiskMisses, Name: "fishplate_cache_disk_misses_total", Help: "Look-ups that found none there either."},
	{At: StoreDiskWrites, Name: "fishplate_cache_disk_writes_total", Label: "end", Values: []string{"written", "dropped", "refused"}, Help: "Objects for the disk: written, dropped because too many waited, or not taken for another reason."},
	{At: StoreDiskTorn, Name: "fishplate_cache_disk_torn_total", Help: "Objects whose checksum was wrong, or that were written in part: thrown away, never served."},
	{At: StoreDiskIn, Name: "fishplate_cache_disk_written_bytes_total", Unit: Bytes, Help: "Bytes written."},
	{At: StoreDiskBad, Name: "fishplate_cache_disk_read_errors_total", Help: "Reads that the disk failed; the servers were asked instead."},
	{At: StoreDiskLoaded, Name: "fishplate_cache_disk_loaded", Kind: Gauge, Help: "1 when the index is read, 0 while it is being read after a start."},
}}
