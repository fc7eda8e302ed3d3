package named

import "testing"

type thing string

func (t thing) Name() string { return string(t) }

func TestFindNamesWhatIsKnown(t *testing.T) {
	all := []thing{"one", "two"}
	if got, err := Find("number", "two", all); got != "two" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	const want = `unknown number "three"; known are one, two`
	if got, err := Find("number", "three", all); got != "" || err == nil || err.Error() != want {
		t.Errorf("%q, %v; want error %s", got, err, want)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"zslp", "clip-adapter", "tip-adapter", "tip-adapter-f", "taskres", "clap"}
	for name, want := range map[string]string{
		"zslpp": "zslp", "tasksre": "taskres", "TaskRes": "taskres", "tip": "tip-adapter",
		"clip-adaptr": "clip-adapter",
		"":            "", "x": "", "resnet": "", "q": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
