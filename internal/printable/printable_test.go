package printable

import "testing"

func TestControlCharactersAreEscaped(t *testing.T) {
	for in, want := range map[string]string{
		"visual.proj":         "visual.proj",
		"größe 大きさ":           "größe 大きさ",
		"a\x1b[2Jb":           `a\x1b[2Jb`,
		"one\ntwo\ttab\rback": `one\ntwo\ttab\rback`,
		"bell\a":              `bell\a`,
		"left\u202eright":     `left\u202eright`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q escaped as %q, want %q", in, got, want)
		}
	}
}
