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
