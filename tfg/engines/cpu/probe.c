/* The smallest OpenMP program: where it can be built and loaded, so can the cpu engine. */
#include <omp.h>

int tfg_max_threads(void) { return omp_get_max_threads(); }
