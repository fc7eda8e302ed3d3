package text

import (
	"slices"
	"strings"
	"testing"
)

func TestPromptsReplaceTheSlot(t *testing.T) {
	got, err := Prompts("a {}, not the {}.", []string{"cat", "T-shirt {x}"})
	want := []string{"a cat, not the cat.", "a T-shirt {x}, not the T-shirt {x}."}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestPromptsRefuse(t *testing.T) {
	for _, c := range []struct {
		name, template string
		classes        []string
		says           string
	}{
		{"template without placeholder", "a photo of a cat", []string{"cat"}, "{}"},
		{"empty class", TemplateDefault, []string{"cat", " "}, "class 1 of 2"},
	} {
		if _, err := Prompts(c.template, c.classes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.says)
		}
	}
}

func TestTokenizePrompts(t *testing.T) {
	tok := NewTokenizer()
	got, err := tok.TokenizePrompts(TemplateDefault, []string{"cat", "great white shark"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{SOT, 320, 1125, 539, 320, 830, 1579, 7980, 269, EOT}; !slices.Equal(got[1], want) {
		t.Errorf("%v, want %v", got[1], want)
	}
	for name, class := range map[string]string{
		"gives no tokens":  "\x01",
		"more than the 77": strings.Repeat("long ", 80),
	} {
		_, err := tok.TokenizePrompts(TemplateDefault, []string{"cat", class})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "class 1 of 2") {
			t.Errorf("error %v, want one with %q and the class", err, name)
		}
	}
}

func TestTemplates(t *testing.T) {
	eight, eighty := TemplatesImageNet(), TemplatesOpenAI()
	if len(eight) != 8 || len(eighty) != 80 {
		t.Fatalf("%d and %d templates, want 8 and 80", len(eight), len(eighty))
	}
	for _, list := range [][]string{eight, eighty} {
		seen := map[string]bool{}
		for _, template := range list {
			if strings.Count(template, ClassPlaceholder) != 1 || seen[template] {
				t.Errorf("template %q lacks its placeholder or is repeated", template)
			}
			seen[template] = true
		}
	}
	for _, name := range TemplateDatasets() {
		if template, ok := TemplateFor(strings.ToLower(name)); !ok || !strings.Contains(template, ClassPlaceholder) {
			t.Errorf("%s: template %q, %v", name, template, ok)
		}
	}
	if template, ok := TemplateFor("EuroSAT"); !ok || template != "a centered satellite photo of {}." {
		t.Errorf("EuroSAT: %q, %v", template, ok)
	}
	if template, ok := TemplateFor("other"); ok || template != TemplateDefault {
		t.Errorf("other: %q, %v", template, ok)
	}
}
