package cells

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, s Store) *Attempt {
	t.Helper()
	a, err := s.Begin(Begun{Cell: "id", Host: "h", Time: "2026-01-02T03:04:05Z"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// publish makes a result of one run.
func publish(t *testing.T, s Store, logits string) *Attempt {
	t.Helper()
	from := t.TempDir()
	write(t, filepath.Join(from, "run", "recipe.yaml"), "method: x\n")
	write(t, filepath.Join(from, "run", "targets", "a", "logits.npy"), logits)
	write(t, filepath.Join(from, "other", "old"), "old")
	a := begin(t, s)
	leave := func(file string) bool { return strings.HasPrefix(file, "other/") }
	if err := a.Publish(from, Done{Run: "run"}, leave); err != nil {
		t.Fatal(err)
	}
	return a
}

func find(t *testing.T, s Store) []Attempt {
	t.Helper()
	all, err := s.Find("id")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAResultIsThereWhenAllOfItIs(t *testing.T) {
	s := Open(t.TempDir())
	if all := find(t, s); len(all) != 0 {
		t.Fatalf("%+v", all)
	}
	if ids, err := s.IDs(); err != nil || len(ids) != 0 {
		t.Errorf("%q, %v", ids, err)
	}
	a := publish(t, s, "123")
	all := find(t, s)
	best, others, differ := Best(all)
	if best == nil || others != 0 || differ || best.RunDir() != filepath.Join(a.Dir, "run") ||
		len(best.Done.Files) != 2 {
		t.Fatalf("%+v %d %v", best, others, differ)
	}
	if err := best.Check(); err != nil {
		t.Error(err)
	}
	if ids, err := s.IDs(); err != nil || len(ids) != 1 || ids[0] != "id" {
		t.Errorf("%q, %v", ids, err)
	}
	// As much of it as a killed or slow writer, or a damaged disk, leaves.
	logits, done := filepath.Join(a.Dir, "run", "targets", "a", "logits.npy"), filepath.Join(a.Dir, doneFile)
	said, err := os.ReadFile(done)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		logits string // "-" is none
		done   string
		why    string
	}{
		"torn list":  {"123", string(said[:len(said)/2]), ""},
		"empty list": {"123", "", ""},
		"no file":    {"-", string(said), "logits.npy is missing"},
		"short file": {"12", string(said), "2 bytes where 3"},
		"other cell": {"123", strings.Replace(string(said), `"id"`, `"other"`, 1), "of cell other"},
		"outside":    {"123", strings.Replace(string(said), "run/recipe.yaml", "../../../x", 1), "lists"},
		"far run":    {"123", strings.Replace(string(said), `"run": "run"`, `"run": "/etc"`, 1), "names the run"},
	} {
		os.Remove(logits)
		if c.logits != "-" {
			write(t, logits, c.logits)
		}
		write(t, done, c.done)
		all := find(t, s)
		if best, _, _ := Best(all); best != nil || all[0].State != Unfinished || !strings.Contains(all[0].Why, c.why) ||
			all[0].Begun.Host != "h" {
			t.Errorf("%s: %+v", name, all[0])
		}
	}
	// Another try is another folder.
	b := publish(t, s, "123")
	if best, _, _ := Best(find(t, s)); best == nil || best.Dir != b.Dir {
		t.Errorf("%+v", best)
	}
}

func TestDamageIsMarkedAndCountsNoMore(t *testing.T) {
	s := Open(t.TempDir())
	a := publish(t, s, "123")
	write(t, filepath.Join(a.Dir, "run", "targets", "a", "logits.npy"), "124")
	best, _, _ := Best(find(t, s))
	err := best.Check()
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Fatalf("error %v", err)
	}
	if err := best.Condemn(err.Error()); err != nil {
		t.Fatal(err)
	}
	all := find(t, s)
	if best, _, _ := Best(all); best != nil || !strings.Contains(all[0].Why, "damaged") {
		t.Errorf("%+v", all)
	}
}

func TestOfSeveralResultsOneCounts(t *testing.T) {
	s := Open(t.TempDir())
	begin(t, s) // killed
	publish(t, s, "1")
	publish(t, s, "1")
	if best, others, differ := Best(find(t, s)); best == nil || others != 1 || differ {
		t.Errorf("%+v, %d others, differ %v", best, others, differ)
	}
	publish(t, s, "2")
	first, others, differ := Best(find(t, s))
	if first == nil || others != 2 || !differ {
		t.Errorf("%+v, %d others, differ %v", first, others, differ)
	}
	if again, _, _ := Best(find(t, s)); again.Dir != first.Dir {
		t.Error("another one counts now")
	}
}

func TestTheLastFailureIsToldByItsTime(t *testing.T) {
	s := Open(t.TempDir())
	for _, time := range []string{"2026-01-02T00:00:03Z", "2026-01-02T00:00:09Z", "2026-01-02T00:00:05Z"} {
		a, err := s.Begin(Begun{Cell: "id", Time: time})
		if err == nil {
			err = a.Fail(75, time, "")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if last := Last(find(t, s)); last == nil || last.Failed.Error != "2026-01-02T00:00:09Z" ||
		last.Failed.ExitCode != 75 {
		t.Errorf("%+v", last)
	}
}

// TestResultsOfANewerProgramAreRefused: they are not taken for missing ones.
func TestResultsOfANewerProgramAreRefused(t *testing.T) {
	s := Open(t.TempDir())
	path := filepath.Join(publish(t, s, "1").Dir, doneFile)
	said, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(said), `"version": 1`, `"version": 2`, 1))
	if _, err := s.Find("id"); err == nil || !strings.Contains(err.Error(), "use a newer one") {
		t.Errorf("error %v", err)
	}
}

// TestNothingIsWrittenTwice: a file that is there is an error, never replaced.
func TestNothingIsWrittenTwice(t *testing.T) {
	a := begin(t, Open(t.TempDir()))
	if err := a.Fail(1, "a", ""); err != nil {
		t.Fatal(err)
	}
	if err := a.Fail(1, "b", ""); err == nil {
		t.Error("failed.json was replaced")
	}
}
