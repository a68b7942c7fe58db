package rules

// Word is one row of a table of words: what logs, counters, explain and
// Cache-Status say, what it means, and where it is written.
type Word struct{ Name, Doc, Source string }

// Reason says why an answer is not stored; Storable when it is.
type Reason uint8

// The reasons.
const (
	Storable Reason = iota
	ReasonMethod
	ReasonNotFinal
	ReasonNotModified
	ReasonPartial
	ReasonStatus
	ReasonMustUnderstand
	ReasonHead
	ReasonClientNoStore
	ReasonNoStore
	ReasonPrivate
	ReasonAuthorization
	ReasonSetCookie
	ReasonVaryStar
	ReasonVaryLong
	ReasonPostFreshness
	ReasonNotReusable
	ReasonTooLarge
	numReasons
)

var reasons = [numReasons]Word{
	Storable:             {"storable", "the answer may be stored", "RFC 9111 §3"},
	ReasonMethod:         {"method", "the policy stores no answers to that method", "RFC 9111 §3"},
	ReasonNotFinal:       {"not-final", "the status is no final one", "RFC 9111 §3"},
	ReasonNotModified:    {"not-modified", "a 304 changes a stored answer and is none itself", "RFC 9111 §3"},
	ReasonPartial:        {"partial", "a 206 whose Content-Range tells no single part, or that the policy does not store", "RFC 9111 §3.3"},
	ReasonStatus:         {"status", "the status speaks of one request alone (412, 416, 429 …), or is not cacheable by heuristics and nothing is said of freshness", "RFC 9111 §3, RFC 6585"},
	ReasonMustUnderstand: {"must-understand", "the answer says must-understand, and its status has no rules here", "RFC 9111 §5.2.2.3"},
	ReasonHead:           {"head", "an answer to HEAD has no body to store", "RFC 9110 §9.3.2"},
	ReasonClientNoStore:  {"client-no-store", "the request says no-store", "RFC 9111 §5.2.1.5"},
	ReasonNoStore:        {"no-store", "the answer says no-store", "RFC 9111 §5.2.2.5"},
	ReasonPrivate:        {"private", "the answer says private", "RFC 9111 §5.2.2.7"},
	ReasonAuthorization:  {"authorization", "the request has Authorization, and the answer says none of public, s-maxage, must-revalidate", "RFC 9111 §3.5"},
	ReasonSetCookie:      {"set-cookie", "the answer has Set-Cookie, and set_cookie is \"refuse\"", "RFC 9111 §7.3"},
	ReasonVaryStar:       {"vary-star", "Vary: *, or one that cannot be read, matches no request", "RFC 9111 §4.1"},
	ReasonVaryLong:       {"vary-long", "Vary names too many fields, or their values are too long", "own bound"},
	ReasonPostFreshness:  {"post", "an answer to POST needs explicit freshness", "RFC 9110 §9.3.3"},
	ReasonNotReusable:    {"not-reusable", "it would be neither fresh, nor served stale, nor is there a validator to keep it for", "RFC 9111 §4"},
	ReasonTooLarge:       {"too-large", "Content-Length exceeds max_object", "own bound"},
}

// String returns the word.
func (r Reason) String() string { return reasons[r].Name }

// Doc returns the line of prose that explains the word.
func (r Reason) Doc() string { return reasons[r].Doc }

// Reasons returns the table of reasons, by their numbers.
func Reasons() []Word { return append([]Word(nil), reasons[:]...) }

// Kind is what a lookup comes to. The first five are Reuse's, from best to
// worst; the others are the face's, which decides about them.
type Kind uint8

// The kinds.
const (
	Hit Kind = iota
	HitStale
	Revalidate
	Miss
	GatewayTimeout
	HitForMiss
	Coalesced
	Bypass
	numKinds
)

var kinds = [numKinds]Word{
	Hit:            {"hit", "a stored answer was used", "RFC 9111 §4"},
	HitStale:       {"hit-stale", "a stale stored answer was used, as somebody allows", "RFC 9111 §4.2.4"},
	Revalidate:     {"revalidate", "a stored answer may be used once its server confirms it, or fails", "RFC 9111 §4.3"},
	Miss:           {"miss", "no stored answer may be used", "RFC 9111 §4"},
	GatewayTimeout: {"gateway-timeout", "no stored answer may be used, and the request says only-if-cached", "RFC 9111 §5.2.1.7"},
	HitForMiss:     {"hit-for-miss", "the key is known to be uncacheable, so nobody waits for another's fetch", "own"},
	Coalesced:      {"coalesced", "the answer to somebody else's fetch of the same key was used", "RFC 9111 §4"},
	Bypass:         {"bypass", "the request does not take part in caching", "own"},
}

// String returns the word.
func (k Kind) String() string { return kinds[k].Name }

// Doc returns the line of prose that explains the word.
func (k Kind) Doc() string { return kinds[k].Doc }

// Kinds returns the table of kinds, by their numbers.
func Kinds() []Word { return append([]Word(nil), kinds[:]...) }

