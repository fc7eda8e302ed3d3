package schedule

import (
	"errors"
	"fmt"
	"io"
)

// Kueue writes the queue that the Job names, and what it draws from: quotas for
// as many tasks as may run at once. They are for who looks after a cluster.
func Kueue(w io.Writer, t Tasks) error {
	if t.Queue == "" {
		return errors.New("--queue is missing: name the queue")
	}
	const version = "kueue.x-k8s.io/v1beta2"
	parallel := t.Count()
	if t.AtOnce > 0 {
		parallel = min(parallel, t.AtOnce)
	}
	cluster, flavor := t.Queue+"-cluster", t.Queue+"-flavor"
	covered := []string{"cpu", "memory"}
	quotas := []fields{
		{{"name", "cpu"}, {"nominalQuota", fmt.Sprint(parallel * t.CPUs)}},
		{{"name", "memory"}, {"nominalQuota", fmt.Sprintf("%dMi", int64(parallel)*t.MemoryMiB)}},
	}
	if t.GPUs > 0 {
		covered = append(covered, "nvidia.com/gpu")
		quotas = append(quotas, fields{{"name", "nvidia.com/gpu"}, {"nominalQuota", fmt.Sprint(parallel * t.GPUs)}})
	}
	return write(w,
		fields{{"apiVersion", version}, {"kind", "ResourceFlavor"}, {"metadata", fields{{"name", flavor}}}},
		fields{{"apiVersion", version}, {"kind", "ClusterQueue"}, {"metadata", fields{{"name", cluster}}},
			{"spec", fields{
				{"namespaceSelector", fields{}}, // all
				{"resourceGroups", []fields{{
					{"coveredResources", covered},
					{"flavors", []fields{{{"name", flavor}, {"resources", quotas}}}},
				}}},
			}}},
		fields{{"apiVersion", version}, {"kind", "LocalQueue"},
			{"metadata", fields{{"name", t.Queue}, {"namespace", orNil(t.Namespace)}}},
			{"spec", fields{{"clusterQueue", cluster}}}},
	)
}
