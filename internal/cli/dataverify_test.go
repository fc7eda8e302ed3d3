package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/data/miniature"
	"clipcalib/internal/data/verify"
)

func TestDataListSaysWhatIsKnown(t *testing.T) {
	o := mustRun(t, "data", "list")
	if n := strings.Count(o.out, "\n"); n != 16 || !strings.Contains(o.out, "1281167") {
		t.Errorf("%d lines:\n%s", n, o.out)
	}
	o = mustRun(t, "data", "list", "oxford_pets", "imagenet-v2")
	for _, want := range []string{"CC BY-SA 4.0", "5c4f3ee8e5d25df40f4fd59a7f44e54c", "beagle_116.jpg",
		"f0c37fdf925916b1", "train 2944, val 736, test 3669"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	var sets []struct {
		Name    string
		Classes int
		Counts  map[string]int
	}
	if err := json.Unmarshal([]byte(mustRun(t, "data", "list", "--json").out), &sets); err != nil || len(sets) != 15 ||
		sets[0].Counts["val"] != 50000 {
		t.Errorf("%v, %+v", err, sets)
	}
	fails(t, []string{"data", "list", "OxfordPet"}, "OxfordPet", "did you mean OxfordPets")
	fails(t, []string{"data"}, "list")
}

func TestDataVerifyEndsByWhatItFinds(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, err := miniature.Write(root, miniature.Options{Sets: []string{"OxfordPets"}, Real: true, Bad: true,
		Size: 8}); err != nil {
		t.Fatal(err)
	}
	o := mustRun(t, "data", "verify", root)
	for _, want := range []string{"other  OxfordPets", "usable, but not known to have CoOp's parts: OxfordPets\n",
		"train 2944, val 736, test 3669; 37 classes", "warning: split_zhou",
		"absent: ImageNet, "} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	o = partly(t, "data", "verify", filepath.Join(root, "oxford_pets"), "--deep", "--json")
	var r verify.Report
	if err := json.Unmarshal([]byte(o.out), &r); err != nil || len(r.Sets) != 1 || r.Sets[0].Decoded != 7349 ||
		r.Sets[0].Verdict != "wrong" || !strings.Contains(o.err, "2 of 7349 pictures") {
		t.Errorf("%v, %+v, %s", err, r, o.err)
	}
	if err := os.Remove(filepath.Join(root, "oxford_pets", "images", "pug_1000.jpg")); err != nil {
		t.Fatal(err)
	}
	o = command("data", "verify", root)
	if o.code != 1 || !strings.Contains(o.out, "pug_1000.jpg") || !strings.Contains(o.err, "1 of 1 sets") {
		t.Errorf("exit code %d\n%s%s", o.code, o.out, o.err)
	}
	o = command("data", "verify", root, "--only", "EuroSAT")
	if o.code != 1 || !strings.Contains(o.err, "none of the data sets") {
		t.Errorf("exit code %d\n%s%s", o.code, o.out, o.err)
	}
	fails(t, []string{"data", "verify", filepath.Join(root, "absent")}, "absent", "no such file")
	fails(t, []string{"data", "verify", root, "--only", "Pets2"}, "Pets2")
}
