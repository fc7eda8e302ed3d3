// Command tensor is our half of the race in ../race.py: it turns one picture
// into the image tower's input as often as each line of standard input says
// and answers with the seconds of wall time and of processor time.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"clipcalib/vit"
)

func main() {
	runtime.GOMAXPROCS(1)
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "tensor:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	p := vit.NewPreprocessor(224)
	out := make([]float32, p.Len())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		wall, cpu := time.Now(), processorTime()
		for range n {
			m, err := vit.DecodeImage(data)
			if err != nil {
				return err
			}
			if err := p.Into(out, m); err != nil {
				return err
			}
		}
		fmt.Println(time.Since(wall).Seconds(), (processorTime() - cpu).Seconds())
	}
	return nil
}

func processorTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
