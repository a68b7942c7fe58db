package schema

func cacheBlock() *Block {
	return &Block{Name: "cache", Label: "name", Many: true, Doc: "A store. The store \"main\" need not be written: it has the defaults.", Attrs: []Attr{
		{Name: "memory", Kind: SizeT, Default: "64MiB", Range: "1MiB..16TiB", Doc: "All that the store takes of memory: bodies, heads, index and overhead."},
		{Name: "max_object", Kind: SizeT, Range: "1KiB..1TiB", Doc: "Largest object kept. Default: 16MiB, or half of memory if that is less."},
	}, Blocks: []*Block{
		{Name: "disk", Doc: "The store on disk, behind memory. It survives a restart.", Attrs: []Attr{
			{Name: "path", Kind: File, Required: true, Doc: "Its directory."},
			{Name: "size", Kind: SizeT, Required: true, Range: "16MiB..1024TiB", Doc: "Its bound."},
		}},
	}}
}

// policyBlock is the block cache of a route, vhost or tenant.
func policyBlock(of string) *Block {
	b := &Block{
		Name: "cache", Doc: policyDoc(of), Blocks: policyBlocks(),
		Attrs: append(append(policyTimes(), policyRules()...), policyParts()...),
	}
	if of != "route" {
		b.Like = "vhost.route.cache"
		b.Attrs = append(b.Attrs, Attr{Name: "quota", Kind: SizeT, Range: "64KiB..16TiB", Doc: "Memory that the objects of this " + of + " may take in a store. Default: no bound but the store's."})
	}
	return b
}

func policyDoc(of string) string {
	nearest := " Blocks are not merged: of route, vhost and tenant, the nearest that has one holds whole."
	switch of {
	case "route":
		return "What of the route may be stored. Empty: RFC 9111 as it is." + nearest
	case "vhost":
		return "What of its routes may be stored, where a route says nothing." + nearest
	}
	return "What of the tenant's routes may be stored, where neither route nor vhost says anything." + nearest
}

func policyTimes() []Attr {
	return []Attr{
		{Name: "enabled", Kind: Bool, Default: "true", Doc: "false: nothing is looked up or stored, whatever the vhost or tenant says."},
		{Name: "store", Kind: String, Default: "main", Doc: "The store."},
		{Name: "ttl", Kind: DurationT, Range: "0s..3650d", Doc: "Freshness, whatever the answer says; \"no-store\" and \"private\" are still obeyed. Default: as the answer says (RFC 9111 §4.2)."},
		{Name: "default_ttl", Kind: DurationT, Range: "0s..3650d", Doc: "Freshness of an answer that says nothing. Default: a tenth of the time since Last-Modified, and none without (RFC 9111 §4.2.2)."},
		{Name: "min_ttl", Kind: DurationT, Default: "0s", Range: "0s..3650d", Doc: "Freshness that an answer gives itself is raised to this."},
		{Name: "max_ttl", Kind: DurationT, Range: "1s..3650d", Doc: "Freshness is lowered to this. Default: no bound."},
		{Name: "negative_ttl", Kind: DurationT, Range: "0s..1d", Doc: "Freshness of a 4xx or 5xx that says nothing itself; 0: it is not stored. Default: as any other answer."},
		{Name: "grace", Kind: DurationT, Range: "0s..3650d", Doc: "How long after its freshness an object is served while a new one is fetched behind. Default: the answer's stale-while-revalidate (RFC 5861), or none."},
		{Name: "keep", Kind: DurationT, Default: "1h", Range: "0s..3650d", Doc: "How long after freshness and grace an object with a validator is kept, so that a 304 is enough."},
		{Name: "stale_if_error", Kind: DurationT, Range: "0s..3650d", Doc: "How long after its freshness an object is served when the servers fail. Default: the answer's stale-if-error (RFC 5861), or none."},
		{Name: "hit_for_miss", Kind: DurationT, Default: "2m", Range: "0s..1d", Doc: "After an answer that may not be stored, requests for its key go on at once, each alone, for so long. 0: they queue up behind each other."},
		{Name: "wait", Kind: DurationT, Default: "5s", Range: "0s..1h", Doc: "Longest wait for another request's fetch of the same object; then the request fetches alone. 0: none waits."},
		{Name: "saint", Kind: DurationT, Default: "0s", Range: "0s..1d", Doc: "A server that failed for an object is not asked for it so long. 0: off."},
	}
}

func policyRules() []Attr {
	return []Attr{
		{Name: "methods", Kind: Strings, Default: "GET HEAD", OneOf: []string{"GET", "HEAD", "POST"}, Doc: "Requests that are looked up. A body is part of the key; one of more than 64 KiB, or of unknown length, is not looked up. An answer to POST is an object of its own, and only when it says how long it is fresh."},
		{Name: "bypass", Kind: Condition, Doc: "Requests for which this is true are neither looked up nor stored."},
		{Name: "set_cookie", Kind: String, Default: "refuse", OneOf: []string{"refuse", "strip", "keep"}, Doc: "An answer with Set-Cookie is not stored, stored without the cookie, or stored with it for everybody."},
		{Name: "client", Kind: String, Default: "obey", OneOf: []string{"obey", "ignore"}, Doc: "Whether Cache-Control and Pragma of requests count. \"ignore\": a reload button fetches nothing."},
		{Name: "max_object", Kind: SizeT, Range: "1KiB..1TiB", Doc: "Largest object stored. Default: the store's."},
		{Name: "targeted", Kind: Strings, Default: "CDN-Cache-Control", Doc: "Fields that hold instead of Cache-Control and Expires when an answer has one, the first wins (RFC 9213)."},
		{Name: "status", Kind: Bool, Default: "true", Doc: "Answers carry Cache-Status (RFC 9211)."},
	}
}

