package weights

import (
	"archive/zip"
	"testing"

	"clipcalib/internal/picklescan"
)

// tryAll opens foreign bytes and reads what they hold; the fuzzers look for
// panics, hangs and runaway memory.
func tryAll(data []byte) { _ = readAll("fuzz", data) }

func FuzzOpenTorchZip(f *testing.F) {
	for name, data := range smallFixtures(f) {
		if name != "views_legacy.pt" && name != "dtypes.safetensors" {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { tryAll(append([]byte("PK\x03\x04"), cut(data, 4)...)) })
}

func FuzzOpenLegacy(f *testing.F) {
	f.Add(smallFixtures(f)["views_legacy.pt"])
	f.Fuzz(func(t *testing.T, data []byte) { tryAll(append([]byte("\x80"), cut(data, 1)...)) })
}

func FuzzOpenSafetensors(f *testing.F) {
	f.Add(smallFixtures(f)["dtypes.safetensors"])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8 {
			data[8] = '{'
		}
		tryAll(data)
	})
}

// FuzzPickle mutates the index alone, inside an archive that is sound: the
// checksums of a mutated archive would stop most of them.
func FuzzPickle(f *testing.F) {
	for name, data := range smallFixtures(f) {
		if name == "views_legacy.pt" || name == "dtypes.safetensors" {
			continue
		}
		a, err := openArchive(bytesSource(data))
		if err != nil {
			f.Fatal(err)
		}
		index, err := a.read("data.pkl", picklescan.MaxBytes)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(index, false)
	}
	f.Add(pickleOf(func(p *pickler) {
		p.global("__torch__.clip", "CLIP")
		p.op(")\x81}(")
		p.text("weight")
		p.global("torch.jit._pickle", "build_intlist")
		p.op("](K\x01e\x85Rub")
	}), true)
	f.Fuzz(func(t *testing.T, index []byte, script bool) {
		records := map[string][]byte{"data.pkl": index}
		if script {
			records["constants.pkl"] = []byte("\x80\x02).")
		}
		for _, key := range []string{"0", "1", "2", "3"} {
			records["data/"+key] = make([]byte, 96)
		}
		tryAll(archiveOf(t, zip.Store, records))
	})
}

func cut(data []byte, n int) []byte { return data[min(n, len(data)):] }
