package fishplate

import "unsafe"

// Regex is an expression that the host compiled: RE2's language, and what it
// lacks of Perl's by backtracking, within bounds.
type Regex int

// Compile compiles an expression. In main it is done once; a bad one ends the
// program. A pattern that is malformed, and the 65th, end the call.
func Compile(pattern string) Regex { return Regex(named(SysRegexCompile, pattern)) }

// Match reports whether it is found in the text.
func (x Regex) Match(s string) bool {
	return Call(SysRegexMatch, uintptr(x), uintptr(start(s)), uintptr(len(s))) == 1
}

// Groups returns begin and end of the match and of its groups, -1 for one that
// took no part; nil without a match.
func (x Regex) Groups(s string) [][2]int32 {
	var pairs [32][2]int32
	n := Call(SysRegexGroups, uintptr(x), uintptr(start(s)), uintptr(len(s)), uintptr(unsafe.Pointer(&pairs)), uintptr(len(pairs)))
	if n <= 0 {
		return nil
	}
	return append([][2]int32(nil), pairs[:n]...)
}

// Replace replaces the first match, or all, by a text with \0 to \9.
func (x Regex) Replace(s, by string, all bool) (string, error) {
	// This call is older than the others, and cuts what does not fit.
	b := make([]byte, len(s)+16*len(by)+4096)
	for {
		n := Call(SysRegexSubst, uintptr(x), uintptr(start(s)), uintptr(len(s)), uintptr(start(by)), uintptr(len(by)), uintptr(first(b)), uintptr(len(b))|flag(all)<<31)
		if n < 0 {
			return "", failure(n)
		}
		if n < len(b)-1 {
			return string(b[:n]), nil
		}
		b = make([]byte, 2*len(b))
	}
}

// Backtracks reports whether it is matched by backtracking.
func (x Regex) Backtracks() bool { return Call(SysRegexInfo, uintptr(x)) == 1 }

// Free forgets it.
func (x Regex) Free() { Call(SysRegexFree, uintptr(x)) }

// Glob reports whether a text matches a pattern with *, ? and classes.
func Glob(pattern, s string) bool { return pair(SysGlob, pattern, s) == 1 }
