/* Floating point: Mandelbrot set, n bodies, the mathematical library; and vector streams over arrays. */
#include "workloads.h"
#include <math.h>
#include <string.h>

static uint64_t bits(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static uint64_t mandel(unsigned times) {
  uint64_t inside = 0;
  for (unsigned n = 0; n < times; n++)
    for (int row = 0; row < 64; row++)
      for (int column = 0; column < 64; column++) {
        double cr = -2.0 + 3.0 * column / 64, ci = -1.5 + 3.0 * row / 64, r = 0, i = 0;
        int step = 0;
        for (; step < 256 && r * r + i * i < 4; step++) {
          double next = r * r - i * i + cr;
          i = 2 * r * i + ci;
          r = next;
        }
        inside += (unsigned)step;
      }
  return inside;
}

static uint64_t nbody(unsigned times) {
  enum { BODIES = 5 };
  struct body {
    double x[3], v[3], mass;
  } b[BODIES];
  uint64_t seed = 7;
  for (int i = 0; i < BODIES; i++) {
    for (int d = 0; d < 3; d++) {
      b[i].x[d] = next_random(&seed) / 4294967296.0 * 20 - 10;
      b[i].v[d] = next_random(&seed) / 4294967296.0 - 0.5;
    }
    b[i].mass = 1 + next_random(&seed) / 4294967296.0;
  }
  for (unsigned n = 0; n < times * 1000; n++) {
    for (int i = 0; i < BODIES; i++)
      for (int j = i + 1; j < BODIES; j++) {
        double d[3], square = 1e-3;
        for (int k = 0; k < 3; k++) {
          d[k] = b[i].x[k] - b[j].x[k];
          square += d[k] * d[k];
        }
        double pull = 0.001 / (square * sqrt(square));
        for (int k = 0; k < 3; k++) {
          b[i].v[k] -= d[k] * b[j].mass * pull;
          b[j].v[k] += d[k] * b[i].mass * pull;
        }
      }
    for (int i = 0; i < BODIES; i++)
      for (int k = 0; k < 3; k++) b[i].x[k] += 0.001 * b[i].v[k];
  }
  return bits(b[0].x[0]);
}

static uint64_t libm(unsigned times) {
  double sum = 0;
  for (unsigned n = 0; n < times; n++)
    for (int i = 1; i <= 1000; i++) {
      double x = i * 0.01 + n * 1e-6;
      sum += sin(x) + cos(x) * exp(-x) + log(x) + pow(x, 0.3) + atan(x) + sqrt(x);
    }
  return (uint64_t)(sum * 1e-3);
}

enum { FLOATS = 4096, STREAM = 1 << 20, COPY = 1 << 20 };

/* gcc vectorizes these at -O3: two loads, a multiply-add of four floats, a store. */
__attribute__((optimize("O3"), noinline)) static void add_scaled(float *restrict y, const float *restrict x, float a, int n) {
  for (int i = 0; i < n; i++) y[i] += a * x[i];
}

static uint64_t saxpy(unsigned times) {
  static float x[FLOATS], y[FLOATS];
  for (int i = 0; i < FLOATS; i++) x[i] = (float)(i % 17), y[i] = 1;
  for (unsigned n = 0; n < times; n++) add_scaled(y, x, n % 2 ? -0.5f : 0.5f, FLOATS);
  float sum = 0;
  for (int i = 0; i < FLOATS; i++) sum += y[i];
  return (uint64_t)sum;
}

static uint64_t copy(unsigned times) {
  static uint8_t a[COPY], b[COPY];
  for (unsigned i = 0; i < COPY; i++) a[i] = (uint8_t)(i * 7);
  for (unsigned n = 0; n < times; n++) {
    memcpy(b, a, COPY);
    __asm__ volatile("" ::: "memory");
    memcpy(a, b, COPY);
    __asm__ volatile("" ::: "memory");
  }
  return a[12345];
}

static uint64_t set(unsigned times) {
  static uint8_t a[COPY];
  for (unsigned n = 0; n < times; n++) {
    memset(a, (int)n, COPY);
    __asm__ volatile("" ::: "memory");
  }
  return a[54321];
}

__attribute__((optimize("O3"), noinline)) static void triad_once(double *restrict a, const double *restrict b,
                                                                 const double *restrict c, double s, int n) {
  for (int i = 0; i < n; i++) a[i] = b[i] + s * c[i];
}

static uint64_t triad(unsigned times) {
  static double a[STREAM], b[STREAM], c[STREAM];
  for (int i = 0; i < STREAM; i++) b[i] = i % 9, c[i] = i % 5;
  for (unsigned n = 0; n < times; n++) triad_once(a, b, c, 3, STREAM);
  double sum = 0;
  for (int i = 0; i < STREAM; i++) sum += a[i];
  return (uint64_t)sum;
}

const struct workload float_workloads[] = {
    {"mandel", mandel, 900}, {"nbody", nbody, 2000}, {"libm", libm, 2700}, {"saxpy", saxpy, 260000},
    {"memcpy", copy, 4500},  {"memset", set, 25000}, {"triad", triad, 330}, {0, 0, 0},
};
