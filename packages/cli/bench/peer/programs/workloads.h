/* Workloads of the benchmark: each does a fixed amount of work and gives a checksum of it. */
#ifndef WORKLOADS_H
#define WORKLOADS_H
#include <stdint.h>

struct workload {
  const char *name;
  /* Does the work `times` times over and gives a checksum that depends on nothing else. */
  uint64_t (*run)(unsigned times);
  /* How often, so that it takes a second or so on an emulator. */
  unsigned times;
};

/* Each table ends with an entry without a name. */
extern const struct workload integer_workloads[];
extern const struct workload float_workloads[];
extern const struct workload memory_workloads[];
extern const struct workload kernel_workloads[];
extern const struct workload thread_workloads[];

/* A generator of test data: a linear congruence modulo 2^64, its upper half. */
static inline uint32_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*state >> 32);
}

#endif
