package model

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"
)

// Equal reports whether two values of this package mean the same. Where they were
// written does not count, and expressions are compared by their text.
func Equal(a, b any) bool {
	return equal(reflect.ValueOf(a), reflect.ValueOf(b))
}

func equal(a, b reflect.Value) bool {
	if a.IsValid() != b.IsValid() {
		return false
	}
	if !a.IsValid() {
		return true
	}
	if a.Type() != b.Type() {
		return false
	}
	switch a.Type() {
	case reflect.TypeFor[hcl.Range]():
		return true
	case reflect.TypeFor[Expr]():
		return a.Interface().(Expr).Text == b.Interface().(Expr).Text
	}
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if !Opaque(a.Type()) {
			for i := range a.NumField() {
				if !equal(a.Field(i), b.Field(i)) {
					return false
				}
			}
			return true
		}
	}
	return a.Interface() == b.Interface()
}

// Opaque reports whether a struct is a value of its own, such as netip.Prefix,
// and not one of this package's nouns.
func Opaque(t reflect.Type) bool { return t.PkgPath() != reflect.TypeFor[Config]().PkgPath() }
