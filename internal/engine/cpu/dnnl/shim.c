//go:build onednn

#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR >= 3
#define REF(md) (md)
typedef const_dnnl_memory_desc_t md_ref;
#else
#define REF(md) (&(md))
typedef const dnnl_memory_desc_t *md_ref;
#endif

#define TRY(call)                          \
	do {                                   \
		dnnl_status_t status_ = (call);    \
		if (status_ != dnnl_success) {     \
			status = status_;              \
			goto done;                     \
		}                                  \
	} while (0)

struct cc_primitive {
	cc_product p;
	dnnl_primitive_desc_t desc;
	dnnl_primitive_t prim;
	md_ref src, wei, bias, dst, scratch;
};

static dnnl_engine_t engine;
static dnnl_status_t engine_status;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void engine_init(void) { engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0); }

static dnnl_status_t ready(void) {
	pthread_once(&engine_once, engine_init);
	return engine_status;
}

int cc_version(void) {
	const dnnl_version_t *v = dnnl_version();
	return v->major * 10000 + v->minor * 100 + v->patch;
}

int cc_has_bf16(void) {
	return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

// Threads are Go's business: each of its threads gives oneDNN a share of the
// rows and wants no team of helpers, which would go on spinning afterwards.
// The runtime is looked up because oneDNN may be built without OpenMP.
static void (*set_threads)(int);

static void find_set_threads(void) { set_threads = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads"); }

void cc_one_thread(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_set_threads);
	if (set_threads) set_threads(1);
}

// A matrix descriptor with the given strides, or of any layout if both are 0.
static dnnl_status_t matrix(dnnl_memory_desc_t *md, int64_t rows, int64_t cols,
	dnnl_data_type_t type, int64_t row_stride, int64_t col_stride) {
	dnnl_dims_t dims = {rows, cols}, strides = {row_stride, col_stride};
	int any = row_stride == 0 && col_stride == 0;
#if DNNL_VERSION_MAJOR >= 3
	if (any) return dnnl_memory_desc_create_with_tag(md, 2, dims, type, dnnl_format_tag_any);
	return dnnl_memory_desc_create_with_strides(md, 2, dims, type, strides);
#else
	if (any) return dnnl_memory_desc_init_by_tag(md, 2, dims, type, dnnl_format_tag_any);
	return dnnl_memory_desc_init_by_strides(md, 2, dims, type, strides);
#endif
}

static void drop(dnnl_memory_desc_t *md) {
#if DNNL_VERSION_MAJOR >= 3
	if (*md) dnnl_memory_desc_destroy(*md);
#else
	(void)md;
#endif
}

static dnnl_status_t eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t alg, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
	return dnnl_post_ops_append_eltwise(ops, alg, alpha, 0);
#else
	return dnnl_post_ops_append_eltwise(ops, 1, alg, alpha, 0);
#endif
}

static dnnl_status_t sum(dnnl_post_ops_t ops) {
#if DNNL_VERSION_MAJOR >= 3
	return dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
#else
	return dnnl_post_ops_append_sum(ops, 1);
#endif
}

static dnnl_status_t post_ops(dnnl_post_ops_t ops, const cc_product *p, md_ref dst) {
	dnnl_status_t status = dnnl_success;
	if (p->alpha != 1) TRY(eltwise(ops, dnnl_eltwise_linear, p->alpha));
	if (p->act == 1) TRY(eltwise(ops, dnnl_eltwise_swish, 1.702f));
	if (p->act == 2) TRY(eltwise(ops, dnnl_eltwise_gelu_erf, 0));
	if (p->act == 3) TRY(eltwise(ops, dnnl_eltwise_relu, 0));
	if (p->residual == 1) TRY(sum(ops));
	if (p->residual == 2) TRY(dnnl_post_ops_append_binary(ops, dnnl_binary_add, dst));
done:
	return status;
}

