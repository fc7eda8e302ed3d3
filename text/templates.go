package text

import "strings"

// TemplateDefault is the prompt of data sets without a template of their own.
const TemplateDefault = "a photo of a {}."

// datasetTemplates holds the one template of each data set, under CoOp's names
// for them (github.com/KaiyangZhou/CoOp, trainers/zsclip.py; CLAP keeps them).
var datasetTemplates = []struct{ dataset, template string }{
	{"OxfordPets", "a photo of a {}, a type of pet."},
	{"OxfordFlowers", "a photo of a {}, a type of flower."},
	{"FGVCAircraft", "a photo of a {}, a type of aircraft."},
	{"DescribableTextures", "{} texture."},
	{"EuroSAT", "a centered satellite photo of {}."},
	{"StanfordCars", TemplateDefault},
	{"Food101", "a photo of {}, a type of food."},
	{"SUN397", TemplateDefault},
	{"Caltech101", TemplateDefault},
	{"UCF101", "a photo of a person doing {}."},
	{"ImageNet", TemplateDefault},
	{"ImageNetSketch", TemplateDefault},
	{"ImageNetV2", TemplateDefault},
	{"ImageNetA", TemplateDefault},
	{"ImageNetR", TemplateDefault},
}

// TemplateFor returns the prompt template of a data set named as in CoOp, case
// set aside: OxfordPets, EuroSAT, ImageNetSketch and so on. Other names get
// TemplateDefault and false.
func TemplateFor(dataset string) (template string, known bool) {
	for _, d := range datasetTemplates {
		if strings.EqualFold(d.dataset, dataset) {
			return d.template, true
		}
	}
	return TemplateDefault, false
}

// TemplateDatasets returns the names TemplateFor knows.
func TemplateDatasets() []string {
	names := make([]string, len(datasetTemplates))
	for i, d := range datasetTemplates {
		names[i] = d.dataset
	}
	return names
}

// TemplatesImageNet returns the ensemble of eight templates for ImageNet: the
// seven OpenAI selected in its notebook Prompt_Engineering_for_ImageNet and
// the default one. Adapters average the text features of all eight.
func TemplatesImageNet() []string {
	return []string{
		"itap of a {}.",
		"a bad photo of the {}.",
		"a origami {}.",
		"a photo of the large {}.",
		"a {} in a video game.",
		"art of the {}.",
		"a photo of the small {}.",
		"a photo of a {}.",
	}
}

// TemplatesOpenAI returns the 80 ImageNet templates of OpenAI's notebook
// Prompt_Engineering_for_ImageNet.
func TemplatesOpenAI() []string {
	return []string{
		"a bad photo of a {}.",
		"a photo of many {}.",
		"a sculpture of a {}.",
		"a photo of the hard to see {}.",
		"a low resolution photo of the {}.",
		"a rendering of a {}.",
		"graffiti of a {}.",
		"a bad photo of the {}.",
		"a cropped photo of the {}.",
		"a tattoo of a {}.",
		"the embroidered {}.",
		"a photo of a hard to see {}.",
		"a bright photo of a {}.",
		"a photo of a clean {}.",
		"a photo of a dirty {}.",
		"a dark photo of the {}.",
		"a drawing of a {}.",
		"a photo of my {}.",
		"the plastic {}.",
		"a photo of the cool {}.",
		"a close-up photo of a {}.",
		"a black and white photo of the {}.",
		"a painting of the {}.",
		"a painting of a {}.",
		"a pixelated photo of the {}.",
		"a sculpture of the {}.",
		"a bright photo of the {}.",
		"a cropped photo of a {}.",
		"a plastic {}.",
		"a photo of the dirty {}.",
		"a jpeg corrupted photo of a {}.",
		"a blurry photo of the {}.",
		"a photo of the {}.",
		"a good photo of the {}.",
		"a rendering of the {}.",
		"a {} in a video game.",
		"a photo of one {}.",
		"a doodle of a {}.",
		"a close-up photo of the {}.",
		"a photo of a {}.",
		"the origami {}.",
		"the {} in a video game.",
		"a sketch of a {}.",
		"a doodle of the {}.",
		"a origami {}.",
		"a low resolution photo of a {}.",
		"the toy {}.",
		"a rendition of the {}.",
		"a photo of the clean {}.",
		"a photo of a large {}.",
		"a rendition of a {}.",
		"a photo of a nice {}.",
		"a photo of a weird {}.",
		"a blurry photo of a {}.",
		"a cartoon {}.",
		"art of a {}.",
		"a sketch of the {}.",
		"a embroidered {}.",
		"a pixelated photo of a {}.",
		"itap of the {}.",
		"a jpeg corrupted photo of the {}.",
		"a good photo of a {}.",
		"a plushie {}.",
		"a photo of the nice {}.",
		"a photo of the small {}.",
		"a photo of the weird {}.",
		"the cartoon {}.",
		"art of the {}.",
		"a drawing of the {}.",
		"a photo of the large {}.",
		"a black and white photo of a {}.",
		"the plushie {}.",
		"a dark photo of a {}.",
		"itap of a {}.",
		"graffiti of the {}.",
		"a toy {}.",
		"itap of my {}.",
		"a photo of a cool {}.",
		"a photo of a small {}.",
		"a tattoo of the {}.",
	}
}