// Why is the cause of an outcome.
type Why uint8

// The causes.
const (
	WhyFresh Why = iota
	WhyImmutable
	WhyGrace
	WhyMaxStale
	WhyStaleIfError
	WhyAbsent
	WhyVary
	WhyStale
	WhyNoCache
	WhyMustRevalidate
	WhyClientNoCache
	WhyClientMaxAge
	WhyClientMinFresh
	WhyBanned
	WhyUncacheable
	WhyMethod
	WhyOff
	WhyExpression
	WhyGuest
	WhyUpgrade
	WhyRange
	WhyWaited
	numWhys
)

var whys = [numWhys]Word{
	WhyFresh:          {"fresh", "its age is below its freshness lifetime", "RFC 9111 §4.2"},
	WhyImmutable:      {"immutable", "it is fresh and immutable, so the age that the client asks for does not matter", "RFC 8246 §2"},
	WhyGrace:          {"grace", "it is stale for less than its grace, and a new one is being fetched", "RFC 5861 §3"},
	WhyMaxStale:       {"max-stale", "the client accepts answers that are stale for so long", "RFC 9111 §5.2.1.2"},
	WhyStaleIfError:   {"stale-if-error", "the servers fail, and it is stale for less than stale-if-error", "RFC 5861 §4"},
	WhyAbsent:         {"absent", "nothing is stored under the key", "RFC 9111 §4"},
	WhyVary:           {"vary", "variants are stored under the key, and none belongs to the request", "RFC 9111 §4.1"},
	WhyStale:          {"stale", "its age has reached its freshness lifetime", "RFC 9111 §4.2"},
	WhyNoCache:        {"no-cache", "it says no-cache, so each use needs the server's word", "RFC 9111 §5.2.2.4"},
	WhyMustRevalidate: {"must-revalidate", "it is stale and forbids to be served so", "RFC 9111 §5.2.2.2"},
	WhyClientNoCache:  {"client-no-cache", "the request says no-cache", "RFC 9111 §5.2.1.4"},
	WhyClientMaxAge:   {"client-max-age", "it is older than the request's max-age", "RFC 9111 §5.2.1.1"},
	WhyClientMinFresh: {"client-min-fresh", "less freshness is left than the request's min-fresh", "RFC 9111 §5.2.1.3"},
	WhyBanned:         {"banned", "a ban or a purge struck it", "own"},
	WhyUncacheable:    {"uncacheable", "an earlier answer under the key could not be stored", "own"},
	WhyMethod:         {"method", "the policy looks up no requests of that method", "RFC 9111 §4"},
	WhyOff:            {"off", "the route has no cache, or its program switched it off", "own"},
	WhyExpression:     {"expression", "the policy's bypass expression is true", "own"},
	WhyGuest:          {"guest", "the tenant's program bypassed the cache", "own"},
	WhyUpgrade:        {"upgrade", "the request asks to switch protocols", "RFC 9110 §7.8"},
	WhyRange:          {"range", "the stored part does not hold the range", "RFC 9111 §3.3"},
	WhyWaited:         {"waited", "the wait for somebody else's fetch came to its end", "own"},
}

// String returns the word.
func (w Why) String() string { return whys[w].Name }

// Doc returns the line of prose that explains the word.
func (w Why) Doc() string { return whys[w].Doc }

// Whys returns the table of causes, by their numbers.
func Whys() []Word { return append([]Word(nil), whys[:]...) }

// Source says what a freshness lifetime was taken from.
type Source uint8

// The sources, in the order in which they are asked.
const (
	SourceNone Source = iota
	SourceTTL
	SourceSMaxAge
	SourceMaxAge
	SourceExpires
	SourceNegativeTTL
	SourceDefaultTTL
	SourceHeuristic
	numSources
)

var sources = [numSources]Word{
	SourceNone:        {"none", "nothing says anything of freshness: none", "RFC 9111 §4.2.1"},
	SourceTTL:         {"ttl", "the policy's ttl", "own"},
	SourceSMaxAge:     {"s-maxage", "the answer's s-maxage", "RFC 9111 §5.2.2.10"},
	SourceMaxAge:      {"max-age", "the answer's max-age", "RFC 9111 §5.2.2.1"},
	SourceExpires:     {"expires", "the answer's Expires less its Date", "RFC 9111 §5.3"},
	SourceNegativeTTL: {"negative-ttl", "the policy's negative_ttl", "own"},
	SourceDefaultTTL:  {"default-ttl", "the policy's default_ttl", "own"},
	SourceHeuristic:   {"heuristic", "a tenth of the time since Last-Modified", "RFC 9111 §4.2.2"},
}

// String returns the word.
func (s Source) String() string { return sources[s].Name }

// Doc returns the line of prose that explains the word.
func (s Source) Doc() string { return sources[s].Doc }

// Sources returns the table of sources, by their numbers.
func Sources() []Word { return append([]Word(nil), sources[:]...) }
