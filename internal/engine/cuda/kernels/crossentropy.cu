// Softmax cross-entropy with the corrections of the calibration literature,
// one warp a row:
//
//   (1-s) * -(1-p_y)^gamma * log p_y + s * mean_k(-log p_k)
//     + confidence * mean_k(c_k log c_k) + alpha * mean_k(ReLU(max - l_k - margin))
//
// with c = p clamped to [1e-10, 1-1e-10]. The loss of a row goes to losses,
// 1/b of its gradient to dlogits, unless that is 0.
#include "common.cuh"

KERNEL(crossentropy)(double *losses, float *dlogits, const float *logits, const int *labels, int b, int n, float smoothing,
                     float confidence, float gamma, float alpha, float margin, int *fault) {
    int i = warp_row();
    if (i >= b) return;
    const float *row = logits + (i64)i * n;
    int lane = lane_id(), y = labels[i];
    if (y < 0 || y >= n) {
        if (lane == 0) report(fault, FAULT_LABEL, i, y);
        y = 0;
    }
    float top = row[0];
    int at = 0;
    for (int j = lane; j < n; j += WARP)
        if (row[j] > top) {
            top = row[j];
            at = j;
        }
    warp_first(&top, &at, 1.0f);
    float sum = 0, total = 0;
    for (int j = lane; j < n; j += WARP) {
        sum += expf(row[j] - top);
        total += row[j] - top;
    }
    sum = warp_sum(sum);
    total = warp_sum(total);
    float log_sum = logf(sum); // of exp(l - top)

    // slope is the derivative of the focal term with respect to log p_y.
    float logp = row[y] - top - log_sum, py = expf(logp), q = -expm1f(logp);
    float weight = 1, slope = -1;
    if (gamma > 0) {
        weight = powf(q, gamma);
        slope = -weight;
        if (q > 0) slope += gamma * powf(q, gamma - 1) * py * logp;
    }
    double loss = -(double)(1 - smoothing) * weight * logp;
    if (smoothing != 0) loss += (double)smoothing * ((double)log_sum - (double)total / n);

    float entropy = 0, dot = 0; // sums of c log c and of p * d(c log c)/dp
    if (confidence != 0) {
        const float eps = 1e-10f;
        for (int j = lane; j < n; j += WARP) {
            float lp = row[j] - top - log_sum, p = expf(lp), rest = -expm1f(lp);
            if (p < eps) entropy += eps * logf(eps);
            else if (rest < eps) entropy -= eps;
            else {
                entropy += p * lp;
                dot += p * (lp + 1);
            }
        }
        entropy = warp_sum(entropy);
        dot = warp_sum(dot);
        loss += (double)(confidence / n) * entropy;
    }
    float excess = 0, count = 0;
    if (alpha != 0) {
        for (int j = lane; j < n; j += WARP) {
            float x = top - row[j] - margin;
            if (x > 0) {
                excess += x;
                count += 1;
            }
        }
        excess = warp_sum(excess);
        count = warp_sum(count);
        loss += (double)(alpha / n) * excess;
    }
    if (lane == 0) losses[i] = loss;
    if (!dlogits) return;
    for (int j = lane; j < n; j += WARP) {
        float lp = row[j] - top - log_sum, p = expf(lp);
        float d = (smoothing - (1 - smoothing) * slope) * p - smoothing / n;
        if (j == y) d += (1 - smoothing) * slope;
        if (confidence != 0) {
            float k = p < 1e-10f || -expm1f(lp) < 1e-10f ? 0.0f : lp + 1;
            d += confidence / n * p * (k - dot);
        }
        if (alpha != 0) {
            if (top - row[j] - margin > 0) d -= alpha / n;
            if (j == at) d += alpha / n * count;
        }
        dlogits[(i64)i * n + j] = d / b;
    }
}
