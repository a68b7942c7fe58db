// Package render writes expressions as text, in one canonical form: equal
// expressions give equal texts, from native syntax and from the JSON twin alike.
// It also turns values back into expressions. It evaluates nothing and reports
// nothing; what it is given stays its owner's.
package render
