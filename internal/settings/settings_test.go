package settings

import (
	"strings"
	"testing"
)

type penalty struct {
	Lambda float64  `set:"lambda" default:"10" range:">=0" from:"the paper" help:"weight"`
	Form   string   `set:"form" default:"a" range:"a|b" from:"us" help:"form"`
	Depth  int      `set:"depth" default:"3" range:">=1" from:"us" help:"blocks"`
	Own    bool     `set:"own" default:"false" from:"us" help:"own"`
	Words  string   `set:"words" default:"auto: random" from:"us" help:"words"`
	List   []string `set:"list" default:"auto: many" from:"us" help:"list"`
	hidden int
}

func (penalty) Name() string { return "penalty" }

type taskres struct {
	Lambda float64 `set:"lambda" default:"0.5" range:">0" from:"the paper" help:"factor"`
}

func (taskres) Name() string { return "taskres" }

func TestZeroValuesAreDefaultsAndZeroIsZero(t *testing.T) {
	if r := Resolved(penalty{hidden: 7}); r.Lambda != 10 || r.Form != "a" || r.Depth != 3 || r.Words != "" ||
		r.hidden != 7 {
		t.Errorf("defaults %+v", r)
	}
	if r := Resolved(penalty{Lambda: Zero, Form: "b"}); r.Lambda != 0 || r.Form != "b" {
		t.Errorf("set %+v", r)
	}
	var thing any = penalty{}
	if r := Resolved(thing).(penalty); r.Lambda != 10 {
		t.Errorf("through an interface: %+v", r)
	}
	p, err := With(penalty{}, "lambda", "0")
	if err != nil || Resolved(p).Lambda != 0 {
		t.Errorf("lambda=0: %+v, %v", p, err)
	}
	if p, err = With(p, "list", "x|y z"); err != nil || len(p.List) != 2 || p.List[1] != "y z" {
		t.Errorf("list: %+v, %v", p, err)
	}
}

func TestAssignmentsFindTheirOwner(t *testing.T) {
	m, r := taskres{}, penalty{}
	owners := func() []Owner { return []Owner{OwnerOf("method", &m), OwnerOf("remedy", &r)} }
	if err := Apply([]string{"method.lambda=0.25", "remedy.lambda=3", "form=b"}, owners()...); err != nil {
		t.Fatal(err)
	}
	if m.Lambda != 0.25 || r.Lambda != 3 || r.Form != "b" {
		t.Errorf("%+v %+v", m, r)
	}
	for given, want := range map[string]string{
		"lambda=1":              "ambiguous: write method.lambda (of taskres) or remedy.lambda (of penalty)",
		"remedy.lamda=1":        "did you mean remedy.lambda?",
		"frm=a":                 "did you mean form?",
		"form=c":                "want a, b",
		"depth=0":               "want a whole number of 1 or more",
		"depth=1.5":             "want a whole number",
		"remedy.lambda=-1":      "want a number of 0 or more",
		"remedy.lambda=NaN":     "want a number",
		"remedy.lambda=1e99999": "want a number",
		"method.lambda=0":       "want a number above 0",
		"lambda":                "want name=value",
		"own=maybe":             "true or false",
	} {
		if err := Apply([]string{given}, owners()...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", given, err, want)
		}
	}
	if err := Apply([]string{"form=a", "form=b"}, owners()...); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("set twice: %v", err)
	}
}

func TestCheckRefusesWhatIsOutOfRangeOrDeclaredWrong(t *testing.T) {
	for want, v := range map[string]any{
		"lambda is -1: want a number of 0 or more": penalty{Lambda: -1},
		"form is c: want a, b":                     penalty{Form: "c"},
		"there twice": struct {
			A float64 `set:"a"`
			B float64 `set:"a"`
		}{},
		"want a number": struct {
			A float64 `set:"a" default:"x"`
		}{},
	} {
		if err := Check(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", v, err, want)
		}
	}
	if err := Check(penalty{}); err != nil {
		t.Error(err)
	}
}

func TestHelpTellsDefaultAndSource(t *testing.T) {
	if got, want := Help([]penalty{{}}), "lambda=10  weight (the paper; a number of 0 or more)"; !strings.Contains(got,
		want) {
		t.Errorf("%s lacks %q", got, want)
	}
}
