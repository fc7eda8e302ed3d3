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
	for content, want := range map[string]string{
		`{"train": ` + entry + `, "vals": ` + entry + `}`:                        `"vals", which is none of train, val and test; did you mean val?`,
		`{"train": ` + entry + `, "test": ` + entry + `, "test": ` + entry + `}`: `"test" twice`,
		`{"train": ` + entry + `} {}`:                                            "more behind it",
		`[1]`:                                                                    "begins with [",
		`{"train": ` + entry:                                                     "EOF",
	} {
		if _, err := parseSplits(strings.NewReader(content)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", content, err, want)
		}
	}
	if _, err := parseSplits(strings.NewReader("\ufeff" + `{"test": ` + entry + `}`)); err != nil {
		t.Errorf("with the mark of UTF-8: %v", err)
	}
}

// Names that no prompt can be made of, or that the order of lines gives to
// another class, are refused.
func TestNumbersAreNoNamesAndNoOrder(t *testing.T) {
	s := &Set{Name: "pets", Classes: []string{"0.0", "1.0", "2.0"}}
	if err := s.CheckNames(); err == nil || !strings.Contains(err.Error(), `numbers, such as "0.0"`) {
		t.Errorf("pandas' numbers: %v", err)
	}
	for _, lines := range [][]string{{"2 vehicle", "0 fruit", "1 tool"}, {"3 vehicle", "1 fruit", "2 tool"}} {
		c := &ClassNames{Path: "names.txt", Lines: lines}
		if _, _, err := c.ofLabels(); err == nil || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("%q: %v", lines, err)
		}
	}
	c := &ClassNames{Path: "names.txt", Lines: []string{"7 up can", "4 leaf clover"}}
	if classes, _, err := c.ofLabels(); err != nil || classes[0].Name != "7 up can" {
		t.Errorf("names with numbers: %v, %v", classes, err)
	}
	if ReadAs("Sea  lion\u200b ") != ReadAs("sea lion") || ReadAs("apple") == ReadAs("apples") {
		t.Error("names that read alike")
	}
}

func TestAListHasNoTwoColumnsOfLabels(t *testing.T) {
	_, err := parseList(strings.NewReader("path,label,label\na.png,0,1\nb.png,1,0\n"))
	if err == nil || !strings.Contains(err.Error(), `two columns "label"`) {
		t.Errorf("error %v", err)
	}
}
