package vec

import "math"

// SGD takes a step with momentum:
//
//	for i:
//	    v[i] = momentum*v[i] + g[i] + decay*p[i]
//	    p[i] -= lr*v[i]
func SGD(p, v, g []float32, lr, momentum, decay float32) {
	v, g = v[:len(p)], g[:len(p)]
	n := body(len(p))
	if n > 0 {
		sgdAsm(p[:n], v[:n], g[:n], lr, momentum, decay)
	}
	for i := n; i < len(p); i++ {
		v[i] = momentum*v[i] + (g[i] + decay*p[i])
		p[i] -= lr * v[i]
	}
}

// Adam holds the constants of a step of AdamW.
type Adam struct {
	Beta1, Rest1 float32 // Rest1 = 1 - Beta1
	Beta2, Rest2 float32
	Keep         float32 // 1 - learning rate * weight decay
	Rate         float32 // learning rate / (1 - Beta1^step)
	Root         float32 // 1 / sqrt(1 - Beta2^step)
	Eps          float32
}

// AdamW takes a step:
//
//	for i:
//	    m[i] = beta1*m[i] + rest1*g[i]
//	    v[i] = beta2*v[i] + rest2*g[i]*g[i]
//	    p[i] = keep*p[i] - rate*m[i] / (sqrt(v[i])*root + eps)
func AdamW(p, m, v, g []float32, c *Adam) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	n := body(len(p))
	if n > 0 {
		adamwAsm(p[:n], m[:n], v[:n], g[:n], c)
	}
	for i := n; i < len(p); i++ {
		m[i] = c.Beta1*m[i] + c.Rest1*g[i]
		v[i] = c.Beta2*v[i] + c.Rest2*g[i]*g[i]
		p[i] = c.Keep*p[i] - c.Rate*m[i]/(float32(math.Sqrt(float64(v[i])))*c.Root+c.Eps)
	}
}
