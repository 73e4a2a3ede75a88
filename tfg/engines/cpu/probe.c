/* The smallest OpenMP program: tells whether this machine can build and load the cpu engine. */
#include <omp.h>

int tfg_max_threads(void) { return omp_get_max_threads(); }
