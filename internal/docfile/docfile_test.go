package docfile

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

type doc struct {
	Name string    `yaml:"name" json:"name"`
	Rate []float64 `yaml:"rate" json:"rate"`
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	want := doc{"taskres: α", []float64{0.1, 1e-5}}
	for name, f := range map[string]struct {
		write func(string, any) error
		read  func(string, any) error
	}{"d.yaml": {WriteYAML, ReadYAML}, "d.json": {WriteJSON, ReadJSON}} {
		path := filepath.Join(t.TempDir(), name)
		var got doc
		if err := f.write(path, want); err != nil {
			t.Fatal(err)
		}
		if err := f.read(path, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
		if err := os.WriteFile(path, []byte("{broken: ["), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := f.read(path, &got); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v does not name the file", name, err)
		}
	}
}

func TestSettingsAreTheFieldsThatAreSet(t *testing.T) {
	got := Settings(struct {
		Weight, Zero float64
		Name, Empty  string
		None         []int
		hidden       int
	}{Weight: 2, Name: "a", hidden: 1})
	if len(got) != 2 || got["Weight"] != 2.0 || got["Name"] != "a" {
		t.Errorf("settings %v", got)
	}
}
