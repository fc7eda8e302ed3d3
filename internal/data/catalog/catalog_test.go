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

func TestPublishedAccuracies(t *testing.T) {
	for _, test := range []struct {
		sum, model, set string
		want            float64
	}{
		{"afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", "", "EuroSAT", 23.69},
		{"", "vit-b-16 openai", "ImageNet", 66.73}, {"", "ViT-B-16 openai", "OxfordPets", 88},
		{"afeb", "", "EuroSAT", 0}, {"", "ViT-B-16 laion2b_s34b_b88k", "ImageNet", 0}, {"", "", "ImageNet", 0},
	} {
		p, ok := PublishedFor(test.sum, test.model, test.set)
		if ok != (test.want > 0) || p.Percent != test.want {
			t.Errorf("%+v: %+v, %v", test, p, ok)
		}
	}
	sums := map[string]float64{}
	for _, s := range Sets() {
		for _, model := range []string{"RN50 openai", "ViT-B-16 openai"} {
			p, ok := PublishedFor("", model, s.ID)
			if !ok || s.Counts[p.Part] == 0 {
				t.Errorf("%s, %s: %+v", model, s.ID, p)
			}
			if !slices.Contains([]string{"ImageNetV2", "ImageNetSketch", "ImageNetA", "ImageNetR"}, s.ID) {
				sums[model] += p.Percent
			}
		}
	}
	// The averages that are printed beside them: 56.03, and 63.7 of one decimal.
	if rn, vit := sums["RN50 openai"]/11, sums["ViT-B-16 openai"]/11; rn < 56.025 || rn > 56.04 || vit < 63.6 ||
		vit > 63.8 {
		t.Errorf("means %.3f and %.3f", rn, vit)
	}
}
