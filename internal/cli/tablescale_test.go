package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/paper"
)

func TestTableHasRowsUnderScalers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, y := drawnLogits(t, dir, "test", 200, 5, 1)
	f, fy := drawnLogits(t, dir, "fold", 150, 5, 2)
	z, _ := drawnLogits(t, dir, "zs", 200, 5, 3)
	fz, _ := drawnLogits(t, dir, "fzs", 150, 5, 4)
	other, otherY := drawnLogits(t, dir, "other", 200, 5, 5)
	line := func(remedy, set, logits, labels, fold string) string {
		return strings.Join([]string{"RN50,taskres", remedy, set, "1", logits, labels, z, fold}, ",") + "\n"
	}
	head := "model,method,remedy,set,seed,logits,labels,zero_shot,fit_logits,fit_labels,fit_zero_shot\n"
	index := filepath.Join(dir, "index.csv")
	writeFile(t, index, []byte(head+line("none", "ImageNetV2", l, y, strings.Join([]string{f, fy, fz}, ","))+
		line("none", "ImageNetA", other, otherY, ",,")))
	o := command("table", "adapters", "--logits", dir, "--only", "RN50,taskres", "--post-hoc", "temperature", "--json")
	var sheet paper.Sheet
	if err := json.Unmarshal([]byte(o.out), &sheet); err != nil || o.code != 3 {
		t.Fatalf("%v, exit code %d: %s", err, o.code, o.err)
	}
	rows := map[string]paper.Line{}
	for _, r := range sheet.Blocks[0].Lines {
		rows[r.Row] = r
	}
	// As calibrate has it.
	for row, remedy := range map[string][]string{"TaskRes + temperature": nil, "TaskRes + SaLS + temperature": {z,
		fz}} {
		logits, fold := l, f
		if remedy != nil {
			logits, fold = filepath.Join(dir, "s.npy"), filepath.Join(dir, "fs.npy")
			mustRun(t, "calibrate", "--logits", l, "--labels", y, "--remedy", "sals", "--zero-shot", z, "--out", logits)
			mustRun(t, "calibrate", "--logits", f, "--labels", fy, "--remedy", "sals", "--zero-shot", fz, "--out", fold)
		}
		want := metricsIn(t, []byte(mustRun(t, "calibrate", "--logits", logits, "--labels", y, "--remedy",
			"temperature",
			"--fit-logits", fold, "--fit-labels", fy, "--json").out))
		v2 := rows[row].Sets[0]
		if v2.ECE == nil || math.Abs(v2.ECE["10"].Mean/100-want["ece"]) > 1e-5 || v2.PaperECE != nil {
			t.Errorf("%s: %+v, want %v", row, v2, want["ece"])
		}
		if a := rows[row].Sets[2]; a.ECE != nil || !strings.Contains(a.Why, "fit_logits") {
			t.Errorf("%s without a fold: %+v", row, a)
		}
	}
	if notes := strings.Join(sheet.Notes, "\n"); !strings.Contains(notes, "fitted on 150 samples of "+f) {
		t.Errorf("notes %s", notes)
	}
	// The fold is what is measured.
	writeFile(t, index, []byte(head+line("none", "ImageNetV2", l, y, l+","+y+",")))
	fails(t, []string{"table", "adapters", "--logits", dir, "--post-hoc", "temperature"}, "200 of the 200 rows",
		"measured")
	writeFile(t, index, []byte(head+line("none", "ImageNetV2", l, y, l+",,")))
	fails(t, []string{"table", "adapters", "--logits", dir}, "fit_labels", "line 2")
	// A temperature of a file.
	saved := filepath.Join(dir, "mine.json")
	mustRun(t, "calibrate", "--logits", f, "--labels", fy, "--remedy", "temperature", "--fit-on-measured",
		"--save-calibrator", saved)
	writeFile(t, index, []byte(head+line("none", "ImageNetV2", l, y, ",,")))
	text := command("table", "adapters", "--logits", dir, "--calibrator", saved, "--format", "latex").out
	if !strings.Contains(text, "temperature of mine") {
		t.Error(text)
	}
}
