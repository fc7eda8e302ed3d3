package schedulers

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
	"sigs.k8s.io/yaml"
)

// examples are what internal/schedule's tests hold its writers to.
const examples = "../../internal/schedule/testdata"

// documents are the parts of a YAML file.
func documents(t *testing.T, file string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(examples, file))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(raw, []byte("\n---\n"))
}

// strict decodes a document: a field that the type lacks is an error.
func strict(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(raw, into); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
}

func TestJobs(t *testing.T) {
	for name, want := range map[string]struct {
		tasks, parallel int32
		gpus            string
		queue           string
	}{"cpu": {2000, 50, "", ""}, "gpu": {1200, 1200, "1", "team-queue"}} {
		docs := documents(t, name+"-job.yaml")
		if len(docs) != 1 {
			t.Fatalf("%s: %d documents", name, len(docs))
		}
		var job batchv1.Job
		strict(t, docs[0], &job)
		s, pod := job.Spec, job.Spec.Template.Spec
		if job.APIVersion != batchv1.SchemeGroupVersion.String() || job.Kind != "Job" ||
			*s.CompletionMode != batchv1.IndexedCompletion || *s.Completions != want.tasks ||
			*s.Parallelism != want.parallel ||
			*s.MaxFailedIndexes != want.tasks || *s.BackoffLimitPerIndex < 1 {
			t.Errorf("%s: %+v", name, s)
		}
		// A limit an index wants pods that are not restarted in place.
		if pod.RestartPolicy != corev1.RestartPolicyNever || job.Labels["kueue.x-k8s.io/queue-name"] != want.queue {
			t.Errorf("%s: restart policy %s, labels %v", name, pod.RestartPolicy, job.Labels)
		}
		c := pod.Containers[0]
		gpus := c.Resources.Requests["nvidia.com/gpu"]
		if len(pod.Containers) != 1 || c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() ||
			want.gpus != "" && (gpus.String() != want.gpus || gpus.Cmp(c.Resources.Limits["nvidia.com/gpu"]) != 0) {
			t.Errorf("%s: %+v", name, c.Resources)
		}
		volumes := map[string]bool{}
		for _, v := range pod.Volumes {
			volumes[v.Name] = true
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s: no volume %s", name, m.Name)
			}
		}
		checkPolicy(t, name, s.PodFailurePolicy, c.Name)
	}
}

// checkPolicy holds a Job's rules to what the exit codes mean, and to what an
// API server asks of rules.
func checkPolicy(t *testing.T, name string, p *batchv1.PodFailurePolicy, container string) {
	t.Helper()
	action := map[int32]batchv1.PodFailurePolicyAction{}
	for _, r := range p.Rules {
		if (r.OnExitCodes == nil) == (len(r.OnPodConditions) == 0) {
			t.Errorf("%s: a rule wants exit codes or conditions: %+v", name, r)
		}
		if r.OnExitCodes == nil {
			continue
		}
		last := int32(0)
		for _, code := range r.OnExitCodes.Values {
			if code <= last || r.OnExitCodes.Operator != batchv1.PodFailurePolicyOnExitCodesOpIn {
				t.Errorf("%s: codes want to rise: %v", name, r.OnExitCodes.Values)
			}
			last = code
			if _, before := action[code]; !before {
				action[code] = r.Action
			}
		}
		if r.OnExitCodes.ContainerName == nil || *r.OnExitCodes.ContainerName != container {
			t.Errorf("%s: the rule is for another container", name)
		}
	}
	want := map[int32]batchv1.PodFailurePolicyAction{
		1: batchv1.PodFailurePolicyActionFailIndex, 2: batchv1.PodFailurePolicyActionFailIndex,
		75: batchv1.PodFailurePolicyActionCount, 130: batchv1.PodFailurePolicyActionIgnore,
		143: batchv1.PodFailurePolicyActionIgnore,
	}
	if fmt.Sprint(action) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", name, action, want)
	}
}

func TestQueues(t *testing.T) {
	docs := documents(t, "gpu-queues.yaml")
	if len(docs) != 3 {
		t.Fatalf("%d documents", len(docs))
	}
	var flavor kueue.ResourceFlavor
	var cluster kueue.ClusterQueue
	var local kueue.LocalQueue
	strict(t, docs[0], &flavor)
	strict(t, docs[1], &cluster)
	strict(t, docs[2], &local)
	version := kueue.GroupVersion.String()
	if flavor.APIVersion != version || cluster.APIVersion != version || local.APIVersion != version {
		t.Errorf("not of %s", version)
	}
	group := cluster.Spec.ResourceGroups[0]
	if string(local.Spec.ClusterQueue) != cluster.Name || string(group.Flavors[0].Name) != flavor.Name ||
		len(group.CoveredResources) != len(group.Flavors[0].Resources) || local.Name != "team-queue" {
		t.Errorf("%+v\n%+v", cluster.Spec, local.Spec)
	}
	for i, r := range group.Flavors[0].Resources {
		if r.Name != group.CoveredResources[i] || r.NominalQuota.IsZero() {
			t.Errorf("%+v", r)
		}
	}
}

// TestTheCheckIsStrict: a field that Kubernetes does not have is found.
func TestTheCheckIsStrict(t *testing.T) {
	raw := strings.Replace(string(documents(t, "cpu-job.yaml")[0]), "backoffLimitPerIndex", "backoffLimitPerindexx", 1)
	if err := yaml.UnmarshalStrict([]byte(raw), &batchv1.Job{}); err == nil {
		t.Error("a misspelt field was taken")
	}
}
