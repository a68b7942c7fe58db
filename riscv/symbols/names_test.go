package symbols

import (
	"strings"
	"testing"
)

// Names of C++ and of both manglings of Rust are shown as in the source; what is
// malformed, or grows without end, stays as it is or stays short.
func TestReadable(t *testing.T) {
	for name, want := range map[string]string{
		"main": "main", "": "", "_Z": "_Z", "_Zzz": "_Zzz", "_R": "_R", "main.receive": "main.receive",
		"_ZN4shop5Order3addEi":                           "shop::Order::add",
		"_ZN9fishplate3raw4text17h0123456789abcdefE":     "fishplate::raw::text",
		"_RNvNtCs1234_9fishplate3raw4text":               "fishplate::raw::text",
		"_RNvCskwGfYPst2Cb_3foo16example_function":       "foo::example_function",
		"_ZN3foo13_$LT$impl$GT$3bar17h0123456789abcdefE": "foo::<impl>::bar",
	} {
		if got := Readable(name); got != want {
			t.Errorf("%s is shown as %q, want %q", name, got, want)
		}
	}
	bomb := "_Z1fI" + strings.Repeat("1AIS_S_E", 200) + "EvT_"
	if got := Readable(bomb); len(got) > len(bomb)+8192 {
		t.Errorf("a name of %d bytes became one of %d", len(bomb), len(got))
	}
}
