// The range of logits: its ends, the map onto another range (ZS-Norm) and the
// penalty outside one. One warp a row but for the penalty.
#include "common.cuh"

struct Ends {
    float low, high;
    int at_low, at_high;
};

// ends finds the first minimum and the first maximum of a row.
__device__ inline Ends ends(const float *row, int n) {
    Ends e = {row[0], row[0], 0, 0};
    for (int j = lane_id(); j < n; j += WARP) {
        if (row[j] < e.low) {
            e.low = row[j];
            e.at_low = j;
        }
        if (row[j] > e.high) {
            e.high = row[j];
            e.at_high = j;
        }
    }
    warp_first(&e.low, &e.at_low, -1.0f);
    warp_first(&e.high, &e.at_high, 1.0f);
    return e;
}

// out[i] = min, max of x[i]
KERNEL(row_range)(float *out, const float *x, int m, int n) {
    int i = warp_row();
    if (i >= m) return;
    Ends e = ends(x + (i64)i * n, n);
    if (lane_id() == 0) {
        out[2 * (i64)i] = e.low;
        out[2 * (i64)i + 1] = e.high;
    }
}

// out = s * (l - min) + zs.min, s = (zs.max - zs.min) / (max - min), or 1 for a flat row
KERNEL(range_map)(float *out, const float *logits, const float *zs, int m, int n) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = logits + (i64)i * n;
    Ends e = ends(row, n);
    float r = e.high - e.low, to = zs[2 * (i64)i];
    float s = r > 0 ? (zs[2 * (i64)i + 1] - to) / r : 1.0f;
    for (int j = lane_id(); j < n; j += WARP) out[(i64)i * n + j] = s * (row[j] - e.low) + to;
}

// dl = s*dy; dl[argmin] -= s*(S - D); dl[argmax] -= s*D, with S the sum of dy
// and D the sum of dy*(l - min)/(max - min).
KERNEL(range_map_grad)(float *dlogits, const float *logits, const float *zs, const float *dy, int m, int n) {
    int i = warp_row();
    if (i >= m) return;
    const float *row = logits + (i64)i * n, *d = dy + (i64)i * n;
    Ends e = ends(row, n);
    float r = e.high - e.low;
    float s = r > 0 ? (zs[2 * (i64)i + 1] - zs[2 * (i64)i]) / r : 1.0f;
    float inv = r > 0 ? 1.0f / r : 0.0f;
    float sum = 0, dot = 0;
    for (int j = lane_id(); j < n; j += WARP) {
        sum += d[j];
        dot += d[j] * (row[j] - e.low) * inv;
    }
    sum = warp_sum(sum);
    dot = warp_sum(dot);
    for (int j = lane_id(); j < n; j += WARP) {
        float v = s * d[j];
        if (j == e.at_low) v -= s * (sum - dot);
        if (j == e.at_high) v -= s * dot;
        dlogits[(i64)i * n + j] = v;
    }
}

// part[block] = sum of ReLU(l - zs.max) + ReLU(zs.min - l) over its elements;
// dlogits = step, -step or 0, unless it is 0.
KERNEL(range_penalty)(double *part, float *dlogits, const float *logits, const float *zs, i64 total, int n, float step) {
    double s = 0;
    EACH(k, total) {
        i64 i = k;
        take(&i, n);
        float v = logits[k], low = zs[2 * i], high = zs[2 * i + 1], g = 0;
        if (v > high) {
            s += (double)v - (double)high;
            g = step;
        }
        if (v < low) {
            s += (double)low - (double)v;
            g -= step;
        }
        if (dlogits) dlogits[k] = g;
    }
    s = block_sum(s);
    if (threadIdx.x == 0) part[blockIdx.x] = s;
}
