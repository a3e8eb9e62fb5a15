/* Chains of loads, each of whose addresses the one before gave. */
#include "workloads.h"
#include <stdlib.h>
#include <string.h>

static uint64_t chase(unsigned bytes, unsigned times) {
  unsigned count = bytes / 64;
  uint32_t(*line)[16] = aligned_alloc(64, bytes);
  uint32_t *order = malloc(count * sizeof *order);
  if (!line || !order) return 0;
  memset(line, 0, bytes);
  uint64_t seed = 8;
  for (unsigned i = 0; i < count; i++) order[i] = i;
  for (unsigned i = count - 1; i > 0; i--) {
    unsigned j = next_random(&seed) % (i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (unsigned i = 0; i < count; i++) line[order[i]][0] = order[(i + 1) % count];
  uint32_t at = 0;
  uint64_t sum = 0;
  for (unsigned n = 0; n < times; n++) {
    for (unsigned i = 0; i < 500000; i++) at = line[at][0];
    sum = sum * 31 + at;
  }
  free(order);
  free(line);
  return sum;
}

static uint64_t chase64k(unsigned times) { return chase(64 << 10, times); }
static uint64_t chase32m(unsigned times) { return chase(32 << 20, times); }

const struct workload memory_workloads[] = {
    {"chase64k", chase64k, 250},
    {"chase32m", chase32m, 25},
    {0, 0, 0},
};
