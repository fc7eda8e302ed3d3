// A narrow face of oneDNN's C interface, the same over its versions 2 and 3.
#ifndef CLIPCALIB_DNNL_SHIM_H
#define CLIPCALIB_DNNL_SHIM_H

#include <stdint.h>

// cc_product states y[m, n] = act(x[m, k] * w[k, n] + bias) + residual.
typedef struct {
	int64_t m, n, k;
	int trans_x; // x is stored [k, m]
	int trans_w; // w is stored [n, k]
	int packed;  // w is stored as the primitive likes it (cc_pack)
	int bf16;    // x and w are bfloat16
	int bias;
	int act;      // 0 none, 1 swish with 1.702, 2 GELU with erf, 3 ReLU
	int residual; // 0 none, 1 already in y, 2 a matrix of its own
	float alpha;  // scales the product; 1 if there is a bias
} cc_product;

typedef struct cc_primitive cc_primitive;

// Functions return 0 or the status of oneDNN.
int cc_version(void);   // major * 10000 + minor * 100 + patch
int cc_has_bf16(void);  // the processor multiplies bfloat16
void cc_one_thread(void); // oneDNN calls of this OS thread use it alone

int cc_primitive_new(const cc_product *p, cc_primitive **out);
void cc_primitive_free(cc_primitive *p);
int cc_primitive_fits(const cc_primitive *a, const cc_primitive *b); // same layout of w
int64_t cc_weight_bytes(const cc_primitive *p);
int64_t cc_scratch_bytes(const cc_primitive *p);

// cc_pack lays w (float32, [k, n] or [n, k]) out for the primitive, in memory
// to be freed with cc_free.
int cc_pack(const cc_primitive *p, const float *w, void **out);
void cc_free(void *p);

// cc_run computes the product with rows of x and y; narrow has m*k values of
// room for the bfloat16 copy of x, if that is asked for.
int cc_run(const cc_primitive *p, const float *x, const void *w, const float *bias,
	const float *residual, float *y, uint16_t *narrow, void *scratch);

#endif
