package cli

import (
	"path/filepath"
	"testing"
)

func TestFilesOfTwoEvaluationsAreToldApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(3, 8, 16, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	fold := makeClusters(3, 20, 16, 1, 2).write(t, filepath.Join(dir, "fold.safetensors"))
	test := makeClusters(3, 20, 16, 1, 3).write(t, filepath.Join(dir, "test.safetensors"))
	for name, epochs := range map[string]string{"a": "2", "b": "3"} {
		out := filepath.Join(dir, name)
		mustRun(t, "adapt", "zslp", "--features", train, "--epochs", epochs, "--out", out)
		mustRun(t, "eval", out, "--features", fold)
		mustRun(t, "eval", out, "--features", test)
	}
	file := func(run, target, name string) string { return filepath.Join(dir, run, "targets", target, name+".npy") }
	logits, labels := file("a", "test", "logits"), file("a", "test", "labels")
	calLogits, calLabels := file("a", "fold", "logits"), file("a", "fold", "labels")

	mustRun(t, "conformal", "--logits", logits, "--labels", labels, "--cal-logits", calLogits, "--cal-labels",
		calLabels)
	mustRun(t, "calibrate", "--logits", logits, "--labels", file("b", "test", "labels"), "--remedy", "sals",
		"--zero-shot", file("a", "test", "zero_shot_logits"))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"calibrate", "--logits", logits, "--labels", calLabels},
			[]string{"different targets", logits, calLabels}},
		{[]string{"calibrate", "--logits", logits, "--labels", labels, "--remedy", "sals", "--zero-shot",
			file("a", "fold", "zero_shot_logits")}, []string{"--zero-shot", "different targets"}},
		{[]string{"calibrate", "--logits", logits, "--labels", labels, "--remedy", "temperature", "--fit-logits",
			file("b", "fold", "logits"), "--fit-labels", calLabels},
			[]string{"--fit-logits", "not of one classifier"}},
		{[]string{"conformal", "--logits", logits, "--cal-logits", file("a", "fold", "zero_shot_logits"),
			"--cal-labels", calLabels}, []string{"--cal-logits", "zero-shot"}},
		{[]string{"conformal", "--logits", logits, "--cal-logits", file("b", "fold", "logits"), "--cal-labels",
			calLabels}, []string{"not of one classifier"}},
		{[]string{"conformal", "--logits", logits, "--cal-logits", calLogits, "--cal-labels", labels},
			[]string{"--cal-labels", "different targets"}},
	} {
		fails(t, c.args, c.want...)
	}
}