int cc_primitive_new(const cc_product *p, cc_primitive **out) {
	dnnl_status_t status = dnnl_success;
	dnnl_memory_desc_t src, wei, bias, dst;
	memset(&src, 0, sizeof src);
	memset(&wei, 0, sizeof wei);
	memset(&bias, 0, sizeof bias);
	memset(&dst, 0, sizeof dst);
	dnnl_primitive_attr_t attr = NULL;
	dnnl_post_ops_t ops = NULL;
	cc_primitive *q = calloc(1, sizeof *q);
	if (!q) return dnnl_out_of_memory;
	q->p = *p;

	TRY(ready());
	dnnl_data_type_t type = p->bf16 ? dnnl_bf16 : dnnl_f32;
	TRY(matrix(&src, p->m, p->k, type, p->trans_x ? 1 : p->k, p->trans_x ? p->m : 1));
	if (p->packed)
		TRY(matrix(&wei, p->k, p->n, type, 0, 0));
	else
		TRY(matrix(&wei, p->k, p->n, type, p->trans_w ? 1 : p->n, p->trans_w ? p->k : 1));
	TRY(matrix(&dst, p->m, p->n, dnnl_f32, p->n, 1));
	if (p->bias) TRY(matrix(&bias, 1, p->n, dnnl_f32, p->n, 1));

	TRY(dnnl_primitive_attr_create(&attr));
	TRY(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
	TRY(dnnl_post_ops_create(&ops));
	TRY(post_ops(ops, p, REF(dst)));
	TRY(dnnl_primitive_attr_set_post_ops(attr, ops));
#if DNNL_VERSION_MAJOR >= 3
	TRY(dnnl_matmul_primitive_desc_create(&q->desc, engine, src, wei, p->bias ? bias : NULL, dst, attr));
#else
	dnnl_matmul_desc_t desc;
	TRY(dnnl_matmul_desc_init(&desc, &src, &wei, p->bias ? &bias : NULL, &dst));
	TRY(dnnl_primitive_desc_create(&q->desc, &desc, attr, engine, NULL));
#endif
	TRY(dnnl_primitive_create(&q->prim, q->desc));
	q->src = dnnl_primitive_desc_query_md(q->desc, dnnl_query_src_md, 0);
	q->wei = dnnl_primitive_desc_query_md(q->desc, dnnl_query_weights_md, 0);
	q->bias = dnnl_primitive_desc_query_md(q->desc, dnnl_query_weights_md, 1);
	q->dst = dnnl_primitive_desc_query_md(q->desc, dnnl_query_dst_md, 0);
	q->scratch = dnnl_primitive_desc_query_md(q->desc, dnnl_query_scratchpad_md, 0);
done:
	if (ops) dnnl_post_ops_destroy(ops);
	if (attr) dnnl_primitive_attr_destroy(attr);
	drop(&src);
	drop(&wei);
	drop(&bias);
	drop(&dst);
	if (status != dnnl_success) {
		cc_primitive_free(q);
		q = NULL;
	}
	*out = q;
	return status;
}

void cc_primitive_free(cc_primitive *q) {
	if (!q) return;
	if (q->prim) dnnl_primitive_destroy(q->prim);
	if (q->desc) dnnl_primitive_desc_destroy(q->desc);
	free(q);
}

int cc_primitive_fits(const cc_primitive *a, const cc_primitive *b) {
	return dnnl_memory_desc_equal(a->wei, b->wei);
}

int64_t cc_weight_bytes(const cc_primitive *q) { return dnnl_memory_desc_get_size(q->wei); }

int64_t cc_scratch_bytes(const cc_primitive *q) { return dnnl_memory_desc_get_size(q->scratch); }

int cc_pack(const cc_primitive *q, const float *w, void **out) {
	dnnl_status_t status = dnnl_success;
	dnnl_memory_desc_t plain;
	memset(&plain, 0, sizeof plain);
	dnnl_primitive_desc_t desc = NULL;
	dnnl_primitive_t prim = NULL;
	dnnl_memory_t from = NULL, to = NULL;
	dnnl_stream_t stream = NULL;
	void *data = NULL;
	const cc_product *p = &q->p;
	if (posix_memalign(&data, 64, cc_weight_bytes(q))) return dnnl_out_of_memory;

	TRY(matrix(&plain, p->k, p->n, dnnl_f32, p->trans_w ? 1 : p->n, p->trans_w ? p->k : 1));
	TRY(dnnl_reorder_primitive_desc_create(&desc, REF(plain), engine, q->wei, engine, NULL));
	TRY(dnnl_primitive_create(&prim, desc));
	TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
	TRY(dnnl_memory_create(&from, REF(plain), engine, (void *)w));
	TRY(dnnl_memory_create(&to, q->wei, engine, data));
	dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
	TRY(dnnl_primitive_execute(prim, stream, 2, args));
	TRY(dnnl_stream_wait(stream));
done:
	if (from) dnnl_memory_destroy(from);
	if (to) dnnl_memory_destroy(to);
	if (stream) dnnl_stream_destroy(stream);
	if (prim) dnnl_primitive_destroy(prim);
	if (desc) dnnl_primitive_desc_destroy(desc);
	drop(&plain);
	if (status != dnnl_success) {
		free(data);
		data = NULL;
	}
	*out = data;
	return status;
}

void cc_free(void *p) { free(p); }

// narrow_rows rounds float32 to bfloat16, to nearest, ties to even.
__attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
static void narrow_rows(uint16_t *dst, const float *src, int64_t n) {
	const uint32_t *bits = (const uint32_t *)src;
	for (int64_t i = 0; i < n; i++) {
		uint32_t u = bits[i];
		uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
		uint32_t nan = (u >> 16) | 0x40;
		dst[i] = (u & 0x7fffffff) > 0x7f800000 ? nan : rounded;
	}
}

int cc_run(const cc_primitive *q, const float *x, const void *w, const float *bias,
	const float *residual, float *y, uint16_t *narrow, void *scratch) {
	dnnl_status_t status = dnnl_success;
	dnnl_exec_arg_t args[6];
	int n = 0;
	dnnl_stream_t stream = NULL;
	if (q->p.bf16) narrow_rows(narrow, x, q->p.m * q->p.k);

	struct {
		int arg;
		md_ref md;
		const void *data;
	} in[] = {
		{DNNL_ARG_SRC, q->src, q->p.bf16 ? (const void *)narrow : (const void *)x},
		{DNNL_ARG_WEIGHTS, q->wei, w},
		{DNNL_ARG_DST, q->dst, y},
		{DNNL_ARG_BIAS, q->p.bias ? q->bias : NULL, bias},
		{DNNL_ARG_ATTR_MULTIPLE_POST_OP((q->p.alpha != 1) + (q->p.act != 0)) | DNNL_ARG_SRC_1,
			q->p.residual == 2 ? q->dst : NULL, residual},
		{DNNL_ARG_SCRATCHPAD, scratch ? q->scratch : NULL, scratch},
	};
	for (int i = 0; i < 6; i++) {
		if (!in[i].md) continue;
		args[n].arg = in[i].arg;
		TRY(dnnl_memory_create(&args[n].memory, in[i].md, engine, (void *)in[i].data));
		n++;
	}
	TRY(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
	TRY(dnnl_primitive_execute(q->prim, stream, n, args));
	TRY(dnnl_stream_wait(stream));
done:
	for (int i = 0; i < n; i++) dnnl_memory_destroy(args[i].memory);
	if (stream) dnnl_stream_destroy(stream);
	return status;
}
