package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// grid is a plan of four trainings.
func grid(t *testing.T) *Plan {
	t.Helper()
	p := &Plan{}
	for _, seed := range []string{"1", "18446744073709551615"} {
		for _, method := range []string{"zslp", "taskres"} {
			err := p.Add(Cell{
				Label: method + " " + seed, Command: Adapt, Program: "test",
				Recipe: Recipe{"method": method, "seed": json.Number(seed), "features": []string{"/data/f.safetensors"},
					"bank": "/cache", "set": map[string]any{"lambda": "5"}},
				Inputs: []Input{{Flag: "features", Path: "/data/f.safetensors", Kind: File, SHA256: "ab"}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

func TestAPlanIsReadAsItWasWritten(t *testing.T) {
	p := grid(t)
	path := filepath.Join(t.TempDir(), "plan.jsonl")
	if err := p.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil || !reflect.DeepEqual(got.Cells, p.Cells) {
		t.Errorf("%+v, %v\nwant %+v", got, err, p.Cells)
	}
	var again bytes.Buffer
	if err := got.Write(&again); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, again.Bytes()) {
		t.Errorf("written again it differs: %s", again.Bytes())
	}
}

// TestAnIdIsOfWhatDecides: places, words and estimates change none, all else
// does.
func TestAnIdIsOfWhatDecides(t *testing.T) {
	base := grid(t).Cells[0]
	id := func(change func(*Cell)) string {
		c := base
		c.Recipe = Recipe{}
		for k, v := range base.Recipe {
			c.Recipe[k] = v
		}
		c.Inputs = append([]Input(nil), base.Inputs...)
		change(&c)
		id, err := c.identity()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for name, change := range map[string]func(*Cell){
		"nothing": func(*Cell) {},
		"words":   func(c *Cell) { c.Label, c.Program, c.Estimate = "x", "y", &Estimate{Seconds: 3} },
		"place": func(c *Cell) {
			c.Recipe["features"], c.Recipe["bank"], c.Inputs[0].Path = []any{"/else"}, "/b", "/else"
		},
		"batch": func(c *Cell) { c.Recipe["batch-images"] = json.Number("8") },
		"line":  func(c *Cell) { c.Number = 7 },
	} {
		if id(change) != base.ID {
			t.Errorf("%s changes the id", name)
		}
	}
	for name, change := range map[string]func(*Cell){
		"seed":      func(c *Cell) { c.Recipe["seed"] = json.Number("2") },
		"content":   func(c *Cell) { c.Inputs[0].SHA256 = "cd" },
		"name":      func(c *Cell) { c.Inputs[0].Name = "pets" },
		"set":       func(c *Cell) { c.Recipe["set"] = map[string]any{"lambda": "6"} },
		"command":   func(c *Cell) { c.Command = Tune },
		"precision": func(c *Cell) { c.Precision = "bf16" },
		"new flag":  func(c *Cell) { c.Recipe["strict"] = true },
	} {
		if id(change) == base.ID {
			t.Errorf("%s does not change the id", name)
		}
	}
}

func TestACellCountsOnce(t *testing.T) {
	p := grid(t)
	c := p.Cells[1]
	c.Label = "the same by another name"
	if err := p.Add(c); err != nil || len(p.Cells) != 4 || p.Twice != 1 {
		t.Errorf("%d cells, %d twice, %v", len(p.Cells), p.Twice, err)
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	var b bytes.Buffer
	if err := grid(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSpace(b.String()), "\n")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"empty":     {"", "no cells"},
		"moved":     {lines[1] + lines[0], "line 1: it is cell 1 where cell 0 should be"},
		"edited":    {strings.Replace(b.String(), `"seed":1`, `"seed":2`, 1), "line 1: its id"},
		"cut":       {b.String()[:b.Len()-40], "line 4"},
		"cut after": {lines[0] + lines[1], "line 1 says that the plan has 4 cells, and there are 2"},
		"newer":     {strings.Replace(b.String(), `"version":1`, `"version":2`, 1), "use a newer one"},
		"not ours":  {"{}\n", "no cell of a plan"},
		"unknown":   {strings.Replace(b.String(), `"label"`, `"colour"`, 1), "colour"},
		"two":       {strings.TrimSpace(lines[0]) + lines[0], "line 1: there is more"},
		"no JSON":   {"hello\n", "line 1"},
		"long line": {strings.Repeat(" ", maxLine+1), "longer than a cell"},
	} {
		if _, err := read(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

// Plans of before do not say how many cells they have.
func TestOlderPlansAreRead(t *testing.T) {
	var b bytes.Buffer
	if err := grid(t).Write(&b); err != nil {
		t.Fatal(err)
	}
	p, err := read(strings.NewReader(strings.ReplaceAll(b.String(), `"of":4,`, "")))
	if err != nil || len(p.Cells) != 4 || !strings.Contains(b.String(), `"of":4,`) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPathsAreMapped(t *testing.T) {
	c := Cell{Recipe: Recipe{"data": "/a/set#train", "features": []any{"/a/b/f", "/ab/f", "/a"},
		"seed": json.Number("1")}, Inputs: []Input{{Path: "/a/set#train"}, {Path: "/a/b/f"}}}
	c.Map([]string{"/a", "/a/b/", "/a/set"}, []string{"/x", "/y", "/z/"}, []string{"data", "features", "seed"})
	want := Cell{Recipe: Recipe{"data": "/z#train", "features": []string{"/y/f", "/ab/f", "/x"}, "seed": []string{"1"}},
		Inputs: []Input{{Path: "/z#train"}, {Path: "/y/f"}}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}
}
