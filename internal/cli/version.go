package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version says what was built: the module's version where it has one, the
// revision where the build knows it, Go's version and the platform.
func version() string {
	v := "unreleased"
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	if ok {
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		if r := set["vcs.revision"]; r != "" {
			v += " " + r[:min(12, len(r))]
			if set["vcs.modified"] == "true" {
				v += " modified"
			}
		}
	}
	return fmt.Sprintf("%s (%s %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
