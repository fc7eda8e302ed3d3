package vec

// AddReLU stores x[i] = max(x[i]+y[i], 0); NaN stays.
func AddReLU(x, y []float32) {
	y = y[:len(x)]
	n := body(len(x))
	if n > 0 {
		addReLUAsm(x[:n], y[:n])
	}
	for i := n; i < len(x); i++ {
		if v := x[i] + y[i]; v <= 0 {
			x[i] = 0
		} else {
			x[i] = v
		}
	}
}
