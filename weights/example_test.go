package weights_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"clipcalib/weights"
)

func ExampleOpen() {
	f, err := weights.Open("testdata/views.pt")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	t, _ := f.Lookup("transposed")
	data, err := t.Float32()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(f.Format(), len(f.Names()), "tensors")
	fmt.Println(t, data[:4])
	// Output:
	// PyTorch zip 16 tensors
	// transposed float32 [6, 4] [0 6 12 18]
}

func ExampleOpenCLIP() {
	// Without a config.json beside it the file does not tell its activation.
	c, err := weights.OpenCLIP("testdata/clip_huggingface.safetensors", weights.Options{Activation: weights.QuickGELU})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.Config.Architecture(), c.Layout, c.Config.Activation)
	v := c.Config.Vision
	fmt.Println(v.ImageSize, "pixels,", v.Layers, "layers of width", v.Width)
	// Output:
	// ViT-2x16/4@8px huggingface quick_gelu
	// 8 pixels, 2 layers of width 16
}

func ExampleView_Get() {
	c, err := weights.OpenCLIP("testdata/clip_torchscript.pt", weights.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	visual := c.View().Sub("visual")
	proj, err := visual.Get("proj", c.Config.Vision.Width, -1)
	fmt.Println(len(proj), err)
	_, err = visual.Get("conv1.weight", 8, 3, 4, 4)
	fmt.Println(err)
	// Output:
	// 192 <nil>
	// testdata/clip_torchscript.pt: visual.conv1.weight has shape [16, 3, 4, 4], want [8, 3, 4, 4]
}

func ExampleOpenBytes() {
	data, err := os.ReadFile("testdata/dtypes.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	f, err := weights.OpenBytes("dtypes", data)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	t, _ := f.Lookup("i_int8")
	fmt.Println(t.Int64())
	// Output: [-128 0 1 7 127] <nil>
}

func ExampleWritePyTorch() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pt")
	tensors := []weights.NamedTensor{
		{Name: "proj", Shape: []int{2, 2}, DType: weights.F16, Data: []float32{1, 2, 3, 1.0 / 3}},
		{Name: "labels", Shape: []int{3}, DType: weights.I64, Ints: []int64{0, 1, 1}},
	}
	if err := weights.WritePyTorch(path, tensors, weights.TorchOptions{}); err != nil {
		log.Fatal(err)
	}
	f, err := weights.Open(path) // or torch.load(path, weights_only=True)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		t, _ := f.Lookup(name)
		data, _ := t.Float32()
		fmt.Println(t, data)
	}
	// Output:
	// labels int64 [3] [0 1 1]
	// proj float16 [2, 2] [1 2 3 0.33325195]
}

func ExampleWriteSafetensors() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "features.safetensors")
	features := weights.NamedTensor{Name: "features", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}}
	err = weights.WriteSafetensors(path, []weights.NamedTensor{features}, map[string]string{"split": "test"})
	if err != nil {
		log.Fatal(err)
	}
	f, err := weights.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(f.Names(), f.Metadata())
	// Output: [features] map[split:test]
}

func ExampleConvert() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	opts := weights.ConvertOptions{Layout: weights.LayoutHuggingFace, DType: weights.F16}
	if err := weights.Convert("testdata/clip_torchscript.pt", path, opts); err != nil {
		log.Fatal(err)
	}
	in, err := weights.Inspect(path, weights.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(in.Format, in.Model.Layout, in.DTypes)
	// Output: safetensors huggingface [{float16 78 9673}]
}

func ExampleInspect() {
	in, err := weights.Inspect("testdata/clip_torchscript.pt", weights.Options{})
	if err != nil {
		log.Fatal(err)
	}
	m := in.Model
	fmt.Println(m.Architecture, "in a", in.Format, "with", m.Parameters, "parameters")
	fmt.Println(m.Activation, "because:", m.ActivationReason)
	for _, d := range in.DTypes {
		fmt.Println(d.Tensors, d.DType, "tensors")
	}
	// Output:
	// ViT-2x16/4@8px in a TorchScript archive with 9673 parameters
	// gelu because: the archive's TorchScript code computes it
	// 35 float16 tensors
	// 27 float32 tensors
	// 3 int64 tensors
}
