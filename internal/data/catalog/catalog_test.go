package catalog

import (
	"slices"
	"testing"
)

// Sums of the published counts, and classes that some other list also has.
func TestWhatIsKnownHangsTogether(t *testing.T) {
	if len(Sets()) != 15 {
		t.Fatalf("%d sets", len(Sets()))
	}
	names := map[string]string{}
	for _, s := range Sets() {
		classes := s.ClassList()
		if len(classes) != s.Classes {
			t.Errorf("%s: %d class names for %d classes", s.ID, len(classes), s.Classes)
		}
		for part, n := range s.PerClass {
			if n*s.Classes != s.Counts[part] {
				t.Errorf("%s: %d a class make no %d", s.ID, n, s.Counts[part])
			}
		}
		folders := map[string]bool{}
		for _, c := range classes {
			if c.Name == "" || folders[c.Folder] && c.Folder != "" {
				t.Errorf("%s: class %+v", s.ID, c)
			}
			folders[c.Folder] = true
		}
		for _, n := range append([]string{s.ID}, s.Aliases...) {
			if other, taken := names[n]; taken {
				t.Errorf("%s is a name of %s and of %s", n, other, s.ID)
			}
			names[n] = s.ID
			if found, err := Find(n); err != nil || found != s {
				t.Errorf("%s: found %v, %v", n, found, err)
			}
		}
		if (s.Split == nil) != (s.Rule == "") {
			t.Errorf("%s: a split file without its rule", s.ID)
		}
	}
	if _, err := Find("OxfordPet"); err == nil {
		t.Error("a misspelt name is found")
	}
}

func TestClassesByFolder(t *testing.T) {
	for _, test := range []struct{ set, name, folder string }{
		{"Caltech101", "airplane", "airplanes"}, {"EuroSAT", "Sea or Lake", "SeaLake"},
		{"SUN397", "outdoor apartment_building", "a/apartment_building/outdoor"}, {"SUN397", "abbey", "a/abbey"},
		{"OxfordPets", "british_shorthair", "British_Shorthair"}, {"ImageNetV2", "missile", "657"},
		{"ImageNetA", "stingray", "n01498041"}, {"StanfordCars", "2012 Ram C/V Cargo Van Minivan", ""},
	} {
		s, err := Find(test.set)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.ClassList(), Class{test.name, test.folder}) {
			t.Errorf("%s has no %q in %q", test.set, test.name, test.folder)
		}
	}
}
