/* Integer work: CRC, linked list, matrix, state machine, sieve, sort, division, SHA-256. */
#include "workloads.h"
#include <stdlib.h>
#include <string.h>

static uint64_t crc(unsigned times) {
  static uint32_t table[256];
  static uint8_t data[65536];
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  uint64_t seed = 1;
  for (unsigned i = 0; i < sizeof data; i++) data[i] = (uint8_t)next_random(&seed);
  uint32_t c = ~0u;
  for (unsigned n = 0; n < times; n++)
    for (unsigned i = 0; i < sizeof data; i++) c = table[(c ^ data[i]) & 255] ^ (c >> 8);
  return ~c;
}

struct item {
  struct item *next;
  uint32_t key, value;
};

static struct item *merge(struct item *a, struct item *b) {
  struct item head, *tail = &head;
  while (a && b) {
    struct item **least = a->key <= b->key ? &a : &b;
    tail->next = *least;
    tail = *least;
    *least = tail->next;
  }
  tail->next = a ? a : b;
  return head.next;
}

static struct item *sort_list(struct item *list) {
  if (!list || !list->next) return list;
  struct item *slow = list, *fast = list->next;
  while (fast && fast->next) {
    slow = slow->next;
    fast = fast->next->next;
  }
  struct item *second = slow->next;
  slow->next = 0;
  return merge(sort_list(list), sort_list(second));
}

static uint64_t list(unsigned times) {
  enum { ITEMS = 4096 };
  static struct item items[ITEMS];
  uint64_t sum = 0, seed = 2;
  for (unsigned n = 0; n < times; n++) {
    for (unsigned i = 0; i < ITEMS; i++) {
      items[i].next = i + 1 < ITEMS ? &items[i + 1] : 0;
      items[i].key = next_random(&seed);
      items[i].value = i;
    }
    struct item *sorted = sort_list(items), *reversed = 0;
    while (sorted) {
      struct item *rest = sorted->next;
      sorted->next = reversed;
      reversed = sorted;
      sorted = rest;
    }
    unsigned place = 0;
    for (struct item *i = reversed; i; i = i->next) sum += (uint64_t)i->value * ++place ^ i->key;
  }
  return sum;
}

static uint64_t matrix(unsigned times) {
  enum { N = 96 };
  static int32_t a[N][N], b[N][N], c[N][N];
  uint64_t seed = 3, sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i][j] = (int16_t)next_random(&seed);
      b[i][j] = (int16_t)next_random(&seed);
    }
  for (unsigned n = 0; n < times; n++) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        uint32_t dot = 0;
        for (int k = 0; k < N; k++) dot += (uint32_t)a[i][k] * (uint32_t)b[k][j];
        c[i][j] = (int32_t)dot;
      }
    a[n % N][(n * 7) % N] += 1;
    sum += (uint32_t)c[n % N][(n * 5) % N];
  }
  return sum;
}

/* Counts the kinds of numbers in a text: integers, decimals, with exponent, hexadecimal, and what is none. */
static uint64_t state(unsigned times) {
  enum { START, SIGN, INTEGER, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, POWER, ZERO, HEX, INVALID, STATES };
  static char text[16384];
  static const char alphabet[] = "0123456789,+-.eExabcdef ";
  uint64_t seed = 4;
  for (unsigned i = 0; i < sizeof text; i++) {
    unsigned r = next_random(&seed);
    text[i] = r % 4 == 0 ? ',' : alphabet[(r >> 8) % (sizeof alphabet - 1)];
  }
  uint64_t counts[STATES] = {0};
  for (unsigned n = 0; n < times; n++) {
    int s = START;
    for (unsigned i = 0; i < sizeof text; i++) {
      char c = text[i];
      int digit = c >= '0' && c <= '9';
      if (c == ',') {
        counts[s]++;
        s = START;
        continue;
      }
      switch (s) {
      case START: s = c == '0' ? ZERO : digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID; break;
      case SIGN: s = digit ? INTEGER : c == '.' ? POINT : INVALID; break;
      case ZERO: s = c == 'x' ? HEX : digit ? INTEGER : c == '.' ? FRACTION : INVALID; break;
      case HEX: s = digit || (c >= 'a' && c <= 'f') ? HEX : INVALID; break;
      case INTEGER: s = digit ? INTEGER : c == '.' ? FRACTION : c == 'e' || c == 'E' ? EXPONENT : INVALID; break;
      case POINT: s = digit ? FRACTION : INVALID; break;
      case FRACTION: s = digit ? FRACTION : c == 'e' || c == 'E' ? EXPONENT : INVALID; break;
      case EXPONENT: s = digit ? POWER : c == '+' || c == '-' ? EXPONENT_SIGN : INVALID; break;
      case EXPONENT_SIGN: s = digit ? POWER : INVALID; break;
      case POWER: s = digit ? POWER : INVALID; break;
      default: break;
      }
    }
    text[n % sizeof text] ^= 1;
  }
  uint64_t sum = 0;
  for (int s = 0; s < STATES; s++) sum = sum * 31 + counts[s];
  return sum;
}

