/* Two threads: each on its own, and both at one counter. */
#include "workloads.h"
#include <pthread.h>
#include <stdatomic.h>

struct share {
  unsigned times;
  uint64_t sum;
};

static void *spin(void *argument) {
  struct share *mine = argument;
  uint64_t state = 9, sum = 0;
  for (unsigned n = 0; n < mine->times; n++)
    for (unsigned i = 0; i < 100000; i++) sum ^= next_random(&state);
  mine->sum = sum;
  return 0;
}

static uint64_t both(void *(*work)(void *), unsigned times) {
  struct share shares[2] = {{times, 0}, {times, 0}};
  pthread_t thread;
  if (pthread_create(&thread, 0, work, &shares[1])) return 0;
  work(&shares[0]);
  pthread_join(thread, 0);
  return shares[0].sum + shares[1].sum;
}

static uint64_t two_threads(unsigned times) { return both(spin, times); }

static atomic_uint_fast64_t counter;

static void *count(void *argument) {
  struct share *mine = argument;
  for (unsigned n = 0; n < mine->times * 1000; n++) atomic_fetch_add(&counter, 1);
  return 0;
}

static uint64_t one_counter(unsigned times) {
  atomic_store(&counter, 0);
  both(count, times);
  return atomic_load(&counter);
}

const struct workload thread_workloads[] = {
    {"thr2", two_threads, 3200},
    {"atomic2", one_counter, 10000},
    {0, 0, 0},
};
