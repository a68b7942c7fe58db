package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"

	"fishplate/internal/model"
)

// TestDiffSeesEveryField changes every field of a full model, one at a time, and
// wants a change of it; a field added to the model is covered without a word here.
func TestDiffSeesEveryField(t *testing.T) {
	load := func() *model.Config {
		cfg, diags := Load(testOptions("full/full.hcl"))
		if cfg == nil {
			t.Fatal(diags)
		}
		fill(reflect.ValueOf(cfg))
		return cfg
	}
	base, count := load(), 0
	if d := Diff(base, load()); len(d) > 0 {
		t.Fatalf("no change is seen as %+v", d)
	}
	var visit func(v reflect.Value, path string, cfg *model.Config)
	visit = func(v reflect.Value, path string, cfg *model.Config) {
		switch v.Type() {
		case reflect.TypeFor[hcl.Range](), reflect.TypeFor[[]model.Source](), reflect.TypeFor[hcl.Expression]():
			return
		}
		switch {
		case v.Kind() == reflect.Pointer:
			visit(v.Elem(), path, cfg)
			return
		case v.Kind() == reflect.Struct && ours(v.Type()):
			for i := range v.NumField() {
				if name := v.Type().Field(i).Name; !derived(name) {
					visit(v.Field(i), path+"."+name, cfg)
				}
			}
			return
		case v.Kind() == reflect.Slice && v.Len() > 0 && v.Type().Elem().Kind() != reflect.Uint8:
			for i := range v.Len() {
				visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i), cfg)
			}
			return
		}
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		mutate(t, v, path)
		if len(Diff(base, cfg)) == 0 || len(Diff(cfg, base)) == 0 {
			t.Errorf("Diff does not see a change of %s", path)
		}
		if Equal(base, cfg) {
			t.Errorf("Equal does not see a change of %s", path)
		}
		v.Set(old)
		count++
	}
	cfg := load()
	visit(reflect.ValueOf(cfg), "", cfg)
	if !Equal(base, cfg) || count < 300 {
		t.Errorf("%d fields looked at", count)
	}
}

// derived reports whether a field follows from others, which Diff shows.
func derived(field string) bool {
	return field == "Flat" || field == "Places" || field == "Effective" || field == "Partition" || field == "Partitions"
}

// ours reports whether a type is a noun, and no value such as netip.Prefix.
func ours(t reflect.Type) bool { return t.PkgPath() == reflect.TypeFor[model.Config]().PkgPath() }

// fill gives every nil pointer of a noun something to point at.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.CanSet() && ours(v.Type()) && v.Type().Field(i).Name != "Node" {
				fill(v.Field(i))
			}
		}
	}
}

func mutate(t *testing.T, v reflect.Value, path string) {
	switch x := v.Addr().Interface().(type) {
	case *string:
		*x += "x"
	case *bool:
		*x = !*x
	case *int:
		*x++
	case *int64:
		*x++
	case *uint64:
		*x++
	case *float64:
		*x += 0.001
	case *time.Duration:
		*x += time.Millisecond
	case *[]byte:
		*x = append([]byte("x"), *x...)
	case *[]string:
		*x = []string{"x"}
	case *netip.Prefix:
		*x = netip.MustParsePrefix("203.0.113.0/24")
	case *[]netip.Prefix:
		*x = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	default:
		if v.Kind() != reflect.Slice {
			t.Fatalf("%s: no mutation for %s", path, v.Type())
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		if elem.Kind() == reflect.Pointer {
			elem.Set(reflect.New(elem.Type().Elem()))
		}
		fill(elem)
		v.Set(reflect.Append(v, elem))
	}
}

func TestDiffActions(t *testing.T) {
	old := &model.Config{Backends: []*model.Backend{{Name: "a", Servers: []*model.Server{{Name: "1", Weight: 1}, {Name: "2"}}}}}
	cur := &model.Config{Backends: []*model.Backend{
		{Name: "a", Servers: []*model.Server{{Name: "2"}, {Name: "1", Weight: 5}}}, {Name: "b"},
	}}
	got := Diff(old, cur)
	want := []string{"change backend a", "add backend b", "change server a/1"}
	if len(got) != len(want) {
		t.Fatalf("changes: %+v", got)
	}
	for i, c := range got {
		if s := c.Action + " " + c.Kind + " " + c.Key; s != want[i] {
			t.Errorf("change %d is %q, want %q", i, s, want[i])
		}
	}
	if f := got[0].Fields[0]; f.Name != "servers" || f.Old != "1, 2" || f.New != "2, 1" {
		t.Errorf("order: %+v", f)
	}
	if f := got[2].Fields[0]; f != (Field{Name: "weight", Old: "1", New: "5"}) {
		t.Errorf("field: %+v", f)
	}
}
