package data

import (
	"strings"
	"testing"
)

// A part under another name would be dropped, and another measured in its place.
func TestASplitFileHasNoPartsOfOtherNames(t *testing.T) {
	const entry = `[["a/1.jpg", 0, "a"]]`
	if _, err := parseSplits(strings.NewReader(`{"train": ` + entry + `, "test": ` + entry + `}`)); err != nil {
		t.Fatal(err)
	}
	_, err := parseSplits(strings.NewReader(`{"train": ` + entry + `, "vals": ` + entry + `}`))
	if err == nil || !strings.Contains(err.Error(), `"vals"`) || !strings.Contains(err.Error(), "did you mean val?") {
		t.Errorf("error %v", err)
	}
}
