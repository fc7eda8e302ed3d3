package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A vector is fitted for classes: it is not for logits of which a column is another
// class, and a temperature is for all.
func TestACalibratorKnowsItsClasses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name, classes string) (logits, labels string) {
		sub := filepath.Join(dir, name)
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		logits, labels = drawnLogits(t, sub, "some", 40, 3, uint64(len(name)))
		text := "row,file,label,class,class_key\n"
		for i, c := range strings.Split(classes, "") {
			text += strings.Join([]string{string(rune('0' + i)), c + ".png", string(rune('0' + i)), c, c}, ",") + "\n"
		}
		if err := os.WriteFile(filepath.Join(sub, "rows.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return logits, labels
	}
	fold, y := in("fold", "abc")
	same, ySame := in("same-", "abc")
	other, yOther := in("others", "acb")
	for _, kind := range []string{"vector", "temperature"} {
		saved := filepath.Join(dir, kind+".json")
		mustRun(t, "calibrate", "--logits", fold, "--labels", y, "--remedy", kind, "--fit-on-measured",
			"--save-calibrator", saved, "--draws", "0")
		mustRun(t, "calibrate", "--logits", same, "--labels", ySame, "--calibrator", saved, "--draws", "0")
		args := []string{"calibrate", "--logits", other, "--labels", yOther, "--calibrator", saved, "--draws", "0"}
		fit := []string{"calibrate", "--logits", other, "--labels", yOther, "--remedy", kind, "--fit-logits", fold,
			"--fit-labels", y, "--draws", "0"}
		if kind == "temperature" {
			mustRun(t, args...)
			mustRun(t, fit...)
			continue
		}
		fails(t, args, "another order", `label 1 is "b" and "c"`)
		fails(t, fit, "--fit-logits", `label 1 is "b" and "c"`)
	}
}
