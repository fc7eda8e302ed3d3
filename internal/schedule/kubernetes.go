package schedule

import (
	"errors"
	"fmt"
	"io"
	"path"

	"clipcalib/internal/exitcode"

	"go.yaml.in/yaml/v3"
)

// fields are keys and values in the order they are written in.
type fields []field

type field struct {
	key   string
	value any
}

// MarshalYAML writes a mapping. Values that are nil are left out.
func (f fields) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, kv := range f {
		if kv.value == nil {
			continue
		}
		var key, value yaml.Node
		if err := errors.Join(key.Encode(kv.key), value.Encode(kv.value)); err != nil {
			return nil, err
		}
		n.Content = append(n.Content, &key, &value)
	}
	return n, nil
}

// grace is how long a pod that must go has to write down where it is.
const grace = 60

// container is the name of a pod's container.
const container = "clipcalib"

// scratchPath is where a pod works when nothing else is said.
const scratchPath = "/scratch"

// CheckKubernetes refuses what a Job cannot be made of.
func (t Tasks) CheckKubernetes() error {
	switch {
	case t.Image == "":
		return errors.New("--image is missing: name the image with clipcalib in it")
	case !IsName(t.Name) || len(t.Name) > longest:
		return fmt.Errorf("--name %s: want at most %d of a-z, 0-9 and -, as Kubernetes names jobs", t.Name, longest)
	case t.Namespace != "" && !IsName(t.Namespace), t.Queue != "" && !IsName(t.Queue):
		return fmt.Errorf("--namespace %s, --queue %s: want a-z, 0-9 and -", t.Namespace, t.Queue)
	}
	seen := map[string]bool{scratchPath: t.Scratch == ""}
	for _, c := range t.Claims {
		if !IsName(c.Name) || !path.IsAbs(c.Path) || seen[path.Clean(c.Path)] {
			return fmt.Errorf("--claim %s=%s: want the name of a claim and a path that nothing else is mounted at",
				c.Name, c.Path)
		}
		seen[path.Clean(c.Path)] = true
	}
	return nil
}

// Kubernetes writes an Indexed Job, a pod a task.
func Kubernetes(w io.Writer, t Tasks) error {
	var mounts, volumes []fields
	if t.Scratch == "" {
		t.Scratch = scratchPath
		mounts = append(mounts, fields{{"name", "scratch"}, {"mountPath", scratchPath}})
		volumes = append(volumes, fields{{"name", "scratch"}, {"emptyDir", fields{}}})
	}
	for i, c := range t.Claims {
		name := fmt.Sprintf("claim-%d", i)
		mounts = append(mounts, fields{{"name", name}, {"mountPath", c.Path}})
		volumes = append(volumes, fields{{"name", name}, {"persistentVolumeClaim", fields{{"claimName", c.Name}}}})
	}
	needs := fields{{"cpu", fmt.Sprint(t.CPUs)}, {"memory", fmt.Sprintf("%dMi", t.MemoryMiB)}}
	limits := fields{{"memory", fmt.Sprintf("%dMi", t.MemoryMiB)}}
	if t.GPUs > 0 {
		gpu := field{"nvidia.com/gpu", fmt.Sprint(t.GPUs)}
		needs, limits = append(needs, gpu), append(limits, gpu)
	}
	pod := fields{
		{"restartPolicy", "Never"}, // which a limit an index wants
		{"terminationGracePeriodSeconds", grace},
		{"activeDeadlineSeconds", seconds(t)},
		{"containers", []fields{{
			{"name", container}, {"image", t.Image}, {"args", t.run()},
			{"resources", fields{{"requests", needs}, {"limits", limits}}},
			{"volumeMounts", mounts},
		}}},
		{"volumes", volumes},
	}
	onExit := func(action string, codes ...int) fields {
		return fields{{"action", action}, {"onExitCodes", fields{
			{"containerName", container}, {"operator", "In"}, {"values", codes},
		}}}
	}
	parallel := t.Count()
	if t.AtOnce > 0 {
		parallel = min(parallel, t.AtOnce)
	}
	return write(w, fields{
		{"apiVersion", "batch/v1"}, {"kind", "Job"}, {"metadata", t.metadata(t.Name)},
		{"spec", fields{
			{"completionMode", "Indexed"},
			{"completions", t.Count()},
			{"parallelism", parallel},
			{"backoffLimitPerIndex", t.Retries},
			{"maxFailedIndexes", t.Count()}, // a task that fails stops no other
			{"podFailurePolicy", fields{{"rules", []fields{
				{{"action", "Ignore"}, {"onPodConditions", []fields{{{"type", "DisruptionTarget"},
					{"status", "True"}}}}},
				onExit("Ignore", exitcode.Interrupted, exitcode.Terminated),
				onExit("FailIndex", exitcode.Failed, exitcode.Misuse),
				onExit("Count", exitcode.TryAgain),
			}}}},
			{"template", fields{
				{"metadata", fields{{"labels", fields{{"app.kubernetes.io/name", container}}}}},
				{"spec", pod},
			}},
		}},
	})
}

// seconds is the time limit of a try, nil for none.
func seconds(t Tasks) any {
	if t.Time == 0 {
		return nil
	}
	return int64(t.Time.Seconds())
}

func (t Tasks) metadata(name string) fields {
	m := fields{{"name", name}, {"namespace", orNil(t.Namespace)}}
	if t.Queue != "" {
		m = append(m, field{"labels", fields{{"kueue.x-k8s.io/queue-name", t.Queue}}})
	}
	return m
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func write(w io.Writer, documents ...fields) error {
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	for _, d := range documents {
		if err := enc.Encode(d); err != nil {
			return err
		}
	}
	return enc.Close()
}
