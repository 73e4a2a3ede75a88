/* How fast this processor multiplies and adds at best: chains of fused multiply-adds that never leave the registers. */
#include <omp.h>
#include <stdint.h>

#ifdef __AVX512F__
#define LANES 16
#else
#define LANES 8
#endif
#define CHAINS 14 /* hide the latency and fit the registers */

typedef float Lanes __attribute__((vector_size(LANES * 4)));

/* FLOP/s of all threads together while each makes `rounds` rounds of CHAINS multiply-adds. */
double tfg_peak_flops(int64_t rounds) {
    const int threads = omp_get_max_threads();
    volatile float kept = 0;
    const double started = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    {
        Lanes chain[CHAINS];
        const Lanes factor = (Lanes){0} + 0.999f, term = (Lanes){0} + 1e-3f;
        for (int i = 0; i < CHAINS; i++) chain[i] = (Lanes){0} + (float)i;
        for (int64_t k = 0; k < rounds; k++)
            for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + term;
        for (int i = 1; i < CHAINS; i++) chain[0] += chain[i];
        kept = chain[0][0];
    }
    return 2.0 * LANES * CHAINS * (double)rounds * threads / (omp_get_wtime() - started);
}