func policyParts() []Attr {
	return []Attr{
		{Name: "tags", Kind: Strings, Doc: "Names to purge by that every object gets."},
		{Name: "tag_headers", Kind: Strings, Default: "Surrogate-Key xkey Cache-Tag", Doc: "Fields of an answer that hold further tags. Surrogate-Key and xkey are separated by spaces, others by commas or spaces."},
		{Name: "range", Kind: String, Default: "whole", OneOf: []string{"whole", "pass"}, Doc: "A range of what is not stored: fetch the whole and cut it, or fetch just the range and store this part."},
		{Name: "slice", Kind: SizeT, Range: "64KiB..1GiB", Doc: "Ranges are fetched and stored in slices of this size. Default: no slices."},
		{Name: "prefetch", Kind: Int, Default: "0", Range: "0..64", Doc: "Slices fetched ahead of a reader."},
	}
}

func policyBlocks() []*Block {
	return []*Block{
		{Name: "key", Doc: "What of a request tells two objects apart.", Attrs: []Attr{
			{Name: "query", Kind: String, Default: "all", OneOf: []string{"all", "sort", "ignore"}, Doc: "The query as it is, with its parameters in order, or not at all."},
			{Name: "drop", Kind: Strings, Doc: "Parameters that do not count; \"utm_*\" is a prefix."},
			{Name: "keep", Kind: Strings, Doc: "The only parameters that count; \"page_*\" is a prefix."},
			{Name: "headers", Kind: Strings, Doc: "Fields of the request whose values count."},
			{Name: "cookies", Kind: Strings, Doc: "Cookies whose values count."},
			{Name: "value", Kind: Text, Doc: "A further part."},
			{Name: "scheme", Kind: Bool, Default: "true", Doc: "false: http and https share objects."},
			{Name: "host", Kind: Bool, Default: "true", Doc: "false: all names of the partition share objects."},
		}},
		{Name: "vary", Doc: "Corrects what answers say in Vary.", Attrs: []Attr{
			{Name: "ignore", Kind: Strings, Doc: "Fields that do not tell variants apart."},
			{Name: "encoding", Kind: Bool, Default: "true", Doc: "Accept-Encoding counts as the codings that matter, not by its letters."},
		}},
		{Name: "encode", Doc: "Stores compressed variants of what came uncompressed.", Attrs: []Attr{
			{Name: "types", Kind: Strings, Default: "text/* application/json application/javascript application/xml image/svg+xml", Doc: "Media types; \"text/*\" is a prefix."},
			{Name: "codings", Kind: Strings, Default: "br zstd gzip", OneOf: []string{"br", "zstd", "gzip"}, Doc: "Best first."},
			{Name: "min", Kind: SizeT, Default: "1KiB", Range: "0B..1GiB", Doc: "Smaller bodies are left alone."},
		}},
		{Name: "esi", Doc: "Puts fragments into pages: esi:include, esi:try, esi:remove, <!--esi -->.", Attrs: []Attr{
			{Name: "depth", Kind: Int, Default: "5", Range: "1..16", Doc: "Includes within includes."},
			{Name: "includes", Kind: Int, Default: "64", Range: "1..10000", Doc: "Includes of one answer, those within includes counted too."},
			{Name: "on_error", Kind: String, Default: "empty", OneOf: []string{"empty", "fail"}, Doc: "A fragment that cannot be had is left out, or the answer breaks off. onerror=\"continue\" of an include always leaves it out."},
		}},
		{Name: "purge", Doc: "Who may purge by a request. The command line and the API need no such block.", Attrs: []Attr{
			{Name: "from", Kind: Networks, Required: true, Doc: "Clients; others get 403."},
			{Name: "methods", Kind: Strings, Default: "PURGE BAN", OneOf: []string{"PURGE", "BAN"}, Doc: "PURGE takes its own URL, or tags by a field; BAN takes an expression."},
			{Name: "soft", Kind: Bool, Default: "false", Doc: "Makes objects stale instead of removing them; a field X-Soft of the request decides otherwise."},
		}},
		{Name: "synthetic", Doc: "The answer when no server gives one and no object may be served.", Attrs: []Attr{
			{Name: "status", Kind: Int, Default: "503", Range: "200..599", Doc: "Status code."},
			{Name: "body", Kind: String, Doc: "The body; `file(\"…\")` reads one."},
			{Name: "headers", Kind: Fields, Doc: "Fields of the answer."},
			{Name: "ttl", Kind: DurationT, Default: "0s", Range: "0s..1h", Doc: "How long it answers before a server is asked again. 0: for that request alone."},
		}},
	}
}
