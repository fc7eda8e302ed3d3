package referee

import (
	"embed"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/internal/named"
	"clipcalib/internal/regular"
)

//go:embed tables/*.yaml
var shipped embed.FS

// Shipped are the tables that come with the program, by name.
func Shipped() []File {
	names, err := shipped.ReadDir("tables")
	if err != nil {
		panic(err) // embedded
	}
	var out []File
	for _, n := range names {
		f, err := ReadShipped(strings.TrimSuffix(n.Name(), ".yaml"))
		if err != nil {
			panic(err) // a test reads them all
		}
		out = append(out, f)
	}
	return out
}

// ReadShipped reads a table that comes with the program.
func ReadShipped(name string) (File, error) {
	raw, err := shipped.ReadFile(path.Join("tables", name+".yaml"))
	if err != nil {
		return File{}, fmt.Errorf("no table of the name %q comes with the program%s", name,
			named.Suggestion(name, ShippedNames()))
	}
	return parse(name, "yaml", raw)
}

// ShippedNames are the names of the shipped tables.
func ShippedNames() (names []string) {
	entries, err := shipped.ReadDir("tables")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// ShippedText is the file of a shipped table as it is.
func ShippedText(name string) ([]byte, error) {
	return shipped.ReadFile(path.Join("tables", name+".yaml"))
}

// IsShipped reports whether a name is that of a shipped table.
func IsShipped(name string) bool { return slices.Contains(ShippedNames(), name) }

// Read reads a .yaml, .yml, .csv or .tsv file of tables.
func Read(file string) (File, error) {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(file), "."))
	if ext == "yml" {
		ext = "yaml"
	}
	if !slices.Contains([]string{"yaml", "csv", "tsv"}, ext) {
		return File{}, fmt.Errorf("%s: want a .yaml, .csv or .tsv file", file)
	}
	in, err := regular.Open(file)
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	raw, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", file, err)
	}
	if len(raw) > maxFile {
		return File{}, fmt.Errorf("%s: longer than a published table is (%d bytes)", file, maxFile)
	}
	f, err := parse(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), ext, raw)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}

func parse(name, format string, raw []byte) (f File, err error) {
	switch format {
	case "yaml":
		f, err = parseYAML(raw)
	case "tsv":
		f, err = parseCSV(raw, '\t')
	default:
		f, err = parseCSV(raw, ',')
	}
	if err != nil {
		return f, err
	}
	f.Name = name
	return f, f.check()
}
