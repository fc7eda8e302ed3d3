package caught

import (
	"errors"
	"strings"
	"testing"
)

func culprit() { panic("lost my head") }

func TestAPanicIsAnErrorThatSaysWhere(t *testing.T) {
	err := Call(func() error { culprit(); return nil })
	var p *Panic
	if !errors.As(err, &p) || err.Error() != "internal error: lost my head (please report it)" ||
		!strings.Contains(string(p.Stack()), "caught.culprit") {
		t.Errorf("%v", err)
	}
	// One that is raised again elsewhere keeps its place.
	if again := Call(func() error { panic(p) }); again != error(p) {
		t.Errorf("%v", again)
	}
	want := errors.New("an error")
	if err := Call(func() error { return want }); err != want {
		t.Errorf("%v", err)
	}
}