static uint64_t sieve(unsigned times) {
  enum { LIMIT = 2000000 };
  static uint8_t composite[LIMIT];
  uint64_t primes = 0;
  for (unsigned n = 0; n < times; n++) {
    memset(composite, 0, sizeof composite);
    for (unsigned i = 2; i < LIMIT; i++) {
      if (composite[i]) continue;
      primes++;
      for (uint64_t j = (uint64_t)i * i; j < LIMIT; j += i) composite[j] = 1;
    }
  }
  return primes;
}

static void quicksort(uint32_t *v, int left, int right) {
  while (left < right) {
    uint32_t pivot = v[left + (right - left) / 2];
    int i = left, j = right;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i <= j) {
        uint32_t t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (j - left < right - i) {
      quicksort(v, left, j);
      left = i;
    } else {
      quicksort(v, i, right);
      right = j;
    }
  }
}

static uint64_t sort(unsigned times) {
  enum { N = 100000 };
  static uint32_t v[N];
  uint64_t seed = 5, sum = 0;
  for (unsigned n = 0; n < times; n++) {
    for (int i = 0; i < N; i++) v[i] = next_random(&seed);
    quicksort(v, 0, N - 1);
    for (int i = 0; i < N; i += 997) sum = sum * 3 + v[i];
  }
  return sum;
}

static uint64_t division(unsigned times) {
  uint64_t x = 0x123456789abcdefu, sum = 0;
  for (unsigned n = 0; n < times; n++)
    for (unsigned i = 0; i < 100000; i++) {
      uint64_t d = (x >> 40) | 1;
      sum += x / d + x % d;
      x = x * 6364136223846793005u + (sum | 1);
    }
  return sum;
}

static inline uint32_t rotate(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }

/* FIPS 180-4. The constants are the fraction bits of the cube roots of the first primes, computed at start. */
static uint64_t sha256(unsigned times) {
  static uint32_t k[64];
  static uint8_t data[65536];
  static const uint8_t primes[64] = {2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,
                                     43,  47,  53,  59,  61,  67,  71,  73,  79,  83,  89,  97,  101,
                                     103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
                                     173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229, 233, 239,
                                     241, 251};
  for (int i = 0; i < 64; i++) {
    /* The largest r with (r / 2^32)^3 <= p, found by halving. */
    unsigned p = i < 54 ? primes[i] : (unsigned[]){257, 263, 269, 271, 277, 281, 283, 293, 307, 311}[i - 54];
    uint64_t low = 0, high = (uint64_t)8 << 32;
    while (high - low > 1) {
      uint64_t middle = (low + high) / 2;
      __uint128_t square = (__uint128_t)middle * middle;
      __uint128_t bound = ((__uint128_t)p << 96) / middle;
      if (square <= bound) low = middle;
      else high = middle;
    }
    k[i] = (uint32_t)low;
  }
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t seed = 6;
  for (unsigned i = 0; i < sizeof data; i++) data[i] = (uint8_t)next_random(&seed);
  for (unsigned n = 0; n < times; n++)
    for (unsigned at = 0; at < sizeof data; at += 64) {
      uint32_t w[64], s[8];
      for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)data[at + 4 * i] << 24 | (uint32_t)data[at + 4 * i + 1] << 16 |
               (uint32_t)data[at + 4 * i + 2] << 8 | data[at + 4 * i + 3];
      for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
      }
      memcpy(s, h, sizeof s);
      for (int i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t one = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
        uint32_t two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
      }
      for (int i = 0; i < 8; i++) h[i] += s[i];
    }
  return (uint64_t)h[0] << 32 | h[7];
}

const struct workload integer_workloads[] = {
    {"crc", crc, 4000},      {"list", list, 1000},  {"matrix", matrix, 1800}, {"state", state, 8500}, {"sieve", sieve, 85},
    {"qsort", sort, 65},     {"div", division, 1500}, {"sha256", sha256, 500}, {0, 0, 0},
};
