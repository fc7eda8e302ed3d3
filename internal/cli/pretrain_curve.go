package cli

import (
	"encoding/json"
	"os"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/pretrain"
	"clipcalib/internal/regular"
)

// lossCurve is the JSON-lines file of every step's loss.
type lossCurve struct {
	path string
	text strings.Builder
}

// openCurve keeps the first steps lines of an earlier part of the run.
func openCurve(path string, steps int) (*lossCurve, error) {
	c := &lossCurve{path: path}
	if steps == 0 {
		return c, nil
	}
	raw, err := regular.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		if steps--; steps < 0 {
			break
		}
		c.text.WriteString(line)
	}
	return c, nil
}

func (c *lossCurve) add(p pretrain.Point) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	c.text.Write(append(line, '\n'))
	return nil
}

func (c *lossCurve) flush() error {
	return atomicfile.WriteBytes(c.path, []byte(c.text.String()))
}
